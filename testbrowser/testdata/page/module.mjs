import { value } from "./imported.mjs";
globalThis.moduleValue = value;
