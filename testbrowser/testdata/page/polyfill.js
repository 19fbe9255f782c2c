"use strict";
globalThis.polyfill = typeof Go === "undefined" ? "before Go" : "after Go";
