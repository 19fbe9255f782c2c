// Runs the program in this page and compares what it prints with the native log.
"use strict";

(async () => {
	const element = (id) => document.getElementById(id);
	const columns = 3;
	const rows = [];

	// row returns the cells of a line, which the two logs share.
	const row = (index) => {
		while (rows.length <= index) {
			const tr = element("lines").insertRow();
			const mark = tr.insertCell();
			mark.className = "mark";
			const cells = { native: [], browser: [] };
			for (const side of ["native", "browser"]) {
				for (let i = 0; i < columns; i++) {
					const cell = tr.insertCell();
					cell.className = ["event", "state", "amount"][i];
					cells[side].push(cell);
				}
			}
			rows.push({ tr, mark, cells });
		}
		return rows[index];
	};

	const show = (side, index, line) => {
		line.split("\t").forEach((text, i) => { row(index).cells[side][i].textContent = text; });
	};

	const fail = (text) => {
		element("errors").hidden = false;
		element("errors").textContent += text + "\n";
	};

	const result = (kind, text) => {
		element("result").className = kind;
		element("result").textContent = text;
		document.title = `ws: ${text}`;
	};

	// mark compares a line of the two logs.
	const mark = (index, native, browser) => {
		const differs = native[index] !== browser[index];
		const { tr, mark } = row(index);
		tr.classList.toggle("differs", differs);
		tr.classList.toggle("equal", !differs);
		mark.textContent = differs ? "≠" : "=";
		return differs;
	};

	const get = async (name) => {
		const response = await fetch(name);
		if (!response.ok) {
			throw new Error(`${name}: ${response.status} ${await response.text()}`);
		}
		return response;
	};

	const run = async (native, browser) => {
		const go = new Go();
		// The program's output comes as bytes, in pieces of any size.
		const decoders = [new TextDecoder(), new TextDecoder()];
		const rest = ["", ""];
		globalThis.fs.writeSync = (fd, bytes) => {
			const lines = (rest[fd - 1] + decoders[fd - 1].decode(bytes, { stream: true })).split("\n");
			rest[fd - 1] = lines.pop();
			for (const line of lines) {
				if (fd === 2) {
					fail(line);
					continue;
				}
				show("browser", browser.length, line);
				browser.push(line);
				mark(browser.length - 1, native, browser);
			}
			return bytes.length;
		};
		let code = 0;
		go.exit = (c) => { code = c; };
		const { instance } = await WebAssembly.instantiateStreaming(get("demo.wasm"), go.importObject);
		result("pending", "The program runs…");
		await go.run(instance);
		return code;
	};

	element("again").addEventListener("click", () => location.reload());
	element("browser").textContent = `this browser, ${navigator.userAgent}`;
	try {
		const { title, lines: native } = await (await get("native.json")).json();
		element("native").textContent = title;
		native.forEach((line, i) => show("native", i, line));
		const browser = [];
		const code = await run(native, browser);
		let differing = 0;
		for (let i = 0; i < Math.max(native.length, browser.length); i++) {
			differing += mark(i, native, browser) ? 1 : 0;
		}
		if (code !== 0) {
			result("bad", `The program failed in this browser, exit code ${code}`);
		} else if (differing > 0) {
			result("bad", differing === 1 ? "1 line differs" : `${differing} lines differ`);
		} else {
			result("good", `All ${native.length} lines are equal`);
		}
	} catch (error) {
		result("bad", "The program could not be run");
		fail(String(error));
	}
})();
