// Starts the worker of this page.
"use strict";

(() => {
	const script = document.currentScript;
	const folder = new URL(".", script.src);
	// The worker has the page's base and query. A policy may demand a trusted type.
	const url = new URL("../testbrowser-worker.js" + location.search, folder).href;
	const policy = globalThis.trustedTypes?.createPolicy("testbrowser", { createScriptURL: (u) => u });
	const worker = new Worker(policy?.createScriptURL(url) ?? url);

	// As soon as the worker runs its first script it reports errors itself; what arrives here before is a worker that
	// could not start.
	let running = false;
	worker.addEventListener("message", () => { running = true; }, { once: true });
	worker.addEventListener("error", (event) => {
		if (running) {
			return;
		}
		const where = event.filename ? ` (${event.filename}:${event.lineno})` : "";
		const body = `the worker did not start: ${event.message || "its script could not be loaded"}${where}`;
		fetch(new URL("fatal", folder), { method: "POST", body });
	});
})();
