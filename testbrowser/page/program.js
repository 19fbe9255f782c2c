// Runs the Go program in a window or a dedicated worker: its console and files are on the other end of the requests
// below, in the program that serves this page.
"use strict";

(() => {
	// The program under test may replace any of these.
	const fetch = globalThis.fetch.bind(globalThis);
	const setTimeout = globalThis.setTimeout.bind(globalThis);
	const clearTimeout = globalThis.clearTimeout.bind(globalThis);
	const now = performance.now.bind(performance);
	const XMLHttpRequest = globalThis.XMLHttpRequest;
	const encoder = new TextEncoder();
	// Absolute, because a page may change its base URL.
	const inWorker = !globalThis.document;
	const base = inWorker ? new URL("~/", location.href).href : new URL(".", document.currentScript.src).href;

	let cwd = "/";
	let exited = false;

	// ---- Tasks: macrotasks without the 4 ms that nested timers are held back.

	const tasks = [];
	const channel = new MessageChannel();
	let turned = now(); // when the event loop last turned, as far as it was noticed
	channel.port1.onmessage = () => {
		turned = now();
		tasks.shift()();
	};
	const later = (task) => {
		tasks.push(task);
		channel.port2.postMessage(null);
	};

	// ---- Writes: one queue for stdout, stderr and every open file, sent in order, one request at a time.

	const frameHeader = 16; // fd uint32, length uint32, position float64 (-1: the file's own)
	const queueLimit = 1 << 20; // bytes; above it a write returns only when the queue has been sent
	let queue = new Uint8Array(1 << 16);
	let queued = 0;
	let sending = null; // the promise of the request on its way
	let waiting = []; // callbacks of the writes that the limit holds back
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
				const ready = waiting;
				waiting = [];
				ready.forEach(later);
			}
		}
		sending = null;
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

	// ---- Files: Node's fs, as far as Go's package syscall uses it.

	let pendingFileCalls = 0;

	const fileError = (code, message) => Object.assign(new Error(`${code}: ${message}`), { code });

	const isDirectory = (mode) => (mode & 0o170000) === 0o040000;

	const stats = (fields) => ({
		dev: 0, ino: 0, mode: 0, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, blksize: 4096, blocks: 0,
		atimeMs: 0, mtimeMs: 0, ctimeMs: 0, ...fields,
		isDirectory() { return isDirectory(this.mode); },
	});

	const consoleStats = () => stats({ mode: 0o020620 });

	// finish calls back from a task of its own, which is slow, or at once, which runs other goroutines inside this call
	// and keeps the event loop from turning: at once only if this is not inside another such call, and not for long.
	const longestTurn = 8; // ms
	let inside = false;
	const finish = (callback, error, result) => {
		if (!inside && now() - turned < longestTurn) {
			inside = true;
			try {
				callback(error, result);
			} finally {
				inside = false;
			}
			return;
		}
		pendingFileCalls++;
		later(() => {
			pendingFileCalls--;
			callback(error, result);
		});
	};

	const remote = (callback, operation, args, parse = (response) => response.json()) => {
		noteFileCallback(callback);
		pendingFileCalls++;
		const call = async () => {
			await sent(); // what was written before must be there
			const response = await fetch(`${base}file/${operation}?${fileQuery(args)}`, { method: "POST", cache: "no-store" });
			if (response.status === 422) {
				const { code, message } = await response.json();
				throw fileError(code, message);
			}
			if (!response.ok) {
				throw fileError("EIO", `${operation}: ${response.status} ${await response.text()}`);
			}
			return parse(response);
		};
		const done = (error, result) => {
			pendingFileCalls--;
			callback(error, result);
		};
		call().then((result) => done(null, result), (error) => done(error.code ? error : fileError("EIO", error.message)));
	};

	const fileQuery = (args) => new URLSearchParams({ cwd, ...args });

	const takeWriteError = (fd) => {
		const error = writeErrors.get(fd) ?? null;
		writeErrors.delete(fd);
		return error;
	};

	// afterWrites runs an operation on an open file, unless an earlier write to it failed meanwhile.
	const afterWrites = (fd, callback, operation, args) => {
		noteFileCallback(callback);
		remote((error, result) => {
			const earlier = takeWriteError(fd);
			callback(earlier ?? error, result);
		}, operation, { fd, ...args });
	};

	const onPath = (operation) => (path, callback) => remote(callback, operation, { path });

	const fs = {
		constants: {
			O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_CREAT: 0o100, O_EXCL: 0o200, O_TRUNC: 0o1000, O_APPEND: 0o2000, O_DIRECTORY: 0o200000,
		},
		writeSync(fd, bytes) {
			enqueue(fd, -1, bytes);
			return bytes.length;
		},
		write(fd, bytes, offset, length, position, callback) {
			noteFileCallback(callback);
			const earlier = takeWriteError(fd);
			if (earlier) {
				finish(callback, earlier);
				return;
			}
			enqueue(fd, position ?? -1, bytes.subarray(offset, offset + length));
			if (queued <= queueLimit) {
				finish(callback, null, length);
				return;
			}
			pendingFileCalls++;
			waiting.push(() => {
				pendingFileCalls--;
				callback(takeWriteError(fd), length);
			});
		},
		open(path, flags, mode, callback) { remote(callback, "open", { path, flags, mode }); },
		close(fd, callback) { afterWrites(fd, callback, "close"); },
		read(fd, bytes, offset, length, position, callback) {
			noteFileCallback(callback);
			if (fd === 0) {
				finish(callback, null, 0);
				return;
			}
			remote((error, data) => {
				if (error) {
					callback(error);
					return;
				}
				bytes.set(data, offset);
				callback(null, data.length);
			}, "read", { fd, length, position: position ?? -1 }, async (response) => new Uint8Array(await response.arrayBuffer()));
		},
		fstat(fd, callback) {
			if (fd <= 2) {
				noteFileCallback(callback);
				finish(callback, null, consoleStats());
				return;
			}
			remote(callback, "fstat", { fd }, async (response) => stats(await response.json()));
		},
		fsync(fd, callback) {
			if (fd <= 2) {
				noteFileCallback(callback);
				sent().then(() => finish(callback, null));
				return;
			}
			afterWrites(fd, callback, "fsync");
		},
		ftruncate(fd, length, callback) { afterWrites(fd, callback, "ftruncate", { length }); },
		fchmod(fd, mode, callback) { afterWrites(fd, callback, "fchmod", { mode }); },
		fchown(fd, uid, gid, callback) { afterWrites(fd, callback, "fchown", { uid, gid }); },
		stat(path, callback) { remote(callback, "stat", { path }, async (response) => stats(await response.json())); },
		lstat(path, callback) { remote(callback, "lstat", { path }, async (response) => stats(await response.json())); },
		mkdir(path, mode, callback) { remote(callback, "mkdir", { path, mode }); },
		readdir: onPath("readdir"),
		readlink: onPath("readlink"),
		rmdir: onPath("rmdir"),
		unlink: onPath("unlink"),
		rename(path, to, callback) { remote(callback, "rename", { path, to }); },
		link(path, to, callback) { remote(callback, "link", { path, to }); },
		symlink(target, path, callback) { remote(callback, "symlink", { target, path }); },
		truncate(path, length, callback) { remote(callback, "truncate", { path, length }); },
		chmod(path, mode, callback) { remote(callback, "chmod", { path, mode }); },
		chown(path, uid, gid, callback) { remote(callback, "chown", { path, uid, gid }); },
		lchown(path, uid, gid, callback) { remote(callback, "lchown", { path, uid, gid }); },
		utimes(path, atime, mtime, callback) { remote(callback, "utimes", { path, atime, mtime }); },
	};

	const path = {
		resolve(...segments) {
			let resolved = cwd;
			for (const segment of segments) {
				resolved = segment.startsWith("/") ? segment : `${resolved}/${segment}`;
			}
			const parts = [];
			for (const part of resolved.split("/")) {
				if (part === "..") {
					parts.pop();
				} else if (part !== "" && part !== ".") {
					parts.push(part);
				}
			}
			return "/" + parts.join("/");
		},
	};

	const processParts = {
		cwd: () => cwd,
		chdir(dir) {
			// Go expects the answer at once; a synchronous request is the one way to have it.
			const xhr = new XMLHttpRequest();
			xhr.open("POST", `${base}file/stat?${fileQuery({ path: dir })}`, false);
			xhr.send();
			if (xhr.status !== 200) {
				const { code, message } = JSON.parse(xhr.responseText);
				throw fileError(code, message);
			}
			if (!isDirectory(JSON.parse(xhr.responseText).mode)) {
				throw fileError("ENOTDIR", `chdir ${dir}`);
			}
			cwd = path.resolve(dir);
		},
	};

	// ---- What a terminal would show.

	const describe = (value) => {
		if (value instanceof Error) {
			const stack = value.stack || "";
			// Firefox and WebKit leave the message out of the stack.
			return stack.includes(value.message) ? stack : `${value.name}: ${value.message}\n${stack}`;
		}
		if (typeof value === "object" && value !== null) {
			try {
				return JSON.stringify(value) ?? String(value);
			} catch {
				return Object.prototype.toString.call(value);
			}
		}
		return String(value);
	};

	for (const [level, fd] of [["log", 1], ["info", 1], ["debug", 1], ["warn", 2], ["error", 2]]) {
		const original = console[level].bind(console);
		console[level] = (...args) => {
			original(...args);
			print(fd, args.map(describe).join(" ") + "\n");
		};
	}

	let started = false; // the program
	addEventListener("error", (event) => {
		event.preventDefault();
		if (exited) {
			return;
		}
		const where = event.filename ? ` (${event.filename}:${event.lineno}:${event.colno})` : "";
		const what = event.error ? describe(event.error) : event.message + where;
		if (started) {
			print(2, `uncaught error: ${what}\n`);
		} else {
			end("fatal", `a script of the page failed before the program started: ${what}`);
		}
	});
	// A file that cannot be loaded fails its element alone.
	addEventListener("error", ({ target }) => {
		const url = target?.src ?? target?.href;
		if (!url || exited) {
			return;
		}
		if (!started && url.startsWith(base)) {
			end("fatal", `the page could not load ${url.slice(base.length)}, or what it imports`);
		} else {
			print(2, `could not load ${url}\n`);
		}
	}, true);
	addEventListener("unhandledrejection", (event) => {
		if (!exited) {
			print(2, `unhandled rejection: ${describe(event.reason)}\n`);
		}
	});
	addEventListener("securitypolicyviolation", (event) => {
		print(2, `Content-Security-Policy: ${event.effectiveDirective} blocks ${event.blockedURI}\n`);
	});

	// A dialog would hold up the page with nobody there to answer it.
	if (globalThis.window) {
		window.alert = (text = "") => print(2, `alert: ${text}\n`);
		window.confirm = (text = "") => { print(2, `confirm: ${text}\n`); return false; };
		window.prompt = (text = "") => { print(2, `prompt: ${text}\n`); return null; };
		window.print = () => {};
	}

	// ---- Signs of life: a response that never ends tells the other side when this page goes, an answer to each of
	// its bytes that the event loop turns.

	const live = async () => {
		while (!exited) {
			try {
				const response = await fetch(base + "alive", { cache: "no-store" });
				const reader = response.body.getReader();
				while (!(await reader.read()).done) {
					fetch(base + "turn", { method: "POST", cache: "no-store" }).catch(() => {});
				}
			} catch (error) {
				if (exited) {
					return;
				}
				await new Promise((resolve) => setTimeout(resolve, 100));
			}
		}
	};

	// A page that is left says so, a crashed one cannot.
	let leaving = false;
	if (!inWorker) {
		addEventListener("beforeunload", () => { leaving = true; });
		addEventListener("pagehide", () => {
			leaving = true;
			if (!exited) {
				navigator.sendBeacon(base + "left");
			}
		});
	}

	// ---- Deadlock: Node asks Go when nothing is left that could call it. A page never ends, so the same is counted
	// here: timers, file calls, and functions that JavaScript could call (until they are known to be collected).

	let callables = 0;
	let asked = false;
	let newest = null; // the last function made, as long as it may still turn out to be a file call's, which is counted as such
	const collected = new FinalizationRegistry(() => {
		callables--;
		checkDeadlock();
	});

	const noteCallable = (wrapper) => {
		if (newest) {
			callables++;
			collected.register(newest);
		}
		newest = wrapper;
	};

	const noteFileCallback = (callback) => {
		if (callback === newest) {
			newest = null;
		}
	};

	let go;
	let exportsCallable = false;

	const stuck = () => !exited && !exportsCallable && callables === 0 && pendingFileCalls === 0 && go._scheduledTimeouts.size === 0;

	const checkDeadlock = () => {
		noteCallable(null);
		if (asked || !stuck()) {
			return;
		}
		asked = true;
		later(() => {
			asked = false;
			if (stuck()) {
				go._pendingEvent = { id: 0 };
				go._resume();
			}
		});
	};

	// ---- The program.

	const end = async (path, body) => {
		if (exited) {
			return;
		}
		exited = true;
		if (go) {
			for (const timeout of go._scheduledTimeouts.values()) {
				clearTimeout(timeout);
			}
		}
		await sent();
		await request(path, body);
	};

	const fail = (what, error) => end("fatal", `${what}: ${describe(error)}`);

	const guarded = (enter) => {
		try {
			enter();
		} catch (error) {
			// What Go calls is caught by wasm_exec.js or Go: an exception that gets here has unwound the Go program.
			fail("exception out of the Go program", error);
			throw error;
		}
		checkDeadlock();
	};

	// installNode gives Go what it has of Node. Scripts before it shall not take the page for Node.
	const installNode = ({ cwd: dir, process: { pid, ppid, uid, gid, euid, egid } }) => {
		cwd = dir;
		globalThis.fs = fs;
		globalThis.path = path;
		Object.assign(globalThis.process, processParts, {
			pid, ppid, getuid: () => uid, getgid: () => gid, geteuid: () => euid, getegid: () => egid,
		});
	};

	const start = async () => {
		if (!globalThis.Go) {
			throw new Error("wasm_exec.js has defined no Go: it could not be loaded, or it is another one");
		}
		const config = await (await request("config")).json();
		installNode(config);
		go = new Go();
		go.argv = config.argv;
		go.env = config.env;
		go.exit = (code) => { end("exit", String(code)); };

		const resume = go._resume.bind(go);
		go._resume = () => guarded(resume);
		const makeFuncWrapper = go._makeFuncWrapper.bind(go);
		go._makeFuncWrapper = (id) => {
			const wrapper = makeFuncWrapper(id);
			noteCallable(wrapper);
			return wrapper;
		};

		const { instance } = await WebAssembly.instantiateStreaming(fetch(base + "test.wasm", { cache: "no-store" }), go.importObject);
		const own = ["run", "resume", "getsp", "mem"];
		exportsCallable = Object.keys(instance.exports).some((name) => !own.includes(name));
		started = true;
		await request("start");
		go.run(instance).catch((error) => fail("the Go program could not run", error));
		checkDeadlock();
	};

	// loaded is for the window's document, and for the modules that a worker imports first.
	const loaded = new Promise((resolve) => {
		if (!inWorker) {
			document.addEventListener("DOMContentLoaded", resolve, { once: true });
			return;
		}
		postMessage("testbrowser runs"); // to worker_start.js
		globalThis.testbrowser = { start: resolve };
	});

	// The page counts as loaded, and is looked after, from its first script on.
	const begin = async () => {
		live();
		await request("load");
		await loaded;
		await start();
	};
	begin().catch(async (error) => {
		// Where the page is being left its requests fail first. That it is gone is the better message then.
		while (leaving) {
			await new Promise((resolve) => setTimeout(resolve, 1000));
			leaving = false;
		}
		fail("the page could not start the Go program", error);
	});
})();
