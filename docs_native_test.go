//go:build !js

package ws_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writeDocsVariable names the environment variable that has TestDocs write the documents instead of comparing them.
const writeDocsVariable = "WS_WRITE_DOCS"

// TestDocs: the generated parts of docs match their sources.
//
//	WS_WRITE_DOCS=1 go test -run TestDocs .
func TestDocs(t *testing.T) {
	for _, part := range []struct {
		page, mark, text string
	}{
		{"hosts.md", "quirks", quirksTable(t)},
		{"hosts.md", "bugs", bugsTable()},
		{"performance.md", "bench", benchSection(t)},
	} {
		name := filepath.Join("docs", part.page)
		page := readText(t, name)
		before, rest, begins := strings.Cut(page, "<!-- "+part.mark+" -->\n")
		now, after, ends := strings.Cut(rest, "<!-- /"+part.mark+" -->\n")
		if !begins || !ends {
			t.Fatalf("%s has no marks %s", name, part.mark)
		}
		if now == part.text {
			continue
		}
		if os.Getenv(writeDocsVariable) == "" {
			t.Errorf("the part %s of %s is old: %s=1 go test -run TestDocs .", part.mark, name, writeDocsVariable)
			continue
		}
		page = before + "<!-- " + part.mark + " -->\n" + part.text + "<!-- /" + part.mark + " -->\n" + after
		if err := os.WriteFile(name, []byte(page), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n") // git on Windows
}

// quirksTable is made from the comments of quirks_js.go: see TestQuirks.
func quirksTable(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "quirks_js.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	table := "| host | what it does |\n|---|---|\n"
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		_, rest, _ := strings.Cut(f.Doc.Text(), "Host: ")
		hosts, rest, _ := strings.Cut(rest, "\nReason: ")
		reason, _, _ := strings.Cut(rest, "\nTest: ")
		table += fmt.Sprintf("| %s | %s |\n", hosts, strings.ReplaceAll(reason, "\n", " "))
	}
	return table
}

// bugsTable is hostBugs, without the tests, which are several for most bugs.
func bugsTable() string {
	type row struct{ host, what, why string }
	var rows []row
	for _, bug := range hostBugs {
		r := row{bug.host + " " + hostVersions[bug.host], bug.what, bug.why}
		if !slices.Contains(rows, r) {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.host, b.host) })
	table := "| host | what happens | why |\n|---|---|---|\n"
	for _, r := range rows {
		table += fmt.Sprintf("| %s | %s | %s |\n", r.host, r.what, r.why)
	}
	return table
}

// benchSection is the section of bench/README.md with the figures.
func benchSection(t *testing.T) string {
	t.Helper()
	const title = "\n## Where it stands\n\n"
	_, section, found := strings.Cut(readText(t, filepath.Join("bench", "README.md")), title)
	if !found {
		t.Fatal("bench/README.md has no section with the figures")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}
