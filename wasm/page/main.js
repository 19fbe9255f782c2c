// The page around the Go program. It starts the program, tells it what the user wants, and shows what it reports:
// wasm/page_js.go has the other half of the interface.
import { Log } from "./log.js";
import { servers } from "./servers.js";
import { plots } from "./plots.js";
import { source } from "./source.js";

const element = (id) => document.getElementById(id);
const both = ["browser", "native"];

// demo has what the parts of the page share.
const demo = {
	session: "",
	logs: new Map(), // action to log
	waiting: new Map(), // action to what is called when a side has ended it
	next: 1,

	// act does an action on the sides. Its lines go to log, under title. The promise is kept when all sides have ended.
	act(action, { sides = both, log, title = "", file = null } = {}) {
		const id = demo.next++;
		if (log) {
			demo.logs.set(id, log);
			log.begin(id, title);
		}
		const refused = globalThis.demoPage.act(JSON.stringify({ sides, action: { id, ...action } }), file);
		if (refused) {
			trouble(refused);
			return Promise.reject(new Error(refused));
		}
		return new Promise((resolve) => {
			const left = new Set(sides);
			demo.waiting.set(id, (side) => {
				left.delete(side);
				if (left.size === 0) {
					demo.waiting.delete(id);
					resolve(id);
				}
			});
		});
	},

	// finish tells the server that both clients are done, so that a server that waits for what never comes may end.
	finish(play) {
		globalThis.demoPage.act(JSON.stringify({ sides: ["native"], action: { do: "finish", play } }), null);
	},
	points: () => {},
};

const trouble = (text) => {
	element("trouble").hidden = false;
	element("trouble").textContent = text;
};

const browserName = () => {
	const agent = navigator.userAgent;
	const [, name, version] = /(Firefox|Edg|Chrome)\/(\d+)/.exec(agent) ?? /(Version)\/(\d+).*Safari/.exec(agent) ?? [];
	return name ? `${{ Edg: "Edge", Version: "Safari" }[name] ?? name} ${version}, js/wasm` : "js/wasm";
};

// The program calls these.
globalThis.demoPage = {
	hello(json) {
		const hello = JSON.parse(json);
		demo.session = hello.session;
		const titles = { browser: browserName(), native: hello.title.replace(/^native, /, "") };
		const log = new Log(element("clients-log"), "What the two clients do", titles, true);
		clients(log);
		servers(demo, new Log(element("servers-log"), "What a server does to them", titles, false), hello);
		plots(demo);
		document.body.dataset.ready = "yes";
	},
	report(json) {
		const { side, line, points, ended } = JSON.parse(json);
		if (line) {
			demo.logs.get(line.id)?.add(side, line);
		} else if (points) {
			demo.points(side, points);
		} else if (ended) {
			demo.waiting.get(ended)?.(side);
		}
	},
	lost(text) {
		trouble(`The connection to the server of this page is over: ${text}. Reload the page when the server runs again.`);
	},
};

// clients wires the forms to actions.
const clients = (log) => {
	const value = (id) => element(id).value;
	const act = (action, title, file) => demo.act(action, { log, title, file });

	const verbs = {
		text: () => act({ do: "text", text: value("text") }, "Send text"),
		bytes: () => act({ do: "bytes", text: value("text") }, "Send bytes"),
		blob: () => act({ do: "blob", text: value("text") }, "Send a Blob"),
		close: () => act({ do: "close", code: Number(value("code")), reason: value("reason") }, "Close"),
		shutdown: () => act({ do: "shutdown", code: Number(value("code")), reason: value("reason") }, "Shutdown"),
		closeNow: () => act({ do: "closeNow" }, "CloseNow"),
		cancel: () => act({ do: "cancel" }, "Cancel the dial").then(() => demo.finish("silent")),
	};
	for (const button of document.querySelectorAll(".controls [data-do]")) {
		if (button.type === "button") {
			button.addEventListener("click", verbs[button.dataset.do]);
		}
	}
	const onSubmit = (id, verb) => element(id).addEventListener("submit", (event) => {
		event.preventDefault();
		verb();
	});
	onSubmit("send", verbs.text);
	onSubmit("close", verbs.close);
	onSubmit("connect", () => {
		const protocols = value("protocols").split(",").map((p) => p.trim()).filter((p) => p !== "");
		act({ do: "connect", url: value("url"), protocols, binaryType: value("binaryType") }, "Connect");
	});
	for (const chip of document.querySelectorAll("[data-url]")) {
		chip.addEventListener("click", () => {
			element("url").value = chip.dataset.url === "silent" ? `/silent/${demo.session}` : chip.dataset.url;
		});
	}
	element("binaryType").addEventListener("change", () => {
		act({ do: "binaryType", binaryType: value("binaryType") }, "binaryType");
	});
	element("file").addEventListener("change", () => {
		const [file] = element("file").files;
		if (file) {
			act({ do: "file", type: file.type }, `Send the file ${file.name}`, file);
			element("file").value = ""; // so that the same one may be chosen again
		}
	});
	element("clear").addEventListener("click", () => log.clear());
	const tour = () => act({ do: "tour" }, "The tour");
	element("tour").addEventListener("click", tour);
	tour();
};

source();
const go = new Go();
WebAssembly.instantiateStreaming(fetch("demo.wasm"), go.importObject)
	.then(({ instance }) => go.run(instance))
	.then(() => trouble("The program has ended. The browser's console has its last output."))
	.catch((error) => trouble(`The program could not be run: ${error}`));
