// Runs a Go program in Node, Deno or Bun: program.mjs CONFIG, a JSON file with wasm, wasmExec, scripts, argv and env.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const config = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));

globalThis.fs = fs;
if (process.versions.bun) {
	// Bun 1.4 reports the success of symlink as undefined, which Go takes for an error.
	globalThis.fs = Object.assign(Object.create(fs), {
		symlink: (target, link, callback) => fs.symlink(target, link, (error) => callback(error ?? null)),
	});
}
globalThis.path = path;
globalThis.process ??= process;

const runScripts = async () => {
	for (const file of config.scripts ?? []) {
		if (file.endsWith(".mjs")) {
			await import(pathToFileURL(file).href);
		} else {
			vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
		}
	}
};

const run = async () => {
	await runScripts();
	await import(pathToFileURL(config.wasmExec).href);
	const go = new globalThis.Go();
	go.argv = config.argv;
	go.env = config.env;
	go.exit = (code) => process.exit(code);

	process.on("exit", (code) => {
		// Nothing is left that could call the Go program: it reports the deadlock.
		if (code === 0 && !go.exited) {
			go._pendingEvent = { id: 0 };
			go._resume();
		}
	});

	const { instance } = await WebAssembly.instantiate(fs.readFileSync(config.wasm), go.importObject);
	await go.run(instance);
};

// Not awaited: hosts differ in how they end while a module is still waiting.
run().catch((error) => {
	console.error(error);
	process.exit(config.failure);
});
