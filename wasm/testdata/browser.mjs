// Starts a browser without a window, by puppeteer-core: Chromium by its own protocol, Firefox by WebDriver BiDi.
// NODE_PATH does not hold for modules, so WS_TEST_DRIVER names the directory that has node_modules.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.WS_TEST_DRIVER, "node_modules", "x.js"));
const puppeteer = require("puppeteer-core");

export const axeSource = () => require("axe-core").source;

const chromium = (dir, args) => ({
	browser: "chrome",
	userDataDir: path.join(dir, "profile"),
	args: [
		"--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-background-networking",
		"--disable-component-update", "--disable-domain-reliability", "--disable-sync", "--disable-dev-shm-usage", "--disable-gpu",
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
		"--hide-scrollbars", "--force-color-profile=srgb", ...args,
		...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
	],
});

const firefox = (dark) => ({
	browser: "firefox",
	extraPrefsFirefox: {
		"layout.css.prefers-color-scheme.content-override": dark ? 0 : 1,
		"network.websocket.delay-failed-reconnects": false,
		"network.captive-portal-service.enabled": false,
		"network.connectivity-service.enabled": false,
		"browser.safebrowsing.blockedURIs.enabled": false,
		"toolkit.telemetry.server": "data:,",
		"services.settings.server": "data:,",
	},
});

// launch starts the browser name, whose executable is executable and whose files are in dir. What it returns opens pages.
export const launch = async ({ name, executable, dir, dark = false, args = [] }) => {
	const browser = await puppeteer.launch({
		...(name === "firefox" ? firefox(dark) : chromium(dir, args)),
		executablePath: executable,
		headless: true,
		timeout: 60_000,
		protocolTimeout: 120_000,
	});
	return {
		close: () => browser.close(),
		version: await browser.version(),

		// open opens url in a window of the given width. Everything that a clean page has none of is in faults.
		async open(url, width, height = 900) {
			const page = await browser.newPage();
			const faults = [];
			page.on("console", (message) => {
				if (message.type() === "error" || message.type() === "warn") {
					faults.push(`console: ${message.text()}`);
				}
			});
			page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
			page.on("request", (request) => {
				const { protocol, host } = new URL(request.url());
				if (protocol !== "data:" && host !== new URL(url).host) {
					faults.push(`request to another host: ${request.url()}`);
				}
			});
			page.setDefaultTimeout(120_000); // a busy machine loads slowly
			await page.setViewport({ width, height });
			if (name !== "firefox") {
				await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
			}
			await page.goto(url, { waitUntil: "load" });
			return { page, faults };
		},
	};
};
