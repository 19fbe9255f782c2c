// ---- Completions: how calls of Go that have a result at once call back into Go. Used in pages and in Node and similar
// hosts, which define sinceTurn, later and releaseWaiting.

// If JavaScript has called a Go function, that must return before the event loop turns: whoever waits there for a
// callback waits forever. So then a completion calls back at once, and none may be left waiting, because it could hold
// the lock of os.Stdout. Otherwise it calls back at once for a while, and then from a separate task, which lets the
// event loop turn.

const longestTurn = 8; // ms
// mostFlushed is the most completions for which a function that JavaScript calls waits at its beginning. A goroutine
// that prints without end would cause more and more; it then holds the lock, so the function must not print itself.
const mostFlushed = 50_000;

const completions = []; // oldest first
let depth = 0; // functions of Go's that JavaScript has called and that have not returned
let drainingAt = -1; // depth of the innermost drain; -1 is none
let taskScheduled = false;
let completing = false; // the function of Go's that is called next is a completion's
let entering = null; // what to call when the one that is called next has returned

const drain = (enough) => {
	const outer = drainingAt;
	drainingAt = depth;
	try {
		while (completions.length > 0 && !enough()) {
			const { callback, error, result } = completions.shift();
			completing = true;
			callback(error, result);
		}
	} finally {
		drainingAt = outer;
	}
};

const turnIsLong = () => sinceTurn() >= longestTurn;

const drainInTask = () => {
	if (completions.length === 0 || taskScheduled) {
		return;
	}
	taskScheduled = true;
	later(() => {
		taskScheduled = false;
		drain(turnIsLong);
		drainInTask();
	});
};

// complete calls back with the result of a call of Go.
const complete = (callback, error, result) => {
	completions.push({ callback, error, result });
	// A drain at this depth gets to it, without another level of calls.
	if (drainingAt !== depth) {
		drain(depth > 0 ? () => false : turnIsLong);
	}
	if (depth === 0) {
		drainInTask();
	}
};

// countCalls wraps a function of Go's so that depth is known.
const countCalls = (inner) => function (...args) {
	if (completing) {
		completing = false;
		return inner.apply(this, args);
	}
	let inside = true;
	const leave = () => {
		if (inside) {
			inside = false;
			depth--;
			if (depth === 0) {
				drainInTask();
			}
		}
	};
	depth++;
	try {
		releaseWaiting();
		let flushed = 0;
		drain(() => ++flushed > mostFlushed);
		entering = leave;
		return inner.apply(this, args);
	} finally {
		leave();
	}
};

// noticeReturns notices that the function has returned when Go sets the event's result: other goroutines may go on,
// inside the same call of JavaScript's, for long.
const noticeReturns = (go) => {
	let pending = null;
	Object.defineProperty(go, "_pendingEvent", {
		get: () => pending,
		set(event) {
			pending = event;
			if (!event || !entering) {
				return;
			}
			const leave = entering;
			entering = null;
			let result;
			Object.defineProperty(event, "result", {
				get: () => result,
				set(value) {
					result = value;
					leave();
				},
			});
		},
	});
};
