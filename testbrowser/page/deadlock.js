// ---- Deadlock: Node asks Go when nothing is left that could call it. A page never ends, so the same things are
// counted here: timers, file calls, and functions that JavaScript could call (until they are known to be collected).

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

const stuck = () => !exited && !exportsCallable && callables === 0 && pendingFileCalls === 0 && completions.length === 0 &&
	waiting.length === 0 && go._scheduledTimeouts.size === 0;

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
