package hosttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// built is what Run has built: testbrowser, and for each package a test binary and its directory.
type built struct {
	runner string
	wasm   []string
	dirs   []string
}

// forJS makes the go command build for the hosts.
var forJS = []string{"GOOS=js", "GOARCH=wasm"}

func build(t *testing.T, c Config) *built {
	t.Helper()
	dir := t.TempDir()
	b := &built{runner: filepath.Join(dir, "testbrowser.exe")}
	goCommand(t, []string{"GOOS=", "GOARCH="}, "build", "-o", b.runner, testbrowserPackage())
	flags := append([]string{"test", "-c"}, c.BuildFlags...)
	if mode := testing.CoverMode(); mode != "" {
		flags = append(flags, "-cover", "-covermode="+mode)
	} else if c.CoverDir != "" {
		flags = append(flags, "-cover")
	}
	if c.CoverDir != "" {
		if err := os.MkdirAll(c.CoverDir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for i, pkg := range c.Packages {
		wasm := filepath.Join(dir, fmt.Sprintf("%d.test.wasm", i))
		goCommand(t, forJS, append(flags[:len(flags):len(flags)], "-o", wasm, pkg)...)
		if _, err := os.Stat(wasm); err != nil {
			t.Fatalf("%s has no tests for js: %v", pkg, err)
		}
		b.wasm = append(b.wasm, wasm)
		b.dirs = append(b.dirs, strings.TrimSpace(goCommand(t, forJS, "list", "-f", "{{.Dir}}", pkg)))
	}
	lookAtSources(t, c)
	return b
}

// testbrowserPackage is the program beside this package, wherever that is imported from.
func testbrowserPackage() string { return path.Dir(reflect.TypeFor[Config]().PkgPath()) }

func goCommand(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s go %s: %v\n%s%s", strings.Join(env, " "), strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// lookAtSources looks at the files from which the programs are built and which they may read. The cache of go test
// knows the files that a test has looked at, but not those that a compiler started by the test reads. Without this, a
// change in such a file would leave the old result in the cache.
func lookAtSources(t *testing.T, c Config) {
	t.Helper()
	const format = `{{if not .Standard}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}
{{end}}{{range .TestGoFiles}}{{$d}}/{{.}}
{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}
{{end}}{{end}}`
	files := goCommand(t, forJS, append([]string{"list", "-deps", "-test", "-f", format}, c.Packages...)...)
	files += goCommand(t, []string{"GOOS=", "GOARCH="}, "list", "-f", format, testbrowserPackage())
	for file := range strings.Lines(files) {
		if file = strings.TrimSpace(file); filepath.Ext(file) != "" {
			os.Stat(file) // a missing file belongs to the result as well
		}
	}
	dirs := goCommand(t, forJS, append([]string{"list", "-f", "{{.Dir}}"}, c.Packages...)...)
	for dir := range strings.Lines(dirs) {
		lookAtTestdata(t, filepath.Join(strings.TrimSpace(dir), "testdata"))
	}
	for _, name := range []string{"PATH", "TESTBROWSER_PATH"} {
		os.Getenv(name)
	}
}

func lookAtTestdata(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// list returns the line that testbrowser -list prints for a host. It returns an error if the host is not installed, or
// if no host has that name.
func (b *built) list(host string) (string, error) {
	out, err := exec.Command(b.runner, "-list", "-host", host).CombinedOutput()
	line := strings.TrimSpace(string(out))
	if err != nil { // the last field says why, and how to install it
		line = line[strings.LastIndexByte(line, '\t')+1:]
	}
	return line, err
}
