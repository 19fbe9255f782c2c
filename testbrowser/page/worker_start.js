"use strict";

// Errors that the program causes are reported by the worker itself and end there (program.js calls preventDefault),
// so whatever arrives here is a worker that could not start.
new Worker("worker.js").addEventListener("error", (event) => {
	const where = event.filename ? ` (${event.filename}:${event.lineno})` : "";
	fetch("fatal", { method: "POST", body: `the worker did not start: ${event.message || "its script could not be loaded"}${where}` });
});
