package main

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// The JavaScript that runs programs. Its files share one scope: each says at its top what it needs from the others.
//
//go:embed page shared script
var sources embed.FS

// inspectScript is Node's util.inspect, a module of the npm package node-inspect-extracted.
const inspectScript = "shared/inspect.js"

// sharedScripts are for every host.
var sharedScripts = []string{inspectScript, "shared/completions.js", "shared/console.js", "shared/uncaught.js",
	"shared/getenv.js"}

// pageScripts make requests to testbrowser for everything that a page cannot do itself.
func pageScripts() (string, error) {
	names := append([]string{"page/requests.js"}, sharedScripts...)
	return concatenate(append(names, "page/files.js", "page/life.js", "page/deadlock.js", "page/program.js"))
}

// pageScript runs the program in a window or a dedicated worker.
func pageScript() (string, error) {
	where, err := concatenate([]string{"page/where.js"})
	if err != nil {
		return "", err
	}
	text, err := pageScripts()
	return "\"use strict\";\n(() => {\n" + where + text + "})();\n", err
}

// workerdModule exports a function that runs the program in workerd, which allows next to nothing outside of exported
// functions.
func workerdModule() (string, error) {
	text, err := pageScripts()
	return "export const run = (module, base) => {\nconst place = \"workerd\";\n" + text + "return finished;\n};\n", err
}

func workerStart() (string, error) { return concatenate([]string{"page/worker_start.js"}) }

// programScript runs the program in Node, Deno and Bun, with their own files.
func programScript() (string, error) {
	return concatenate(append(slices.Clone(sharedScripts), "script/program.mjs"))
}

func concatenate(names []string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		text, err := sources.ReadFile(name)
		if err != nil {
			return "", err
		}
		if name == inspectScript {
			const commonJS = "const nodeUtil = (() => {\nconst module = { exports: {} }, exports = module.exports;\n%s\n" +
				"return module.exports;\n})();\n"
			text = fmt.Appendf(nil, commonJS, text)
		}
		b.Write(text)
	}
	return b.String(), nil
}
