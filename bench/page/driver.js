"use strict";

// Runs the workloads, contestants taking turns, and reports each to the server of the page.

globalThis.contestants = new Map();

let added = () => {};

// A contestant has open(workload, server, done), sample(n, done) and close(); see the Go package page.
globalThis.addContestant = (name, variant, receives, contestant) => {
	globalThis.contestants.set(name, { variant, receives, ...contestant });
	added();
};

globalThis.drive = async (base) => {
	const post = async (path, body) => {
		const response = await fetch(base + path, { method: "POST", body });
		if (!response.ok) {
			throw new Error(`${path}: ${response.status}`);
		}
	};
	try {
		const config = await (await fetch(base + "config")).json();
		config.base = base;
		globalThis.useConfig(config);
		for (const name of config.programs) {
			await startProgram(base + name);
		}
		for (const workload of config.workloads) {
			const samples = await Promise.race([runWorkload(config, workload), ended]);
			await post("result", JSON.stringify({ workload: workload.name, samples }));
		}
		await post("end", "");
	} catch (error) {
		await post("failed", `${error.message ?? error}\n${error.stack ?? ""}`);
	}
};

// startProgram returns when a Go program has added its contestants.
const startProgram = async (url) => {
	const bytes = await (await fetch(url)).arrayBuffer();
	const go = new Go();
	const { instance } = await WebAssembly.instantiate(bytes, go.importObject);
	await new Promise((resolve, reject) => {
		added = resolve;
		go.run(instance).then(() => programEnded(new Error(`${url} has ended`)), reject);
	});
};

// programEnded ends the run: a program that has ended, for example in a panic, no longer answers.
let programEnded;
const ended = new Promise((resolve, reject) => { programEnded = reject; });

const call = (contestant, method, ...args) => new Promise((resolve, reject) => {
	contestant[method](...args, (error, result) => {
		if (error) {
			reject(new Error(error));
		} else {
			resolve(result);
		}
	});
});

// runWorkload returns a list of {contestant, times}.
const runWorkload = async (config, workload) => {
	const runners = [];
	const fail = (name, error) => new Error(`${workload.name}: ${name}: ${error.message}`);
	for (const [name, contestant] of globalThis.contestants) {
		if ((contestant.variant && !workload.variants) || (contestant.receives && workload.kind !== "recv") ||
			(config.only && !config.only.includes(name))) {
			continue;
		}
		const runner = { name, contestant, n: workload.first };
		try {
			await call(contestant, "open", workload.name, config.server);
			runners.push(runner);
			await warmUp(config, workload, runner);
		} catch (error) {
			throw fail(name, error);
		}
	}
	const samples = [];
	const mainThread = async () => (await fetch(`${config.base}main`)).json();
	for (let round = 0; round < config.rounds; round++) {
		for (let i = 0; i < runners.length; i++) {
			const { name, contestant, n } = runners[(i + round) % runners.length];
			try {
				const before = await mainThread();
				const times = await sample(contestant, n);
				samples.push({ contestant: name, times, main: (await mainThread() - before) / n });
			} catch (error) {
				throw fail(name, error);
			}
		}
	}
	for (const { contestant } of runners) {
		contestant.close();
	}
	return samples;
};

const sample = (contestant, n) => {
	globalThis.gc?.(); // where the host was started with it
	return call(contestant, "sample", n);
};

// warmUp finds out how many messages take about as long as a sample should.
const warmUp = async (config, workload, runner) => {
	for (;;) {
		const start = performance.now();
		await sample(runner.contestant, runner.n);
		const elapsed = Math.max(performance.now() - start, 0.01);
		const wanted = workload.sample || config.sample;
		const done = elapsed > wanted / 4 || runner.n >= workload.most;
		runner.n = Math.max(1, workload.least, Math.min(workload.most, Math.floor(runner.n * Math.min(4, wanted / elapsed))));
		if (done) {
			return;
		}
	}
};
