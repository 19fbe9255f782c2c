// A log of two columns. Lines of the two sides that have the same row are beside each other, and marked if they differ.

const patience = 3000; // milliseconds that a line may wait for that of the other side

const node = (tag, className, text) => {
	const made = document.createElement(tag);
	made.className = className;
	if (text !== undefined) {
		made.textContent = text;
	}
	return made;
};

const withRole = (made, role) => {
	made.setAttribute("role", role);
	return made;
};

export class Log {
	// In element, called label; titles say what each side runs on. A connected log also shows the state of the connection.
	constructor(element, label, titles, connected) {
		this.heads = {};
		this.verdict = withRole(node("p", "verdict"), "status");
		const heads = withRole(node("div", "row heads"), "row");
		for (const [side, name] of [["browser", "This browser"], ["native", "Native Go"]]) {
			const head = withRole(node("div", `cell head ${side}`), "columnheader");
			head.append(node("span", "name", name), node("span", "where", titles[side]));
			if (connected) {
				this.heads[side] = node("span", "state", "not connected");
				head.append(this.heads[side]);
			}
			heads.append(head);
		}
		this.body = withRole(node("div", "body"), "rowgroup");
		this.table = withRole(node("div", "lines"), "table");
		this.table.setAttribute("aria-label", label);
		const top = withRole(node("div", "titles"), "rowgroup");
		top.append(heads);
		this.table.append(top, this.body);
		// The keyboard can only scroll what it can focus.
		this.scroller = withRole(node("div", "scroller"), "region");
		this.scroller.setAttribute("aria-label", `${label}, log`);
		this.scroller.tabIndex = 0;
		this.scroller.append(this.table);
		element.append(this.verdict, this.scroller);
		this.clear();
	}

	clear() {
		for (const row of this.rows?.values() ?? []) {
			clearTimeout(row.timer);
		}
		this.rows = new Map();
		this.actions = new Set();
		this.wire = null;
		this.body.replaceChildren();
		this.judge();
	}

	// begin starts an action. Lines follow in the order in which they come, whichever side is first.
	begin(id, title) {
		this.actions.add(id);
		this.wire = null;
		this.body.append(this.heading("title", title));
		this.follow();
	}

	heading(className, text) {
		const row = withRole(node("div", `row ${className}`), "row");
		row.append(withRole(node("div", "cell", text), "cell"));
		return row;
	}

	// add shows a line of one side.
	add(side, line) {
		if (!this.actions.has(line.id)) {
			return; // it has been cleared
		}
		const row = this.rows.get(line.row) ?? this.addRow(line);
		row.lines[side] = line;
		this.fill(row.cells[side], line);
		if (row.lines.browser && row.lines.native) {
			clearTimeout(row.timer);
			this.mark(row, differ(row.lines.browser, row.lines.native) ? "differs" : "equal");
		}
		this.showState(side, line);
		this.judge();
		this.follow();
	}

	addRow(line) {
		const element = withRole(node("div", `row ${line.kind} waiting`), "row");
		const row = { lines: {}, cells: {}, element, state: "waiting" };
		for (const side of ["browser", "native"]) {
			row.cells[side] = withRole(node("div", `cell ${side}`), "cell");
			row.element.append(row.cells[side]);
		}
		// What the server saw follows what the clients saw, whichever comes first.
		if (line.kind === "wire") {
			this.wire ??= this.body.appendChild(this.heading("subtitle", "What the server saw"));
			this.body.append(row.element);
		} else if (this.wire) {
			this.wire.before(row.element);
		} else {
			this.body.append(row.element);
		}
		row.timer = setTimeout(() => {
			this.mark(row, "differs");
			this.judge();
		}, patience);
		this.rows.set(line.row, row);
		return row;
	}

	fill(cell, line) {
		const buffered = line.shown ? `${line.buffered} B buffered` : "";
		const meta = [line.state, buffered, line.at ? `${line.at.toFixed(1)} ms` : ""];
		cell.replaceChildren(node("span", "meta", meta.filter(Boolean).join(" · ")),
			node("span", line.failed ? "text failed" : "text", line.text));
		if (line.detail) {
			cell.append(node("span", "detail", line.detail));
		}
	}

	mark(row, state) {
		row.element.classList.remove(row.state);
		row.state = state;
		row.element.classList.add(state);
		for (const side of ["browser", "native"]) {
			const cell = row.cells[side];
			cell.querySelector(".differing")?.remove();
			if (state === "differs") {
				if (!row.lines[side]) {
					cell.replaceChildren(node("span", "text none", "(no such line)"));
				}
				cell.prepend(node("span", "differing", "differs"));
			}
		}
	}

	showState(side, line) {
		if (!this.heads[side] || !line.state) {
			return;
		}
		const parts = [line.state, `${line.buffered} B buffered`, line.protocol, line.extensions];
		this.heads[side].textContent = parts.filter(Boolean).join(" · ");
	}

	judge() {
		const states = [...this.rows.values()].map((row) => row.state);
		const count = (state) => states.filter((s) => s === state).length;
		const [differing, waiting] = [count("differs"), count("waiting")];
		const lines = `${states.length} ${states.length === 1 ? "line" : "lines"}`;
		let text = `${lines}, all equal on both sides`;
		let kind = "good";
		if (states.length === 0) {
			[text, kind] = ["Nothing has happened yet", "none"];
		} else if (differing > 0) {
			text = `${lines}, ${differing} ${differing === 1 ? "differs" : "differ"}`;
			kind = "bad";
		} else if (waiting > 0) {
			[text, kind] = [`${lines}…`, "none"];
		}
		this.verdict.className = `verdict ${kind}`;
		if (this.verdict.textContent !== text) {
			this.verdict.textContent = text;
		}
	}

	// follow keeps the newest line in view.
	follow() {
		this.scroller.scrollTop = this.scroller.scrollHeight;
	}
}

// differ compares what the two sides must have in common: not times, and bufferedAmount only where it stands still.
const differ = (a, b) => a.text !== b.text || a.detail !== b.detail || a.state !== b.state ||
	(a.exact || b.exact) && a.buffered !== b.buffered;
