globalThis.deferred = document.getElementById("mine").textContent;
