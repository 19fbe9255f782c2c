// Live plots of what the two clients, and raw JavaScript beside them, measure.
import { raw } from "./raw.js";

// color returns a colour of the style sheet as a canvas takes it.
const color = (name) => {
	const probe = document.body.appendChild(document.createElement("i"));
	probe.style.color = `var(--${name})`;
	const computed = getComputedStyle(probe).color;
	probe.remove();
	return computed;
};

const megabytes = (v) => `${Number((v / 1e6).toPrecision(2))} MB`;
const short = (v, unit) => `${Number(v.toPrecision(3))}${unit}`;
const micros = (v) => (v < 1000 ? short(v, " µs") : v < 1e6 ? short(v / 1000, " ms") : short(v / 1e6, " s"));
const perSecond = (v) => (v < 1000 ? short(v, "") : v < 1e6 ? short(v / 1000, " k") : short(v / 1e6, " M"));

// The series of a plot: key, label, colour and dashes.
const three = [
	["browser ", "Go in this browser", "browser"],
	["raw", "raw JavaScript", "raw"],
	["native ", "native Go", "native"],
];

const kinds = {
	flood: {
		value: megabytes,
		atLeast: { x: 6, y: [0, 50e6] },
		series: [
			["browser Send", "browser, Send alone", "browser", [5, 4]],
			["native Send", "native, Send alone", "native", [5, 4]],
			["browser Drain, Send", "browser, Drain first", "browser"],
			["native Drain, Send", "native, Drain first", "native"],
		],
		summary: (ys) => megabytes(Math.max(...ys)),
		summarized: "at most",
		runs: (demo, plot) => [
			() => demo.act({ do: "flood" }, { log: plot }),
			() => demo.act({ do: "flood", drain: true }, { log: plot }),
		],
	},
	roundTrips: {
		value: micros,
		atLeast: { x: 2, y: [10, 1000] },
		series: three,
		summary: (ys) => micros(median(ys)),
		summarized: "median",
		runs: (demo, plot) => oneByOne(demo, plot, "roundTrips"),
	},
	rate: {
		value: perSecond,
		atLeast: { x: 2, y: [1000, 100_000] },
		series: three,
		summary: (ys) => perSecond(median(ys)),
		summarized: "median",
		runs: (demo, plot) => oneByOne(demo, plot, "rate"),
	},
};

const powersOfTen = (_, __, min, max) => {
	const splits = [];
	for (let v = 10 ** Math.floor(Math.log10(min)); v <= max; v *= 10) {
		splits.push(v);
	}
	return splits;
};

const median = (ys) => ys.toSorted((a, b) => a - b)[Math.floor(ys.length / 2)];

// oneByOne: each has the machine to itself.
const oneByOne = (demo, plot, verb) => [
	() => demo.act({ do: verb }, { sides: ["browser"], log: plot }),
	() => raw[verb]((x, y) => plot.addPoints("raw", [x], [y])),
	() => demo.act({ do: verb }, { sides: ["native"], log: plot }),
];

class Plot {
	constructor(figure, kind) {
		this.figure = figure;
		this.kind = kind;
		this.box = figure.querySelector(".plot");
		this.output = figure.querySelector("output");
		this.title = figure.querySelector("h3").textContent;
		this.clear();
		this.draw();
		new ResizeObserver(() => this.resize()).observe(this.box);
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
	}

	// A plot is the log of the actions that measure for it: it shows their errors.
	begin() {}

	add(side, line) {
		if (line.failed) {
			this.failed = `${side}: ${line.text}`;
		}
	}

	clear() {
		this.failed = "";
		this.data = new Map(this.kind.series.map(([key]) => [key, { x: [], y: [] }]));
	}

	addPoints(key, xs, ys) {
		const one = this.data.get(key);
		one.x.push(...xs);
		one.y.push(...ys);
		this.scheduled ??= requestAnimationFrame(() => {
			this.scheduled = undefined;
			this.chart.setData(this.table());
			this.describe();
			this.figure.dataset.points = [...this.data.values()].reduce((n, { x }) => n + x.length, 0);
		});
	}

