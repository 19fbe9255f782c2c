// What a user does on the page, for the tests and the screenshots.

const settleLimit = 30_000;

export class Steps {
	constructor(page) {
		this.page = page;
	}

	// ready waits until the program runs and the tour, with which the page begins, is over.
	async ready() {
		await this.page.waitForSelector("body[data-ready]", { timeout: settleLimit });
		await this.lines("#clients-log", [/Send\(text "too late"\)/]);
	}

	click(selector) {
		return this.page.$eval(selector, (element) => element.scrollIntoView({ block: "center", behavior: "instant" }))
			.then(() => this.page.click(selector));
	}

	async fill(selector, text) {
		await this.page.focus(selector);
		await this.page.$eval(selector, (element) => element.select());
		await this.page.keyboard.press("Delete");
		await this.page.type(selector, text);
	}

	// dial fills in a URL, by one of the buttons that do so, and connects.
	async dial(chip) {
		await this.click(`.chips button[data-url="${chip}"]`);
		await this.click("#connect button.main");
	}

	// rows returns the lines of a log: what each side shows, and what the page says of the two.
	rows(log, from = 0) {
		return this.page.$$eval(`${log} .body .row:not(.title, .subtitle)`, (rows, from) => rows.slice(from).map((row) => {
			const text = (side) => [...row.querySelectorAll(`.${side} > :not(.meta, .differing)`)].map((e) => e.textContent).join(" ");
			return { browser: text("browser"), native: text("native"), state: row.className.split(" ").at(-1) };
		}), from);
	}

	count(log) {
		return this.page.$$eval(`${log} .body .row:not(.title, .subtitle)`, (rows) => rows.length);
	}

	// lines waits until a log has, from a line on, one that both sides agree on for each expression; or, for a pair of
	// expressions, one where the sides differ. It returns what is missing in the end, or "".
	async lines(log, expected, from = 0, limit = settleLimit) {
		const fits = (want, row) => (Array.isArray(want)
			? row.state === "differs" && want[0].test(row.browser) && want[1].test(row.native)
			: row.state === "equal" && want.test(row.browser) && want.test(row.native));
		const end = Date.now() + limit;
		for (;;) {
			const rows = await this.rows(log, from);
			const missing = expected.filter((want) => !rows.some((row) => fits(want, row)));
			if (missing.length === 0) {
				return "";
			}
			if (Date.now() >= end) {
				return `no line for ${missing.join(" and ")} in\n${rows.map((r) => `${r.state}: ${r.browser} | ${r.native}`).join("\n")}`;
			}
			await this.page.waitForFunction((log, n, settled) => {
				const all = document.querySelectorAll(`${log} .body .row:not(.title, .subtitle)`);
				return all.length !== n || [...all].filter((row) => !row.classList.contains("waiting")).length !== settled;
			}, { timeout: 5000 }, log, rows.length + from, rows.filter((r) => r.state !== "waiting").length + from).catch(() => {});
		}
	}

	// play runs a server that misbehaves, and waits until its log is complete.
	async play(scenario) {
		await this.click(`.card[data-scenario="${scenario}"]`);
		await this.settled(scenario);
	}

	// settled waits until both clients are done with a scenario, and the server has told of both.
	settled(scenario) {
		return this.page.waitForFunction((scenario) => {
			const log = document.querySelector("#servers-log");
			return log.querySelector(".row.title")?.textContent === scenario && log.querySelector(".row.wire") &&
				!log.querySelector(".row.waiting") && !document.querySelector(".card[aria-busy]");
		}, { timeout: settleLimit }, scenario);
	}

	// measure runs a plot to its end. It returns what the page says then, and how often the plot was seen to have more.
	async measure(plot) {
		const selector = `[data-plot="${plot}"]`;
		await this.click(`${selector} button`);
		const seen = new Set();
		const end = Date.now() + 2 * settleLimit;
		while (Date.now() < end) {
			const [running, points, summary] = await this.page.$eval(selector, (figure) =>
				[figure.dataset.running, figure.dataset.points, figure.querySelector("output").textContent]);
			seen.add(points);
			if (running === "done") {
				return { summary, updates: seen.size };
			}
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		throw new Error(`${plot} does not end`);
	}
}
