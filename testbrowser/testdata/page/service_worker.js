addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
	if (event.request.url.endsWith("/data.txt")) {
		event.respondWith(new Response("from the service worker"));
	}
});
