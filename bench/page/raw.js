"use strict";

// The same in a page without Go: the limit for the Go programs. It follows the Go package load.
{
	const drainEvery = 1 << 20;
	const drainTo = 4 << 20;

	let config;
	globalThis.useConfig = (used) => { config = used; };

	const dial = (url) => new Promise((resolve, reject) => {
		const socket = new WebSocket(url);
		socket.binaryType = "arraybuffer";
		socket.onopen = () => resolve(socket);
		socket.onclose = (event) => reject(new Error(`closed with ${event.code}`));
	});

	// Session is a connection. Messages go to each until it returns false.
	class Session {
		constructor(socket) {
			this.socket = socket;
			this.since = 0;
			socket.onmessage = ({ data }) => {
				this.kept = typeof data === "string" ? data : new Uint8Array(data);
				if (!this.each(this.kept)) {
					this.resolve();
				}
			};
			socket.onclose = (event) => this.reject?.(new Error(`closed with ${event.code}`));
		}

		expect(each) {
			this.each = each;
			return new Promise((resolve, reject) => {
				this.resolve = resolve;
				this.reject = reject;
			});
		}

		command(n) {
			const bytes = new Uint8Array([n >> 16, n >> 8, n]);
			this.socket.send(n < 1 << 16 ? bytes.subarray(1) : bytes);
		}

		async receive(n, size) {
			let wrong = 0;
			let left = n;
			const arrived = this.expect((data) => {
				if (typeof data !== "string" && data.length !== size) {
					wrong++;
				}
				return --left > 0;
			});
			this.command(n);
			await arrived;
			if (wrong > 0) {
				throw new Error(`${wrong} of ${n} messages do not have ${size} bytes`);
			}
		}

		async send(n, messages, size) {
			const arrived = this.expect(() => false);
			this.command(n);
			for (let i = 0; i < n; i++) {
				this.socket.send(messages[i % messages.length]);
				this.since += size;
				if (this.since >= drainEvery) {
					this.since = 0;
					await this.drain();
				}
			}
			await arrived;
		}

		async drain() {
			while (this.socket.bufferedAmount > drainTo) {
				await new Promise((resolve) => setTimeout(resolve, 1));
			}
		}

		async echo(n, message) {
			for (let i = 0; i < n; i++) {
				let size = 0;
				const arrived = this.expect((data) => {
					size = data.length;
					return false;
				});
				this.socket.send(message);
				await arrived;
				if (size !== message.length) {
					throw new Error(`${size} of ${message.length} bytes came back`);
				}
			}
		}

		async pingPong(n, message) {
			const times = [];
			let sent = performance.now();
			const arrived = this.expect(() => {
				const now = performance.now();
				times.push(now - sent);
				if (times.length === n) {
					return false;
				}
				sent = performance.now();
				this.socket.send(message);
				return true;
			});
			this.socket.send(message);
			await arrived;
			return times.sort((a, b) => a - b);
		}
	}

	const payload = (size) => {
		const bytes = new Uint8Array(size);
		for (let pos = 0; pos < size; pos += 65536) {
			crypto.getRandomValues(bytes.subarray(pos, Math.min(pos + 65536, size)));
		}
		return bytes;
	};

	const timed = async (f) => {
		const start = performance.now();
		await f();
		return (performance.now() - start) * 1e6;
	};

	// Each kind of workload gives the times of one sample: {suffix: nanoseconds}.
	const kinds = {
		async recv(session, n, { size }) {
			return { "": await timed(() => session.receive(n, size)) / n };
		},
		async send(session, n, { size, data }) {
			return { "": await timed(() => session.send(n, [data], size)) / n };
		},
		async echo(session, n, { data }) {
			return { "": await timed(() => session.echo(n, data)) / n };
		},
		async pingpong(session, n, { data }) {
			const times = await session.pingPong(n, data);
			return { "/p50": times[Math.floor(n / 2)] * 1e6, "/p99": times[Math.floor(n * 99 / 100)] * 1e6 };
		},
		async json(session, n, { size }) {
			const received = await timed(() => session.receive(n, size));
			const sent = await timed(() => session.send(n, config.texts[size], size));
			return { "": (received + sent) / n, "/recv": received / n, "/send": sent / n };
		},
		async dial(session, n, workload, url) {
			const opened = [];
			const elapsed = await timed(async () => {
				for (let i = 0; i < n; i++) {
					opened.push(await dial(url));
				}
			});
			for (const socket of opened) {
				socket.onclose = null;
				socket.close();
			}
			return { "": elapsed / n };
		},
	};

	let session;
	let workload;
	let url;

	const open = async (name, server) => {
		workload = config.workloads.find((candidate) => candidate.name === name);
		workload.data ??= payload(workload.size);
		url = server + workload.path;
		session = new Session(await dial(url));
	};

	const callback = (f) => (...args) => {
		const done = args.pop();
		f(...args).then((result) => done(null, result), (error) => done(error.message, null));
	};

	globalThis.addContestant("JavaScript", false, false, {
		open: callback(open),
		sample: callback((n) => kinds[workload.kind](session, n, workload, url)),
		close() {
			session.socket.onclose = null;
			session.socket.close();
		},
	});
}
