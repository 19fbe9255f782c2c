// What the Go program measures, in raw JavaScript: wasm/demo/measure.go has the same two, and the same numbers.

const measureTime = 2000; // milliseconds
const reportPeriod = 100;
const roundTripsFor = 20; // milliseconds that are measured together: browsers' clocks are coarse
const inFlight = 64;
const size = 32;

const open = () => new Promise((resolve, reject) => {
	const socket = new WebSocket(new URL("/measure", location.href.replace(/^http/, "ws")));
	socket.binaryType = "arraybuffer";
	socket.onopen = () => resolve(socket);
	socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
});

// measure calls step for each message, until it returns false or the time is over.
const measure = async (first, step) => {
	const socket = await open();
	const message = new Uint8Array(size);
	const begun = performance.now();
	await new Promise((resolve, reject) => {
		socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
		socket.onmessage = () => {
			const now = performance.now();
			step(now, begun);
			if (now - begun > measureTime) {
				resolve();
			} else {
				socket.send(message);
			}
		};
		for (let i = 0; i < first; i++) {
			socket.send(message);
		}
	});
	socket.onclose = null;
	socket.onmessage = null;
	socket.close();
};

// Each calls report(seconds, value) as it goes.
export const raw = {
	async roundTrips(report) {
		let n = 0;
		let since = performance.now();
		await measure(1, (now, begun) => {
			n++;
			if (now - since >= roundTripsFor) {
				report((now - begun) / 1000, (now - since) * 1000 / n);
				[n, since] = [0, performance.now()];
			}
		});
	},
	async rate(report) {
		let n = 0;
		let since = performance.now();
		await measure(inFlight, (now, begun) => {
			n++;
			if (now - since >= reportPeriod) {
				report((now - begun) / 1000, n * 1000 / (now - since));
				[n, since] = [0, performance.now()];
			}
		});
	},
};
