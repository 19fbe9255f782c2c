// ---- Dialogs of a page, and what ends a page.

let started = false; // the program

watchEvents(place !== "window", (what, reason) => {
	if (started) {
		noteUncaught(what, reason);
	} else {
		end("fatal", () => `a script of the page failed before the program started: ${describeReason(reason)}`);
	}
});

// workerd has no event for what a timer's function throws.
if (place === "workerd") {
	for (const name of ["setTimeout", "setInterval", "queueMicrotask"]) {
		const original = globalThis[name].bind(globalThis);
		globalThis[name] = (callback, ...rest) => original((...args) => {
			try {
				callback(...args);
			} catch (error) {
				globalThis.dispatchEvent(new ErrorEvent("error", { error, message: String(error), cancelable: true }));
			}
		}, ...rest);
	}
}

// A file that cannot be loaded fails its element alone.
const noteUnloaded = ({ target }) => {
	const url = target?.src ?? target?.href;
	if (!url || exited) {
		return;
	}
	if (!started && url.startsWith(base)) {
		end("fatal", () => `the page could not load ${url.slice(base.length)}, or what it imports`);
	} else {
		print(2, `could not load ${url}\n`);
	}
};

if (place === "window") {
	addEventListener("error", noteUnloaded, true);
}

addEventListener("securitypolicyviolation", (event) => {
	print(2, `Content-Security-Policy: ${event.effectiveDirective} blocks ${event.blockedURI}\n`);
});

// A dialog would hold up the page, because nobody is there to answer it.
if (place === "window") {
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

// A page that is left reports it; a crashed one cannot.
let leaving = false;
if (place === "window") {
	addEventListener("beforeunload", () => { leaving = true; });
	addEventListener("pagehide", () => {
		leaving = true;
		if (!exited) {
			navigator.sendBeacon(base + "left");
		}
	});
}
