"use strict";

// Counts the calls of the functions that wasm_exec.js gives the Go program, but for those of the runtime itself.
{
	let calls = 0;
	globalThis.hostCalls = () => calls;
	const counting = (imports) => {
		if (!imports?.gojs) {
			return imports; // another program than Go's: Node has one of its own
		}
		const counted = {};
		for (const [name, f] of Object.entries(imports.gojs)) {
			const counts = name.startsWith("syscall/js.") && name !== "syscall/js.finalizeRef";
			counted[name] = counts ? (sp) => { calls++; return f(sp); } : f;
		}
		return { ...imports, gojs: counted };
	};
	for (const name of ["instantiate", "instantiateStreaming"]) {
		const original = WebAssembly[name];
		WebAssembly[name] = (program, imports) => original(program, counting(imports));
	}
}