	// table is the data as uPlot wants it: one list of x for all series.
	table() {
		return uPlot.join([...this.data.values()].map(({ x, y }) => [x, y]));
	}

	draw() {
		this.chart?.destroy();
		const line = { stroke: color("line"), width: 1 };
		const axis = { stroke: color("quiet"), grid: line, ticks: line, font: "12px system-ui, sans-serif" };
		const labels = (_, ticks) => ticks.map((v) => (v === null ? "" : this.kind.value(v)));
		const linear = this.kind.atLeast.y[0] === 0;
		this.chart = new uPlot({
			width: this.box.clientWidth,
			height: this.height(),
			scales: { x: { time: false, range: (_, min, max) => [0, Math.max(max ?? 0, this.kind.atLeast.x)] },
				y: this.scale() },
			axes: [
				{ ...axis, values: (_, ticks) => ticks.map((t) => `${t} s`) },
				{ ...axis, size: 62, values: labels, ...(linear ? {} : { splits: powersOfTen }) },
			],
			series: [{ label: "time", value: (_, v) => (v === null ? "" : `${v.toFixed(2)} s`) },
				...this.kind.series.map(([, label, name, dash]) => ({
					label, stroke: color(name), width: 1.5, dash, spanGaps: true, points: { show: false },
					value: (_, v) => (v === null || v === undefined ? "–" : this.kind.value(v)),
				}))],
			cursor: { y: false },
			legend: { live: false, markers: { dash: (_, i) => (this.kind.series[i - 1]?.[3] ? "dashed" : "solid") } },
		}, this.table(), this.box);
	}

	// scale is linear from 0, or has whole powers of ten.
	scale() {
		const [low, high] = this.kind.atLeast.y;
		if (low === 0) {
			return { range: (_, min, max) => [0, Math.max((max ?? 0) * 1.1, high)] };
		}
		const power = (round, v) => 10 ** round(Math.log10(v));
		return {
			distr: 3,
			range: (_, min, max) => [Math.min(power(Math.floor, min || low), low), Math.max(power(Math.ceil, max || high), high)],
		};
	}

	height() {
		return Math.max(200, Math.min(320, this.box.clientWidth * 0.5));
	}

	resize() {
		const size = { width: this.box.clientWidth, height: this.height() };
		if (size.width !== this.chart.width) {
			this.chart.setSize(size);
		}
	}

	// describe says in words what the plot shows.
	describe() {
		const parts = this.kind.series.filter(([key]) => this.data.get(key).y.length > 0)
			.map(([key, label]) => `${label} ${this.kind.summary(this.data.get(key).y)}`);
		const text = `${this.kind.summarized}: ${parts.join("; ")}`;
		this.output.textContent = text;
		this.box.setAttribute("aria-label", `${this.title}, ${text}`);
	}
}

export const plots = (demo) => {
	const all = new Map();
	for (const figure of document.querySelectorAll("[data-plot]")) {
		const kind = kinds[figure.dataset.plot];
		const plot = new Plot(figure, kind);
		all.set(figure.dataset.plot, plot);
		const button = figure.querySelector("button");
		button.addEventListener("click", async () => {
			for (const other of document.querySelectorAll("[data-plot] button")) {
				other.disabled = true; // they would measure each other
			}
			plot.clear();
			figure.dataset.running = "yes";
			try {
				for (const run of kind.runs(demo, plot)) {
					await run();
				}
			} catch (error) {
				plot.output.textContent = String(error);
			}
			if (plot.failed) {
				plot.output.textContent = plot.failed;
			}
			figure.dataset.running = "done";
			for (const other of document.querySelectorAll("[data-plot] button")) {
				other.disabled = false;
			}
			button.focus();
		});
	}
	demo.points = (side, { plot, series = "", x, y }) => all.get(plot).addPoints(`${side} ${series}`, x, y);
};
