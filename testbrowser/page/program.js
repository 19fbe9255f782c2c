// ---- The program.

// end reports how the page has ended. Earlier errors and rejections are reported first.
const end = async (path, message) => {
	if (exited) {
		return;
	}
	exited = true;
	completions.length = 0;
	if (go) {
		for (const timeout of go._scheduledTimeouts.values()) {
			clearTimeout(timeout);
		}
	}
	do {
		await new Promise(later);
	} while (pendingReports > 0);
	const body = message();
	await sent();
	await request(path, body);
	over();
};

let over;
const finished = new Promise((resolve) => { over = resolve; });

const fail = (what, error) => end("fatal", () => `${what}: ${describeReason(error)}`);

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

const instantiate = async (imports) => {
	if (module) {
		return WebAssembly.instantiate(module, imports);
	}
	return (await WebAssembly.instantiateStreaming(fetch(base + "test.wasm", { cache: "no-store" }), imports)).instance;
};

const start = async () => {
	if (!globalThis.Go) {
		throw new Error("wasm_exec.js has defined no Go: it could not be loaded, or it is another one");
	}
	const config = await (await request("config")).json();
	installNode(config);
	go = new Go();
	noticeReturns(go);
	go.argv = config.argv;
	go.env = config.env;
	const reportVariables = watchEnvironment(go, config.notPassed);
	go.exit = (code) => {
		reportVariables();
		end("exit", () => String(exitCodeOf(code, config.ignoreUncaught)));
	};

	const resume = go._resume.bind(go);
	go._resume = () => guarded(resume);
	const makeFuncWrapper = go._makeFuncWrapper.bind(go);
	go._makeFuncWrapper = (id) => {
		const wrapper = countCalls(makeFuncWrapper(id));
		noteCallable(wrapper);
		return wrapper;
	};

	const instance = await instantiate(go.importObject);
	const own = ["run", "resume", "getsp", "mem"];
	exportsCallable = Object.keys(instance.exports).some((name) => !own.includes(name));
	started = true;
	await request("start");
	go.run(instance).catch((error) => fail("the Go program could not run", error));
	checkDeadlock();
};

// loaded is for the window's document, and for the modules that a worker imports first.
const loaded = new Promise((resolve) => {
	if (place === "workerd") {
		resolve();
		return;
	}
	if (place === "window") {
		document.addEventListener("DOMContentLoaded", resolve, { once: true });
		return;
	}
	postMessage("testbrowser runs"); // to worker_start.js
	globalThis.testbrowser = { start: resolve };
});

replaceConsole(true);

// The page counts as loaded, and is looked after, from its first script on.
const begin = async () => {
	live();
	await request("load");
	await loaded;
	await start();
};
begin().catch(async (error) => {
	// If the page is being left, its requests fail first. Then the better message is that the page is gone.
	while (leaving) {
		await new Promise((resolve) => setTimeout(resolve, 1000));
		leaving = false;
	}
	fail("the page could not start the Go program", error);
});
