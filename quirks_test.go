//go:build !js

package ws_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestQuirks: each function of quirks_js.go says for which host and version it is, why, and which test fails without
// it.
func TestQuirks(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "quirks_js.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := make(map[string]string)
		for line := range strings.SplitSeq(f.Doc.Text(), "\n") {
			if kind, rest, ok := strings.Cut(line, ": "); ok {
				lines[kind] = rest
			}
		}
		for host := range strings.SplitSeq(lines["Host"], ", ") {
			if !regexp.MustCompile(`^(Chromium|Firefox|WebKitGTK|Node|Deno|Bun) \d+(\.\d+)*$`).MatchString(host) {
				t.Errorf("%s: the host %q has no name or no version", f.Name.Name, host)
			}
		}
		if lines["Reason"] == "" {
			t.Errorf("%s has no reason", f.Name.Name)
		}
		for test := range strings.SplitSeq(lines["Test"], ", ") {
			if !tests[test] {
				t.Errorf("%s: there is no test %q", f.Name.Name, test)
			}
		}
	}
	for _, bug := range hostBugs {
		if hostVersions[bug.host] == "" {
			t.Errorf("%s: nobody says which version of %q has this bug", bug.test, bug.host)
		}
		if name, _, _ := strings.Cut(bug.test, "/"); !tests[name] {
			t.Errorf("there is no test %q", name)
		}
	}
}

// testNames returns the names of all tests of this package.
func testNames(t *testing.T) map[string]bool {
	names := make(map[string]bool)
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
			names[string(match[1])] = true
		}
	}
	return names
}
