//go:build !js

package recipe_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the directory of the module.
var root = filepath.Join("..", "..")

// pages returns the documents whose code is compiled.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, name := range append(names, filepath.Join(root, "README.md"), filepath.Join(root, "SECURITY.md")) {
		texts[filepath.Base(name)] = read(t, name)
	}
	return texts
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n") // git on Windows
}

// sources returns the code that documents may show: that of the recipes, and of the examples. All of it is compiled by
// go vet, and most of it is run by the tests around it.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	add := func(name string) { all.WriteString("\n" + read(t, name)) }
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") && name != "recipe_test.go" {
			add(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, directory := range []string{"", "*", filepath.Join("*", "*")} {
		names, err := filepath.Glob(filepath.Join(root, directory, "example*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			add(name)
		}
	}
	return all.String()
}

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestDocumented: every block of Go in the documents is code that is compiled, line by line.
func TestDocumented(t *testing.T) {
	compiled := sources(t)
	blocks := 0
	for name, text := range pages(t) {
		for _, block := range goBlock.FindAllStringSubmatch(text, -1) {
			blocks++
			if !strings.Contains(compiled, "\n"+block[1]) {
				t.Errorf("%s shows code that is in no recipe and no example:\n%s", name, block[1])
			}
		}
	}
	if blocks < 10 {
		t.Errorf("%d blocks of Go have been found", blocks)
	}
}

var (
	tableRow = regexp.MustCompile(`(?m)^\|.*\|$`)
	inCode   = regexp.MustCompile("`([^`]+)`")
)

// TestMigrating: what the last column of the tables in docs/migrating.md says is code of the package migrate.
func TestMigrating(t *testing.T) {
	var code strings.Builder
	names, err := filepath.Glob(filepath.Join("migrate", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		code.WriteString(read(t, name))
	}
	// gofmt aligns the values of fields.
	compiled := regexp.MustCompile(`: +`).ReplaceAllString(code.String(), ": ")
	rows := 0
	for _, row := range tableRow.FindAllString(read(t, filepath.Join(root, "docs", "migrating.md")), -1) {
		cells := strings.Split(strings.Trim(row, "|"), " | ")
		spans := inCode.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(spans) > 0 {
			rows++
		}
		for _, span := range spans {
			if !strings.Contains(compiled, span[1]) {
				t.Errorf("no compiled code has `%s` of the row\n%s", span[1], row)
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows with code have been found", rows)
	}
}

// TestNginx: docs/network.md has nginx set the same header fields as internal/interop, which tests them. (There
// Connection is a variable, because the location also gets other requests.)
func TestNginx(t *testing.T) {
	tested := read(t, filepath.Join(root, "internal", "interop", "testdata", "nginx.conf"))
	lines := regexp.MustCompile(`proxy_set_header (Host|Upgrade) .*;`).
		FindAllString(read(t, filepath.Join(root, "docs", "network.md")), -1)
	if len(lines) != 2 {
		t.Errorf("docs/network.md has %q", lines)
	}
	for _, line := range lines {
		if !strings.Contains(tested, line) {
			t.Errorf("docs/network.md has %q, which is not tested", line)
		}
	}
}

// code matches code, in which links are not looked for.
var code = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]+`")

var link = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)

// TestLinks: the targets of all links in the documents exist.
func TestLinks(t *testing.T) {
	for name, text := range pages(t) {
		dir := filepath.Join(root, "docs")
		if name == "README.md" || name == "SECURITY.md" {
			dir = root
		}
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			target, section := found[1], found[2]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if target == "" {
				target = name
			}
			path := filepath.Join(dir, filepath.FromSlash(target))
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s: %v", name, found[0], err)
			} else if section != "" && !hasSection(read(t, path), section[1:]) {
				t.Errorf("%s links to %s, which has no such section", name, found[0])
			}
		}
	}
}

var heading = regexp.MustCompile(`(?m)^#+ (.*)$`)

// hasSection reports whether a document has a heading of this anchor, as GitHub makes it.
func hasSection(text, anchor string) bool {
	for _, found := range heading.FindAllStringSubmatch(text, -1) {
		made := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(found[1]), "")
		if strings.ReplaceAll(made, " ", "-") == anchor {
			return true
		}
	}
	return false
}
