globalThis.throwLater = () => setTimeout(function thrower() { throw new TypeError("nobody catches this"); }, 1);
globalThis.handleUncaught = () => {
	if (globalThis.addEventListener) {
		addEventListener("error", (event) => event.preventDefault());
		addEventListener("unhandledrejection", (event) => event.preventDefault());
	}
	if (globalThis.process?.on) {
		process.on("uncaughtException", () => {});
		process.on("unhandledRejection", () => {});
	}
};
