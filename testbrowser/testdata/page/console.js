// What the test of the console prints in every host, by name.
"use strict";
globalThis.consoleCases = {
	strings: () => console.log("plain", "two words", "'quotes' and \"double\"", ["a'b", 'a"b', `a'"b`, "line\nbreak"]),
	numbers: () => console.log(1, -0, 1.5, NaN, Infinity, 12n, [-0, 1e21, 12n]),
	primitives: () => console.log(null, undefined, true, Symbol("s"), [null, undefined, true, Symbol("s")]),
	levels: () => { console.info("info"); console.debug("debug"); console.warn("warn"); console.error("error"); },
	empty: () => { console.log(); console.log(""); console.error(); },
	formatString: () => console.log("%s is %s", "a", { b: [1, { c: 2 }] }, "rest"),
	formatNumbers: () => console.log("%d %i %f %d %i", "42", 3.9, "2.50", {}, 12n),
	formatObjects: () => console.log("%o|%O|%j", { a: [1] }, { f() {} }, { j: 1 }),
	formatStyle: () => console.log("%cstyled%c plain %% %x", "color: red", "", "rest"),
	formatMissing: () => console.log("%s and %s", "one"),
	nested: () => console.log({ a: { b: { c: { d: 1 } } }, list: [[[[1]]]] }),
	long: () => console.log({ one: "a rather long string number one", two: "a rather long string number two", three: 3 }),
	numbersList: () => console.log(Array.from({ length: 120 }, (_, i) => i * 7)),
	sparse: () => console.log([1, , 3, , ,], Object.assign([1, 2], { extra: true })),
	map: () => console.log(new Map([["a", 1], [{ k: 1 }, new Map([[1, 2]])]]), new Map()),
	set: () => console.log(new Set([1, "two", [3]]), new Set()),
	weak: () => console.log(new WeakMap(), new WeakSet()),
	typedArrays: () => console.log(new Uint8Array([1, 2, 255]), new Float64Array([0.5, -1]), new BigInt64Array([1n])),
	buffers: () => console.log(new ArrayBuffer(4), new DataView(new ArrayBuffer(2))),
	cyclic: () => { const o = { name: "o" }; o.self = o; o.list = [o]; console.log(o); },
	functions: () => console.log(function named() {}, () => {}, class A {}, class B extends Array {}, async () => {}, function* gen() {}),
	classes: () => { class Point { constructor() { this.x = 1; } } console.log(new Point(), new (class extends Map {})()); },
	nullPrototype: () => console.log(Object.create(null), Object.assign(Object.create(null), { a: 1 })),
	accessors: () => console.log({ get a() { return 1; }, set b(v) {}, get c() { return 1; }, set c(v) {} }),
	symbols: () => console.log({ [Symbol("key")]: 1, [Symbol.toStringTag]: "Tagged", "not-an-identifier": 2 }),
	boxed: () => console.log(new Number(1), new String("s"), new Boolean(false), Object(Symbol("b")), Object(1n)),
	dates: () => console.log(new Date(0), [new Date(1e12)], new Date(NaN)),
	regexps: () => console.log(/a+b/gi, [/x/]),
	errors: () => { for (const e of [new Error("first line\nsecond"), new TypeError("t"), Object.assign(new Error("with code"), { code: "E_CODE" })]) { e.stack = String(e); console.log(e); } },
	errorCause: () => { const e = new Error("outer", { cause: "inner" }); e.stack = String(e); console.log(e, [e]); },
	errorStack: () => { const e = new RangeError("has a stack"); console.log(e.stack === undefined, String(require1(e)).split("\n")[0]); },
	// What only the engine can see, the items of iterators, the states of promises and the targets of proxies, is not shown.
	iterators: () => console.log([1][Symbol.iterator](), (function* gen() {})()),
	args: () => (function () { console.log(arguments); })(1, 2),
	assert: () => { console.assert(true, "not seen"); console.assert(false); console.assert(false, "%s fails", "it"); console.assert(0, { a: 1 }); },
	dir: () => { console.dir({ a: { b: { c: { d: { e: 1 } } } } }, { depth: 0 }); console.dir("text"); console.dirxml({ a: 1 }, [2]); },
	table: () => { console.table([{ a: 1, b: "x" }, { a: 2, c: true }]); console.table([[1, 2], [3, 4]]); console.table([1, "b", { c: 3 }]); },
	tableMore: () => { console.table({ r1: { x: 1 }, r2: { y: [1, 2, 3, 4] } }, ["x"]); console.table(new Map([["k", { v: 1 }]])); console.table(new Set([1, "ü"])); console.table("text"); console.table([]); },
	groups: () => { console.group("outer"); console.log("in\nside"); console.group(); console.warn({ a: 1, b: [1, 2] }); console.groupEnd(); console.groupCollapsed("c", 1); console.log("deeper"); console.groupEnd(); console.groupEnd(); console.groupEnd(); console.log("out"); },
	count: () => { console.count(); console.count("x"); console.count(); console.countReset(); console.count(); console.count(undefined); },
	time: () => { console.time("t"); console.log(typeof console.timeEnd("t")); },
};

const require1 = (e) => e;

globalThis.runConsoleCases = () => {
	for (const [name, run] of Object.entries(consoleCases)) {
		console.log(`== ${name}`);
		console.error(`== ${name}`);
		run();
	}
	console.log("== trace");
	console.error("== trace");
	console.trace("here %d", 1);
};
