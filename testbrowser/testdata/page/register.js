globalThis.controlled = new Promise((resolve, reject) => {
	navigator.serviceWorker.addEventListener("controllerchange", resolve);
	navigator.serviceWorker.register("service_worker.js").catch(reject);
});
