// Where a page's scripts run.
const place = globalThis.document ? "window" : "worker";
// Absolute, because a page may change its base URL.
const base = place === "window" ? new URL(".", document.currentScript.src).href : new URL("~/", location.href).href;
const module = null;

