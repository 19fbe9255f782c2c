// The program that serves the page is the page's console and file system: these are the requests to it. Another file
// has defined base, their folder, place, which is "window", "worker" or "workerd", and module, the WebAssembly.Module
// of workerd.

// The program under test may replace any of these.
const fetch = globalThis.fetch.bind(globalThis);
const setTimeout = globalThis.setTimeout.bind(globalThis);
const clearTimeout = globalThis.clearTimeout.bind(globalThis);
const now = performance.now.bind(performance);
const XMLHttpRequest = globalThis.XMLHttpRequest;
const encoder = new TextEncoder();

let exited = false;

// ---- Tasks: macrotasks without the 4 ms delay of nested timers.

const tasks = [];
let turned = now(); // when the event loop last turned, as far as it was noticed
const nextTask = () => {
	turned = now();
	tasks.shift()();
};
let scheduleTask;
if (place === "workerd") { // where messages are let in before timers
	scheduleTask = () => setTimeout(nextTask, 0);
} else {
	const channel = new MessageChannel();
	channel.port1.onmessage = nextTask;
	scheduleTask = () => channel.port2.postMessage(null);
}
const sinceTurn = () => now() - turned;
const later = (task) => {
	tasks.push(task);
	scheduleTask();
};

// ---- Writes: one queue for stdout, stderr and every open file, sent in order, one request at a time.

const frameHeader = 16; // fd uint32, length uint32, position float64 (-1: the file's own)
const queueLimit = 1 << 20; // bytes; above it a write returns only when the queue has been sent
let queue = new Uint8Array(1 << 16);
let queued = 0;
let sending = null; // the promise of the request on its way
let waiting = []; // writes that the limit holds back
const writeErrors = new Map(); // fd: what a write that had been accepted failed with

const enqueue = (fd, position, bytes) => {
	const need = queued + frameHeader + bytes.length;
	if (need > queue.length) {
		const grown = new Uint8Array(Math.max(need, 2 * queue.length));
		grown.set(queue.subarray(0, queued));
		queue = grown;
	}
	const header = new DataView(queue.buffer, queued, frameHeader);
	header.setUint32(0, fd, true);
	header.setUint32(4, bytes.length, true);
	header.setFloat64(8, position, true);
	queue.set(bytes, queued + frameHeader);
	queued = need;
	sending ??= send();
};

const send = async () => {
	while (queued > 0) {
		const body = queue.subarray(0, queued);
		queue = new Uint8Array(Math.min(queue.length, 2 * queueLimit));
		queued = 0;
		const response = await request("write", body);
		for (const { fd, code, message } of await response.json()) {
			writeErrors.set(fd, fileError(code, message));
		}
		if (queued <= queueLimit) {
			releaseWaiting();
		}
	}
	sending = null;
};

// releaseWaiting completes the writes that the limit held back.
const releaseWaiting = () => {
	const ready = waiting;
	waiting = [];
	for (const { callback, fd, length } of ready) {
		complete(callback, takeWriteError(fd), length);
	}
};

const sent = async () => {
	while (sending) {
		await sending;
	}
};

const request = async (path, body) => {
	const response = await fetch(base + path, { method: "POST", body, cache: "no-store" });
	if (!response.ok) {
		throw new Error(`${path}: ${response.status} ${await response.text()}`);
	}
	return response;
};

const print = (fd, text) => enqueue(fd, -1, encoder.encode(text));
