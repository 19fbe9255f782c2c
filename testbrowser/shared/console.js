// ---- The console, which prints what Node's would. Used where the host's own is another: in pages, Deno and Bun, which
// define print and now.

// inspect and similar functions are Node's own code, with the stacks of errors in V8's form.
const v8Stack = (error) => {
	const stack = String(error.stack ?? "");
	const title = Error.prototype.toString.call(error);
	if (stack.startsWith(title) || /^\s+at /m.test(stack)) {
		return stack;
	}
	const calls = stack.split("\n").filter((line) => line !== "").map((line) => {
		const at = line.indexOf("@");
		const [name, place] = at < 0 ? ["", line] : [line.slice(0, at), line.slice(at + 1)];
		return name ? `    at ${name} (${place})` : `    at ${place}`;
	});
	return [title, ...calls].join("\n");
};

const inspectCustom = Symbol.for("nodejs.util.inspect.custom");

// withStacks gives each error that is inspected the stack that Node would show, and takes it back.
const withStacks = (inspectAll) => {
	if (Object.hasOwn(Error.prototype, inspectCustom)) {
		return inspectAll();
	}
	const changed = [];
	Object.defineProperty(Error.prototype, inspectCustom, {
		configurable: true,
		value() {
			const stack = v8Stack(this);
			if (stack !== this.stack && !changed.some(([error]) => error === this)) {
				changed.push([this, Object.getOwnPropertyDescriptor(this, "stack")]);
				try {
					Object.defineProperty(this, "stack", { value: stack, configurable: true, writable: true, enumerable: false });
				} catch {
					changed.pop(); // a frozen error stays as it is
				}
			}
			return this;
		},
	});
	try {
		return inspectAll();
	} finally {
		delete Error.prototype[inspectCustom];
		for (const [error, descriptor] of changed) {
			if (descriptor) {
				Object.defineProperty(error, "stack", descriptor);
			} else {
				delete error.stack;
			}
		}
	}
};

const inspect = (value, options) => withStacks(() => nodeUtil.inspect(value, options));
const format = (...args) => withStacks(() => nodeUtil.format(...args));

const padded = (cell, width) => cell + " ".repeat(width - nodeUtil.getStringWidth(cell));

const box = (cells, widths) => "│ " + cells.map((cell, i) => padded(cell, widths[i])).join(" │ ") + " │";

const drawTable = (head, columns) => {
	const rows = [];
	for (let i = 0; i < Math.max(...columns.map((column) => column.length)); i++) {
		rows.push(columns.map((column) => column[i] ?? ""));
	}
	const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => nodeUtil.getStringWidth(row[i]))));
	const line = (left, middle, right) => left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
	const boxes = rows.map((row) => box(row, widths));
	return [line("┌", "┬", "┐"), box(head, widths), line("├", "┼", "┤"), ...boxes, line("└", "┴", "┘")].join("\n");
};

const tableCell = (value) => {
	const deep = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 2;
	return inspect(value, { depth: deep ? -1 : 0, maxArrayLength: 3, breakLength: Infinity });
};

const tableOf = (data, properties) => {
	if (data instanceof Map || data instanceof Set) {
		const rows = data instanceof Map ? [...data] : [...data].map((value) => [value]);
		const head = data instanceof Map ? ["(iteration index)", "Key", "Values"] : ["(iteration index)", "Values"];
		return drawTable(head, head.map((_, i) => rows.map((row, n) => (i === 0 ? String(n) : tableCell(row[i - 1])))));
	}
	const index = Object.keys(data);
	const columns = new Map();
	const values = [];
	index.forEach((key, i) => {
		const item = data[key];
		if (item === null || (typeof item !== "object" && typeof item !== "function")) {
			values[i] = tableCell(item);
			return;
		}
		for (const property of properties ?? Object.keys(item)) {
			columns.set(property, columns.get(property) ?? []);
			columns.get(property)[i] = Object.hasOwn(item, property) ? tableCell(item[property]) : "";
		}
	});
	const all = [["(index)", index], ...columns, ...(values.length > 0 ? [["Values", values]] : [])];
	return drawTable(all.map(([title]) => title), all.map(([, column]) => column));
};

