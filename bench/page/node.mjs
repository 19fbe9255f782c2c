// Runs the page's scripts in Node: node.mjs URL
import vm from "node:vm";

const base = process.argv[2];
globalThis.global ??= globalThis;
for (const name of ["wasm_exec.js", "driver.js", "raw.js"]) {
	const response = await fetch(base + name);
	vm.runInThisContext(await response.text(), { filename: name });
}
await globalThis.drive(base);
process.exit(0);
