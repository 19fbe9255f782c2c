// ---- Uncaught errors: the run fails, but only at its end, so that all of its output appears.

let uncaught = 0;

const noteUncaught = (what, reason) => {
	uncaught++;
	print(2, `${what}: ${describeReason(reason)}\n`);
};

const describeReason = (reason) => (typeof reason === "string" ? reason : inspect(reason));

// afterEnd recognises what Go functions throw when they are called after the program has ended.
const afterEnd = (reason) => reason?.message === "Go program has already exited";

const placeOf = ({ filename, lineno, colno }) => (filename ? ` (${filename}:${lineno}:${colno})` : "");

// watchEvents records the error events of a page, a worker and Deno, unless a listener of the program says that it has
// handled them (preventDefault). stop keeps the host from acting on them.
const watchEvents = (stop, note) => {
	for (const [type, what, reasonOf] of [
		["error", "uncaught error", (event) => event.error ?? event.message + placeOf(event)],
		["unhandledrejection", "unhandled rejection", (event) => event.reason],
	]) {
		globalThis.addEventListener(type, (event) => {
			let handled = false;
			const preventDefault = event.preventDefault.bind(event);
			event.preventDefault = () => {
				handled = true;
				preventDefault();
			};
			if (stop) {
				preventDefault();
			}
			const reason = reasonOf(event);
			if (afterEnd(reason)) {
				return;
			}
			// After the program's own listeners.
			pendingReports++;
			later(() => {
				pendingReports--;
				if (!handled) {
					note(what, reason);
				}
			});
		});
	}
};

let pendingReports = 0;

// exitCodeOf is the run's exit code for the program's.
const exitCodeOf = (code, ignoreUncaught) => {
	if (uncaught === 0 || ignoreUncaught) {
		return code;
	}
	print(2, `testbrowser: ${uncaught} uncaught ${uncaught === 1 ? "error or rejection" : "errors and rejections"} of JavaScript, see above: ` +
		"the run has failed (-ignore-uncaught lets it pass)\n");
	return code || 1;
};
