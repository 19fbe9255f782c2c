// Runs a Go program in Node, Deno or Bun: program.mjs CONFIG, a JSON file.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const config = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const runtime = globalThis.Deno ? "deno" : process.versions.bun ? "bun" : "node";

// ---- Tasks and writes.

const now = performance.now.bind(performance);
let turned = now(); // when the event loop last turned, as far as it was noticed
const sinceTurn = () => now() - turned;
const setImmediate = globalThis.setImmediate;
const later = (task) => setImmediate(() => {
	turned = now();
	task();
});
const releaseWaiting = () => {};

// writeAll writes all bytes, however slowly a reader takes them.
const writeAll = (fd, bytes) => {
	for (let written = 0; written < bytes.length;) {
		try {
			written += fs.writeSync(fd, bytes, written);
		} catch (error) {
			if (error.code !== "EAGAIN") {
				throw error;
			}
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // ms; no event tells while the event loop does not turn
		}
	}
};

const encoder = new TextEncoder();
const print = (fd, text) => writeAll(fd, encoder.encode(text));

globalThis.fs = Object.assign(Object.create(fs), {
	write(fd, bytes, offset, length, position, callback) {
		if (fd !== 1 && fd !== 2) {
			fs.write(fd, bytes, offset, length, position, callback);
			return;
		}
		try {
			writeAll(fd, bytes.subarray(offset, offset + length));
		} catch (error) {
			complete(callback, error);
			return;
		}
		complete(callback, null, length);
	},
	writeSync(fd, bytes) {
		writeAll(fd, bytes);
		return bytes.length;
	},
});
if (runtime === "bun") {
	// Bun 1.4 reports the success of symlink as undefined, which Go takes for an error.
	globalThis.fs.symlink = (target, link, callback) => fs.symlink(target, link, (error) => callback(error ?? null));
}
globalThis.path = path;
globalThis.process ??= process;

// ---- The program.

if (runtime !== "node") {
	replaceConsole(false);
}

// watchProcess records what Node and Bun report, unless the program has a listener of its own.
const watchProcess = () => {
	for (const [type, what] of [["uncaughtException", "uncaught error"], ["unhandledRejection", "unhandled rejection"]]) {
		process.on(type, (reason) => {
			if (process.listenerCount(type) === 1 && !afterEnd(reason)) {
				noteUncaught(what, reason);
			}
		});
	}
};

const fail = (what, error) => {
	print(2, `${what}: ${describeReason(error)}\n`);
	process.exit(config.failure);
};

const guarded = (enter) => {
	try {
		enter();
	} catch (error) {
		// What Go calls is caught by wasm_exec.js or Go: an exception that gets here has unwound the Go program.
		fail("exception out of the Go program", error);
	}
};

const runScripts = async () => {
	for (const file of config.scripts ?? []) {
		if (file.endsWith(".mjs")) {
			await import(pathToFileURL(file).href);
		} else {
			vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
		}
	}
};

const newGo = () => {
	if (!globalThis.Go) {
		throw new Error("wasm_exec.js has defined no Go: it is another one");
	}
	const go = new globalThis.Go();
	noticeReturns(go);
	go.argv = config.argv;
	go.env = config.env;
	const reportVariables = watchEnvironment(go, config.notPassed);
	go.exit = (code) => {
		reportVariables();
		process.exit(exitCodeOf(code, config.ignoreUncaught));
	};
	const makeFuncWrapper = go._makeFuncWrapper.bind(go);
	go._makeFuncWrapper = (id) => countCalls(makeFuncWrapper(id));
	const resume = go._resume.bind(go);
	go._resume = () => guarded(resume);
	process.on("exit", (code) => {
		// Nothing is left that could call the Go program: it reports the deadlock.
		if (code === 0 && !go.exited) {
			go._pendingEvent = { id: 0 };
			go._resume();
		}
	});
	return go;
};

const run = async () => {
	await runScripts();
	await import(pathToFileURL(config.wasmExec).href);
	const go = newGo();
	const { instance } = await WebAssembly.instantiate(fs.readFileSync(config.wasm), go.importObject);
	if (runtime === "deno") {
		watchEvents(true, noteUncaught);
	} else {
		watchProcess();
	}
	await go.run(instance);
};

// Not awaited: hosts differ in how they end while a module is still waiting.
run().catch((error) => fail("the Go program could not run", error));
