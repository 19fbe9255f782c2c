// Clicks through the demo's page, as TestPage wants it:
//
//	node click.mjs NAME EXECUTABLE URL DIR
//
// Each check prints a line of JSON: its name, and what is wrong or "".
import { axeSource, launch } from "./browser.mjs";
import { Steps } from "./steps.mjs";
import fs from "node:fs";
import path from "node:path";

const [, , name, executable, url, dir] = process.argv;

const check = async (what, f) => {
	const begun = Date.now();
	let fault = "";
	try {
		fault = (await f()) || "";
	} catch (error) {
		fault = `${error.stack}`;
	}
	console.log(JSON.stringify({ check: what, fault, ms: Date.now() - begun }));
};

// Connections that fail are what the page is about, and browsers write them to the console. One is tried to another port;
// Firefox counts it as a request.
const expected = name === "firefox"
	? /can.t establish a connection to the server at ws:|The connection to ws:.* was interrupted|host: http:\/\/127\.0\.0\.1:2\/$/
	: /WebSocket connection to 'ws:\/\/[^']*' failed/;

const noFaults = (faults) => faults.filter((fault) => !expected.test(fault)).join("\n");

const clients = "#clients-log";

// actions clicks each button of the clients, and looks at what both columns show.
const actions = async (steps) => {
	const { page } = steps;
	const does = (what, f, ...lines) => check(`actions/${what}`, async () => {
		const from = await steps.count(clients);
		await f();
		return steps.lines(clients, lines, from);
	});
	const connect = () => does("connect", () => steps.dial("/echo"),
		/^open, protocol "demo.v1"$/, /^Dial\(ctx, "\/echo", demo.v2, demo.v1\) → nil$/);

	await does("send without a connection", () => steps.click('[data-do="closeNow"]'), /./);
	await connect();
	await does("text by the Enter key", async () => {
		await steps.fill("#text", "héllo");
		await page.keyboard.press("Enter");
	}, /^Send\(text "héllo"\) → nil$/, /^message text "héllo"$/);
	await does("bytes", async () => {
		await steps.fill("#text", "00 ff 7f");
		await steps.click('[data-do="bytes"]');
	}, /^Send\(bytes 00 ff 7f\) → nil$/, /^message ArrayBuffer 00 ff 7f$/);
	await does("no bytes", async () => {
		await steps.fill("#text", "xyz");
		await steps.click('[data-do="bytes"]');
	}, /not hexadecimal/);
	await does("binaryType", () => page.select("#binaryType", "blob"), /^SetBinaryType\("blob"\) → nil$/);
	await does("Blob", () => steps.click('[data-do="blob"]'), /^Send\(Blob, 3 bytes, text\/plain\) → nil$/, /^message Blob, 3 bytes$/);
	await does("file", async () => {
		const file = path.join(dir, "letter.txt");
		fs.writeFileSync(file, "x".repeat(200_000));
		const input = await page.$("#file");
		await input.uploadFile(file);
	}, /^Send\(Blob, 200000 bytes/, /^message Blob, 200000 bytes$/);
	await does("close with a bad code", async () => {
		await steps.fill("#code", "999");
		await steps.click("#close button.main");
	}, /InvalidAccessError.*errors\.Is\(err, ws\.ErrInvalidAccess\)/);
	await does("close", async () => {
		await steps.fill("#code", "4321");
		await steps.fill("#reason", "bye");
		await steps.click("#close button.main");
	}, /^CloseWith\(4321, "bye"\) → nil$/, /^close 4321 "bye", clean$/);
	await does("send when closed", () => steps.click("#send button.main"), /InvalidStateError.*errors\.Is\(err, ws\.ErrInvalidState\)/);
	await connect();
	await does("Shutdown", () => steps.click('[data-do="shutdown"]'), /^Shutdown\(ctx, 4321, "bye"\) → nil$/, /^close 4321 "bye", clean$/);
	await connect();
	await does("CloseNow", () => steps.click('[data-do="closeNow"]'), /^CloseNow\(\) → nil$/, /^close 1006 "", not clean$/);
	await does("cancel a dial", async () => {
		await steps.dial("silent");
		await steps.click('[data-do="cancel"]');
	}, /^cancel\(\)$/, /^Dial\(ctx, "\/silent.*context canceled.*errors\.Is\(err, context\.Canceled\)/);
	await connect();
	await does("403", () => steps.dial("/forbidden"), /^error$/, [/did not open.*CloseStatus\(err\) == 1006/, /403.*CloseStatus\(err\) == 1006/]);
	await does("nobody there", () => steps.dial("ws://127.0.0.1:2/"), [/did not open/, /connection refused/]);
	await does("blocked port", () => steps.dial("ws://127.0.0.1:6000/"), /SecurityError.*errors\.Is\(err, ws\.ErrSecurity\)/);
	await does("no such scheme", () => steps.dial("mailto:you"), // each platform's own words
		[/SyntaxError.*errors\.Is\(err, ws\.ErrSyntax\)/, /SyntaxError.*errors\.Is\(err, ws\.ErrSyntax\)/]);
	await check("actions/verdict", async () => {
		await page.waitForFunction((log) => !document.querySelector(`${log} .row.waiting`), {}, clients);
		const rows = (await steps.rows(clients)).filter((row) => row.state === "differs");
		const text = await page.$eval(`${clients} .verdict`, (e) => e.textContent);
		return /^\d+ lines, 3 differ$/.test(text) && rows.length === 3
			? "" : `${text}:\n${rows.map((row) => `${row.browser} | ${row.native}`).join("\n")}`;
	});
	await does("tour", async () => {
		await steps.click("#clear");
		await steps.click("#tour");
	});
	await check("actions/tour again", () => steps.lines(clients, [/^message Blob, 23 bytes$/, /^close 4000 "that is all", clean$/, /too late/]));
};

// What both clients see of each server; a pair where this browser is not like the native client.
const servers = {
	"k-rst": name === "firefox" ? [/^open$/] : [/^open$/, /^close 1006 "", not clean$/],
	"k-fin-mid-payload": [/^open$/, /^close 1006 "", not clean$/, /^client FIN$/],
	"d-opcode-7": [/^error$/, /^close 1006 "", not clean$/],
	"d-utf8-bad-second-frag": [/^error$/, /^close 1006 "", not clean$/],
	"h-proto-unrequested": name === "firefox" ? [[/^open$/, /^error$/]] : [/^error$/, /^close 1006/],
	"h-never-answers": [/^the program gives up: CloseNow\(\)$/, /^error$/, /^close 1006 "", not clean$/],
	"k-data-then-close": [/^message text "before"$/, /^close 4000 "x", clean$/, /^close 4000 "x"$/],
	"k-client-queued-rst": [/^send\(arraybuffer 25165824\) → nil$/, /^close 1006 "", not clean$/],
	"h-accept-wrong": [/^error$/, /^close 1006 "", not clean$/],
	"c-messages-after-close": [/^close\(3000\) → nil$/, /^close 3000 "", clean$/],
	"k-1006": [/^open$/],
	"d-frag-split-utf8-ping": [/^message text "😀"$/, /^message text "bye"$/, /^pong len=1 78$/],
};

const misbehaving = async (steps) => {
	const cards = await steps.page.$$eval(".card", (all) => all.map((card) => card.dataset.scenario));
	await check("servers/list", () => (cards.sort().join() === Object.keys(servers).sort().join() ? "" : `the page has ${cards}`));
	for (const scenario of cards) {
		await check(`servers/${scenario}`, async () => {
			let fault = "";
			// Some race with a timer of a few milliseconds, which a busy machine decides.
			for (let attempt = 0; attempt < 3; attempt++) {
				await steps.play(scenario);
				fault = await steps.lines("#servers-log", servers[scenario] ?? [], 0, 0);
				if (!fault) {
					break;
				}
			}
			return fault;
		});
	}
	await check("servers/any scenario", async () => {
		await steps.page.select("#scenario", "d-text");
		await steps.click("#more button");
		await steps.settled("d-text");
		return steps.lines("#servers-log", [/^message text "hello"$/, /^close\(1000\) → nil$/, /^close 1000 "", clean$/, /^close 1000$/]);
	});
};

// drawn counts the pixels of a canvas that have the colour of a series.
const drawn = (page, plot, series) => page.$eval(`[data-plot="${plot}"]`, (figure, series) => {
	const probe = figure.appendChild(document.createElement("i"));
	probe.style.color = `var(--${series})`;
	const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g).map(Number);
	probe.remove();
	const canvas = figure.querySelector("canvas");
	const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
	copy.drawImage(canvas, 0, 0);
	const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
	let n = 0;
	for (let i = 0; i < data.length; i += 4) {
		n += Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 30 && data[i + 3] > 200 ? 1 : 0;
	}
	return n;
}, series);

const plots = async (steps) => {
	const { page } = steps;
	for (const [plot, series, summary] of [
		["flood", ["browser", "native"], /browser, Send alone \d+ MB; native, Send alone \d+ MB; browser, Drain first [\d.]+ MB; native, Drain first [\d.]+ MB/],
		["roundTrips", ["browser", "raw", "native"], /Go in this browser [\d.]+ [µm]?s; raw JavaScript [\d.]+ [µm]?s; native Go [\d.]+ [µm]?s/],
		["rate", ["browser", "raw", "native"], /Go in this browser [\d.]+( k)?; raw JavaScript [\d.]+( k)?; native Go [\d.]+( k)?/],
	]) {
		await check(`plots/${plot}`, async () => {
			const before = await drawn(page, plot, series[0]);
			const { summary: text, updates } = await steps.measure(plot);
			const faults = [];
			if (!summary.test(text)) {
				faults.push(`the summary is ${text}`);
			}
			if (updates < 4) {
				faults.push(`it was drawn ${updates} times only`);
			}
			for (const one of series) {
				const pixels = await drawn(page, plot, one);
				if (before > 50 || pixels < 50) {
					faults.push(`${one} has ${pixels} pixels, before ${before}`);
				}
			}
			const label = await page.$eval(`[data-plot="${plot}"] .plot`, (e) => e.getAttribute("aria-label"));
			if (!summary.test(label)) {
				faults.push(`the label is ${label}`);
			}
			return faults.join("\n");
		});
	}
};

// layout looks for what is wider than the window, where it does not scroll by itself.
const layout = async (steps) => {
	for (const width of [390, 768, 1600]) {
		await check(`layout/${width}`, async () => {
			await steps.page.setViewport({ width, height: 900 });
			await steps.page.waitForFunction((width) => innerWidth === width, {}, width);
			return steps.page.evaluate(() => {
				const { scrollWidth, clientWidth } = document.documentElement;
				const wide = [...document.querySelectorAll("body *")].filter((e) => !e.closest("pre") && !e.matches(".skip") &&
					e.getBoundingClientRect().right > clientWidth + 1);
				return scrollWidth > clientWidth || wide.length > 0
					? `${scrollWidth} of ${clientWidth}: ${wide.map((e) => `${e.tagName}.${e.className}`).join(" ")}` : "";
			});
		});
	}
	await check("layout/one column on a phone", async () => {
		await steps.page.setViewport({ width: 390, height: 844 });
		await steps.dial("/forbidden");
		const missing = await steps.lines(clients, [[/did not open/, /403/]]);
		return missing || steps.page.evaluate(() => {
			const shown = (e) => e.getClientRects().length > 0;
			const log = document.querySelector("#clients-log");
			const equal = [...log.querySelectorAll(".row.equal")];
			const differing = [...log.querySelectorAll(".row.differs")];
			const faults = [];
			if (equal.length === 0 || equal.some((row) => shown(row.querySelector(".native")))) {
				faults.push("equal lines are shown twice");
			}
			for (const row of differing) {
				const [a, b] = [".browser", ".native"].map((side) => row.querySelector(side).getBoundingClientRect());
				if (a.width === 0 || Math.abs(a.left - b.left) > 1 || b.top < a.bottom - 1) {
					faults.push(`a line that differs is not in one column: ${JSON.stringify([a, b])}`);
				}
			}
			return differing.length === 0 ? "no line differs" : faults.join("\n");
		});
	});
	await steps.page.setViewport({ width: 1280, height: 900 });
};

// keyboard goes through the page by the Tab key.
const keyboard = (steps) => check("keyboard", async () => {
	const { page } = steps;
	await page.evaluate(() => {
		document.activeElement.blur();
		scrollTo(0, 0);
		getSelection().removeAllRanges();
	});
	await page.reload({ waitUntil: "load" });
	await steps.ready();
	const total = await page.$$eval("a, button, input, select, pre", (all) => all.filter((e) => e.getClientRects().length > 0 && !e.disabled).length);
	const faults = [];
	const reached = new Set();
	let last = -1;
	for (let i = 0; i < total + 10; i++) {
		await page.keyboard.press("Tab");
		const at = await page.evaluate(() => {
			const e = document.activeElement;
			const { outlineStyle, outlineWidth } = getComputedStyle(e);
			const all = [...document.querySelectorAll("*")];
			return { tag: e.tagName, index: all.indexOf(e), outline: outlineStyle !== "none" && parseFloat(outlineWidth) > 0,
				what: e.outerHTML.slice(0, 80), inside: e !== document.body && e !== document.documentElement };
		});
		if (!at.inside || reached.has(at.index)) {
			break; // round the window
		}
		reached.add(at.index);
		if (at.index < last) {
			faults.push(`out of order: ${at.what}`);
		}
		if (!at.outline) {
			faults.push(`the focus is not to be seen on ${at.what}`);
		}
		last = at.index;
	}
	// The log's body scrolls, so browsers let the keyboard reach it too.
	if (reached.size < total) {
		faults.push(`Tab reaches ${reached.size} of ${total}`);
	}
	return faults.join("\n");
});

// accessible has axe-core look at the page.
const accessible = (steps, scheme) => check(`accessibility/${scheme}`, async () => {
	await steps.page.evaluate(axeSource());
	const violations = await steps.page.evaluate(async () => {
		const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
		return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 4).map((n) => `${n.html.slice(0, 150)} ${n.any[0]?.message ?? ""}`).join(" | ")}`);
	});
	return violations.join("\n");
});

const scheme = (steps, wanted) => check(`colours/${wanted}`, async () => {
	const light = await steps.page.evaluate(() => {
		const channels = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
		return (channels[0] + channels[1] + channels[2]) / 3 > 127;
	});
	return light === (wanted === "light") ? "" : `the page is ${light ? "light" : "dark"}`;
});

for (const dark of [false, true]) {
	const browser = await launch({ name, executable, dir: fs.mkdtempSync(path.join(dir, "run-")), dark });
	try {
		const { page, faults } = await browser.open(url, 1280);
		const steps = new Steps(page);
		await check(`ready/${dark ? "dark" : "light"}`, () => steps.ready());
		await scheme(steps, dark ? "dark" : "light");
		if (!dark) {
			await actions(steps);
			await misbehaving(steps);
			await plots(steps);
			await layout(steps);
		}
		await accessible(steps, dark ? "dark" : "light");
		if (!dark) {
			await keyboard(steps);
		}
		await check(`console and requests/${dark ? "dark" : "light"}`, () => noFaults(faults));
	} finally {
		await browser.close();
	}
}