const timeOf = (ms) => {
	if (ms < 1000) {
		return `${Number(ms.toFixed(3))}ms`;
	}
	if (ms < 60_000) {
		return `${(ms / 1000).toFixed(3)}s`;
	}
	const two = (n) => String(n).padStart(2, "0");
	const hours = Math.floor(ms / 3_600_000);
	const minutes = Math.floor(ms / 60_000) % 60;
	const [seconds, rest] = ((ms % 60_000) / 1000).toFixed(3).split(".");
	if (hours === 0) {
		return `${minutes}:${two(seconds)}.${rest} (m:ss.mmm)`;
	}
	return `${hours}:${two(minutes)}:${two(seconds)}.${rest} (h:mm:ss.mmm)`;
};

const nodeConsole = () => {
	let indent = "";
	const counts = new Map();
	const timers = new Map();
	const write = (fd, text) => print(fd, (indent ? indent + text.replaceAll("\n", "\n" + indent) : text) + "\n");
	const out = (...args) => write(1, format(...args));
	const err = (...args) => write(2, format(...args));
	const warning = (text) => write(2, `Warning: ${text}`);
	const group = (...args) => {
		if (args.length > 0) {
			out(...args);
		}
		indent += "  ";
	};
	const timer = (method, label, report) => {
		if (!timers.has(label)) {
			warning(`No such label '${label}' for console.${method}()`);
			return;
		}
		report(timeOf(now() - timers.get(label)));
	};
	return {
		log: out,
		info: out,
		debug: out,
		dirxml: out,
		warn: err,
		error: err,
		assert(condition, ...args) {
			if (!condition) {
				if (typeof args[0] === "string") {
					args[0] = `Assertion failed: ${args[0]}`;
				} else {
					args.unshift("Assertion failed");
				}
				err(...args);
			}
		},
		trace: function trace(...args) {
			const title = args.length > 0 ? `Trace: ${format(...args)}` : "Trace";
			const error = new Error();
			Error.captureStackTrace?.(error, trace);
			const calls = v8Stack(error).split("\n").filter((line) => /^\s+at /.test(line));
			write(2, [title, ...calls].join("\n"));
		},
		dir(value, options) {
			write(1, inspect(value, { customInspect: false, ...options }));
		},
		table(data, properties) {
			if (data === null || typeof data !== "object") {
				out(data);
			} else {
				write(1, tableOf(data, properties));
			}
		},
		group,
		groupCollapsed: group,
		groupEnd() {
			indent = indent.slice(2);
		},
		count(label = "default") {
			label = `${label}`;
			counts.set(label, (counts.get(label) ?? 0) + 1);
			out(`${label}: ${counts.get(label)}`);
		},
		countReset(label = "default") {
			label = `${label}`;
			if (!counts.delete(label)) {
				warning(`Count for '${label}' does not exist`);
			}
		},
		time(label = "default") {
			label = `${label}`;
			if (timers.has(label)) {
				warning(`Label '${label}' already exists for console.time()`);
			} else {
				timers.set(label, now());
			}
		},
		timeLog(label = "default", ...args) {
			timer("timeLog", `${label}`, (time) => out(`${label}: ${time}`, ...args));
		},
		timeEnd(label = "default") {
			timer("timeEnd", `${label}`, (time) => out(`${label}: ${time}`));
			timers.delete(`${label}`);
		},
	};
};

// replaceConsole has the console print what Node's would. The host's own still gets it, for its developer tools, if
// alsoOwn.
const replaceConsole = (alsoOwn) => {
	const own = console;
	for (const [name, method] of Object.entries(nodeConsole())) {
		const original = own[name]?.bind(own);
		own[name] = (...args) => {
			if (alsoOwn) {
				original?.(...args);
			}
			method(...args);
		};
	}
};
