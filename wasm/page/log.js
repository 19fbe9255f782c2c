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
	// In element; titles say what each side runs on. A connected log also shows the state of the connection.
	constructor(element, titles, connected) {
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
		this.table.setAttribute("aria-label", "What the two clients saw");
		const top = withRole(node("div", "top"), "rowgroup");
		top.append(heads);
		this.table.append(top, this.body);
		element.append(this.verdict, this.table);
		this.scroller = this.body;
		this.clear();
	}

	clear() {
		this.rows = new Map();
		this.actions = new Map();
		this.body.replaceChildren();
		this.judge();
	}

	// begin starts the lines of an action.
	begin(id, title) {
		const group = { title: withRole(node("div", "row title"), "row"), last: null };
		group.title.append(withRole(node("div", "cell", title), "cell"));
		group.last = group.title;
		this.actions.set(id, group);
		this.body.append(group.title);
		this.follow();
	}

	// add shows a line of one side.
	add(side, line) {
		const group = this.actions.get(line.id);
		if (!group) {
			return; // it has been cleared
		}
		const row = this.rows.get(line.row) ?? this.addRow(group, line);
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

	addRow(group, line) {
		const row = { lines: {}, cells: {}, element: withRole(node("div", `row ${line.kind}`), "row"), state: "waiting" };
		for (const side of ["browser", "native"]) {
			row.cells[side] = withRole(node("div", `cell ${side}`), "cell");
			row.element.append(row.cells[side]);
		}
		row.element.classList.add("waiting");
		if (line.kind === "wire" && !group.wire) {
			group.wire = withRole(node("div", "row subtitle"), "row");
			group.wire.append(withRole(node("div", "cell", "What the server saw"), "cell"));
			group.end = group.last;
			group.last.after(group.wire);
			group.wireLast = group.wire;
		}
		// What the server saw follows what the clients saw, whichever comes first.
		if (line.kind === "wire") {
			group.wireLast.after(row.element);
			group.wireLast = row.element;
		} else {
			group.last.after(row.element);
			group.last = row.element;
		}
		row.timer = setTimeout(() => {
			this.mark(row, "differs");
			this.judge();
		}, patience);
		this.rows.set(line.row, row);
		return row;
	}

	fill(cell, line) {
		cell.replaceChildren(node("span", line.failed ? "text failed" : "text", line.text));
		const meta = [line.state, line.exact ? `${line.buffered} B buffered` : "", line.at ? `${line.at.toFixed(1)} ms` : ""];
		cell.append(node("span", "meta", meta.filter(Boolean).join(" · ")));
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
