package main

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// The JavaScript that runs programs. Its files make up one scope: each says at its top what it needs of the others.
//
//go:embed page shared script
var sources embed.FS

// inspectScript is Node's util.inspect, a module of the npm package node-inspect-extracted.
const inspectScript = "shared/inspect.js"

// sharedScripts are for every host.
var sharedScripts = []string{inspectScript, "shared/completions.js", "shared/console.js", "shared/uncaught.js", "shared/getenv.js"}

// pageScript runs the program in a window or a dedicated worker.
func pageScript() (string, error) {
	names := append(append([]string{"page/requests.js"}, sharedScripts...), "page/files.js", "page/life.js", "page/deadlock.js", "page/program.js")
	text, err := concatenate(names)
	return "\"use strict\";\n(() => {\n" + text + "})();\n", err
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
			text = fmt.Appendf(nil, "const nodeUtil = (() => {\nconst module = { exports: {} }, exports = module.exports;\n%s\nreturn module.exports;\n})();\n", text)
		}
		b.Write(text)
	}
	return b.String(), nil
}
