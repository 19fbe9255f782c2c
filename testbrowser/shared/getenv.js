// ---- Environment variables that are set outside and read by the program, but not passed on. Their values are not
// known here.

// watchEnvironment has Go's import tell about calls of syscall.Getenv and Setenv (see getenv.go): their stack pointers
// have a 1 and a 2 added. It returns what reports those that were asked for.
const watchEnvironment = (go, names) => {
	const unknown = new Set(names);
	const asked = new Set();
	const decoder = new TextDecoder();
	const report = () => {
		for (const name of asked) {
			print(2, `testbrowser: the program asks for the environment variable ${name}, which is set but not passed to it: ` +
				`-env ${name} does\n`);
		}
		asked.clear();
	};
	const imports = go.importObject.gojs;
	const original = imports["runtime.resetMemoryDataView"];
	imports["runtime.resetMemoryDataView"] = (sp) => {
		const mark = sp & 7;
		if (mark === 0) {
			original(sp);
			return;
		}
		const at = (sp - mark) >>> 0;
		const name = decoder.decode(new Uint8Array(go.mem.buffer, go.mem.getUint32(at + 8, true), go.mem.getUint32(at + 16, true)));
		if (mark === 2) { // the program sets it, as t.Setenv does after it has asked
			unknown.delete(name);
			asked.delete(name);
		} else if (unknown.delete(name)) {
			asked.add(name);
			later(report);
		}
	};
	return report;
};
