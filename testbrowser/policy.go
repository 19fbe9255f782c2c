package main

import (
	"fmt"
	"slices"
	"strings"
)

// defaultPolicy lets the page run its own scripts and WebAssembly, but no evaluated or inline code, and connect to
// anything. Programs have to work with such a policy in careful pages.
const defaultPolicy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
	"img-src 'self' data:; " +
	"connect-src * ws: wss: blob: data:"

// directive is one of a Content-Security-Policy.
type directive struct {
	name   string
	values []string
}

// parsePolicy reads one policy; if a directive occurs twice, only the first counts.
func parsePolicy(text string) []directive {
	var directives []directive
	for part := range strings.SplitSeq(text, ";") {
		fields := strings.Fields(part)
		if len(fields) == 0 {
			continue
		}
		directives = append(directives, directive{strings.ToLower(fields[0]), fields[1:]})
	}
	return directives
}

func formatPolicy(directives []directive) string {
	parts := make([]string, len(directives))
	for i, d := range directives {
		parts[i] = strings.Join(append([]string{d.name}, d.values...), " ")
	}
	return strings.Join(parts, "; ")
}

// policies are those of a header, which may have several, all in force.
func policies(header string) [][]directive {
	var all [][]directive
	for text := range strings.SplitSeq(header, ",") {
		if p := parsePolicy(text); len(p) > 0 {
			all = append(all, p)
		}
	}
	return all
}

// checkPolicy refuses policies with which no page of testbrowser can work.
func checkPolicy(header string) error {
	if strings.ContainsAny(header, "\r\n") {
		return fmt.Errorf("-csp: a policy is one line")
	}
	for _, p := range policies(header) {
		for _, d := range p {
			if !isToken(d.name) {
				return fmt.Errorf(
					"-csp: %q is no name of a directive; a policy looks like \"script-src 'self' 'wasm-unsafe-eval'\"", d.name)
			}
			if d.name == "sandbox" &&
				(!slices.Contains(d.values, "allow-scripts") || !slices.Contains(d.values, "allow-same-origin")) {
				return fmt.Errorf("-csp: the program needs sandbox allow-scripts allow-same-origin")
			}
		}
		if sources, limited := scriptSources(p); limited && !allowsWasm(sources) {
			return fmt.Errorf("-csp: this policy forbids WebAssembly: its script-src (or default-src) needs 'wasm-unsafe-eval'")
		}
	}
	return nil
}

func isToken(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// scriptSources are the sources that a policy allows for scripts; limited is false if it allows all.
func scriptSources(p []directive) (sources []string, limited bool) {
	for _, name := range []string{"script-src", "default-src"} {
		for _, d := range p {
			if d.name == name {
				return d.values, true
			}
		}
	}
	return nil, false
}

func allowsWasm(sources []string) bool {
	return slices.ContainsFunc(sources, func(source string) bool {
		source = strings.ToLower(source)
		return source == "'wasm-unsafe-eval'" || source == "'unsafe-eval'"
	})
}

// needsNonce tells whether a policy allows scripts by their nonces alone.
func needsNonce(header string) bool {
	for _, p := range policies(header) {
		if sources, _ := scriptSources(p); slices.Contains(sources, "'strict-dynamic'") {
			return true
		}
	}
	return false
}

// amendPolicy lets the page load testbrowser's own files and make its calls, whatever the user's policy says, and
// nothing else: folder and worker are their URLs.
func amendPolicy(header, folder, worker, nonce string) string {
	sources := map[string][]string{
		"default-src": {folder, worker}, "script-src": {folder, worker}, "script-src-elem": {folder}, "connect-src": {folder},
		"worker-src": {worker}, "child-src": {worker}, "trusted-types": {"testbrowser"},
	}
	var amended []string
	for _, p := range policies(header) {
		for i, d := range p {
			added := sources[d.name]
			if added == nil {
				continue
			}
			if nonce != "" && strings.HasPrefix(d.name, "script-src") && slices.Contains(d.values, "'strict-dynamic'") {
				added = append(slices.Clone(added), "'nonce-"+nonce+"'")
			}
			values := slices.DeleteFunc(slices.Clone(d.values),
				func(value string) bool { return strings.EqualFold(value, "'none'") })
			p[i].values = append(values, added...)
		}
		amended = append(amended, formatPolicy(p))
	}
	return strings.Join(amended, ", ")
}
