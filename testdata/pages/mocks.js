"use strict";

// Classes for tests to put in the place of WebSocket.
{
	const Original = WebSocket;

	// A Proxy around an object, as interceptors and recorders make them. Its methods work; a getter of the prototype does not.
	const wrapped = (object) => new Proxy(object, {
		get(target, name) {
			const value = target[name];
			return typeof value === "function" ? value.bind(target) : value;
		},
		set(target, name, value) {
			target[name] = value;
			return true;
		},
	});

	const makes = (wrap) => new Proxy(Original, { construct: (target, args) => wrap(Reflect.construct(target, args)) });

	// What Proxied does, and each listener gets a Proxy around the event.
	const recorded = (socket) => {
		const listeners = new Map();
		socket.addEventListener = (name, listener, ...rest) => {
			listeners.set(listener, (event) => listener.call(socket, wrapped(event)));
			Original.prototype.addEventListener.call(socket, name, listeners.get(listener), ...rest);
		};
		socket.removeEventListener = (name, listener) => {
			Original.prototype.removeEventListener.call(socket, name, listeners.get(listener));
		};
		return wrapped(socket);
	};

	// An echo of one's own: it has what programs use most, and neither bufferedAmount nor protocol nor extensions. Its events are plain
	// objects.
	class Echo {
		#listeners = new Map();

		constructor(url) {
			this.url = url;
			this.readyState = 0;
			this.later(() => {
				this.readyState = 1;
				this.dispatch("open", {});
			});
		}

		later(f) { setTimeout(f, 0); }

		addEventListener(name, listener) {
			this.#listeners.set(name, [...this.#listeners.get(name) ?? [], listener]);
		}

		removeEventListener(name, listener) {
			this.#listeners.set(name, (this.#listeners.get(name) ?? []).filter((other) => other !== listener));
		}

		dispatch(type, event) {
			for (const listener of this.#listeners.get(type) ?? []) {
				listener.call(this, { type, ...event });
			}
		}

		send(data) {
			const copy = typeof data === "string" ? data : data.slice().buffer;
			this.later(() => this.dispatch("message", { data: copy }));
		}

		close(code = 1005, reason = "") {
			this.readyState = 2;
			this.later(() => {
				this.readyState = 3;
				this.dispatch("close", { code, reason, wasClean: true });
			});
		}
	}

	// It sends its echo, and its close event, inside of send and close.
	class Synchronous extends Echo {
		later(f) {
			if (this.readyState === 0) {
				super.later(f);
			} else {
				f();
			}
		}
	}

	// It is open before anybody can listen.
	class Opened extends Echo {
		later(f) {
			if (this.readyState === 0) {
				f();
			} else {
				super.later(f);
			}
		}
	}

	// Listeners, once they are there, stay, and options are ignored.
	class Keeping extends Echo {
		removeEventListener() {}
	}

	// It calls its listeners from the list itself, which they may change meanwhile.
	class Live extends EventTarget {
		lists = { open: [], message: [], error: [], close: [] };
		constructor(url) {
			super();
			this.url = url;
			this.readyState = 0;
			setTimeout(() => {
				this.readyState = 1;
				this.dispatch("open", {});
			}, 0);
		}
		addEventListener(name, listener) { this.lists[name].push(listener); }
		removeEventListener(name, listener) {
			const i = this.lists[name].indexOf(listener);
			if (i >= 0) {
				this.lists[name].splice(i, 1);
			}
		}
		dispatch(type, event) { this.lists[type].forEach((listener) => listener({ type, ...event })); }
		send(data) {
			const copy = typeof data === "string" ? data : data.slice().buffer;
			setTimeout(() => this.dispatch("message", { data: copy }), 0);
		}
		close(code, reason) {
			this.readyState = 3;
			setTimeout(() => this.dispatch("close", { code, reason, wasClean: true }), 0);
		}
	}

	// Handlers are properties, and there are no listeners.
	class Properties {
		#echo;
		constructor(url) {
			this.#echo = new Echo(url);
			for (const name of ["open", "message", "error", "close"]) {
				this.#echo.addEventListener(name, (event) => this[`on${name}`]?.(event));
			}
		}
		get readyState() { return this.#echo.readyState; }
		send(data) { this.#echo.send(data); }
		close(...args) { this.#echo.close(...args); }
	}

	// Nobody can use it: everything throws.
	class Throwing extends Echo {
		get bufferedAmount() { throw new Error("bufferedAmount"); }
		get protocol() { throw new Error("protocol"); }
		get extensions() { throw null; }
		get binaryType() { throw new Error("binaryType"); }
		set binaryType(value) { throw new Error("binaryType"); }
		send() { throw new TypeError("send"); }
		close() { throw new TypeError("close"); }
	}

	// It ends without a close event, as Chromium does where a policy forbids the connection.
	class Silent extends Echo {
		close() {
			this.readyState = 2;
			this.later(() => {
				this.readyState = 3;
				this.dispatch("error", {});
			});
		}
	}

	// Its close event comes some time after it is CLOSED, as Bun's does on a busy machine.
	class Late extends Echo {
		close(code = 1005, reason = "") {
			this.readyState = 3;
			setTimeout(() => this.dispatch("close", { code, reason, wasClean: true }), 100);
		}
	}

	// Its events are what no event is.
	class Strange extends Echo {
		send(data) {
			this.later(() => {
				const thrower = { get data() { throw new Error("data"); } };
				for (const data of [undefined, null, 1, true, Symbol("data"), {}, new Uint8Array([1, 2])]) {
					this.dispatch("message", { data });
				}
				this.raw("message");
				this.raw("message", undefined);
				this.raw("message", null);
				this.raw("message", thrower);
				this.dispatch("message", { data: "last" });
			});
		}

		constructor(...args) {
			super(...args);
			this.all = [];
		}
		addEventListener(name, listener) {
			super.addEventListener(name, listener);
			if (name === "message") {
				this.all.push(listener);
			}
		}
		raw(name, ...args) { this.all.forEach((listener) => listener(...args)); }
		close() { this.dispatch("close", { code: "1000", reason: null, wasClean: 1 }); }
	}

	globalThis.mocks = {
		Proxied: makes(wrapped), Recorded: makes(recorded), Echo, Synchronous, Opened, Keeping, Live, Properties, Throwing, Silent, Late, Strange,
	};
}
