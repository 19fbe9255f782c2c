// Takes the screenshots of README.md, as TestScreenshots wants it:
//
//	node screenshots.mjs NAME EXECUTABLE URL DIR OUT
import { launch } from "./browser.mjs";
import { Steps } from "./steps.mjs";
import fs from "node:fs";
import path from "node:path";

const [, , name, executable, url, dir, out] = process.argv;

// Each shows a part of the page: what was done, and which element is at the top.
const shots = [
	{
		file: "demo.png", width: 1280, height: 1040, top: "body",
		async prepare(steps) {
			await steps.dial("/forbidden");
			await steps.lines("#clients-log", [[/did not open/, /403/]]);
		},
	},
	{
		file: "demo-dark.png", dark: true, width: 1280, height: 1080, top: "#plots",
		async prepare(steps) {
			for (const plot of ["flood", "roundTrips", "rate"]) {
				await steps.measure(plot);
			}
		},
	},
	{
		file: "demo-phone.png", width: 390, height: 780, scale: 2, top: "#clients-log",
		async prepare(steps) {
			await steps.dial("/forbidden");
			await steps.lines("#clients-log", [[/did not open/, /403/]]);
		},
	},
];

for (const { file, dark, width, height, scale = 1, top, prepare } of shots) {
	const browser = await launch({ name, executable, dir: fs.mkdtempSync(path.join(dir, "run-")), dark });
	try {
		const { page } = await browser.open(url, width, height);
		await page.setViewport({ width, height, deviceScaleFactor: scale });
		const steps = new Steps(page);
		await steps.ready();
		await prepare(steps);
		await page.evaluate((top) => {
			document.activeElement.blur();
			document.querySelector(top).scrollIntoView({ block: "start", behavior: "instant" });
		}, top);
		await page.screenshot({ path: path.join(out, file) });
		console.log(`${file}: ${fs.statSync(path.join(out, file)).size} bytes`);
	} finally {
		await browser.close();
	}
}
