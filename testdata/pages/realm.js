"use strict";

{
	const frame = document.createElement("iframe");
	document.documentElement.append(frame);
	globalThis.TextEncoder = frame.contentWindow.TextEncoder;
	globalThis.TextDecoder = frame.contentWindow.TextDecoder;
	globalThis.otherRealm = frame.contentWindow;
}
