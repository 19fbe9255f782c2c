//go:build !js

package ws_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goOutput runs a go command for a platform.
func goOutput(t *testing.T, platform string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to ask")
	}
	goos, goarch, _ := strings.Cut(platform, "/")
	cmd := exec.CommandContext(testContext(t), path, args...)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v for %s: %v", cmd, platform, err)
	}
	return string(out)
}

// declarations splits the output of go doc -all into declarations with their comments: each begins where a line is not
// indented.
func declarations(doc string) (list []string) {
	for line := range strings.SplitAfterSeq(doc, "\n") {
		indented := line == "\n" || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") ||
			strings.HasPrefix(line, "}")
		if len(list) == 0 || !indented {
			list = append(list, line)
		} else {
			list[len(list)-1] += line
		}
	}
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// nativeOnly and jsOnly are the starts of the declarations that only one side has.
var (
	nativeOnly = []string{
		"func (c *Conn) LocalAddr() net.Addr", "func (c *Conn) RemoteAddr() net.Addr", "type NativeOptions struct {\n",
		"var ErrSlowPeer = ", "func Accept(", "func Serve(", "func CheckRequest(",
		"type AcceptOptions struct {\n", "type AcceptError struct {\n", "func (e *AcceptError) Error() string",
		"func (e *AcceptError) Unwrap() error",
		"type Compression uint8", "const (\n\t// CompressAlone ", "type Group struct {", "func (g *Group) ",
	}
	jsOnly = []string{
		"func (b *ArrayBuffer) JSValue() js.Value", "func (b *Blob) JSValue() js.Value", "func (c *Conn) JSValue() js.Value",
		"func ArrayBufferOf(v js.Value) (*ArrayBuffer, error)", "func BlobOf(v js.Value) (*Blob, error)",
		"type NativeOptions struct{}",
	}
)

// TestAPI: what is exported is the same on all platforms, comments included, except for the names that the
// documentation calls a platform's own.
func TestAPI(t *testing.T) {
	t.Parallel()
	js := declarations(goOutput(t, "js/wasm", "doc", "-all", "."))
	linux := declarations(goOutput(t, "linux/amd64", "doc", "-all", "."))
	for _, platform := range []string{"windows/amd64", "darwin/arm64", "wasip1/wasm"} {
		if other := declarations(goOutput(t, platform, "doc", "-all", ".")); !slices.Equal(other, linux) {
			t.Errorf("%s differs from linux: %q", platform, without(other, linux))
		}
	}
	only := func(side string, got, names []string) {
		t.Helper()
		for _, name := range names {
			if !slices.ContainsFunc(got, func(d string) bool { return strings.HasPrefix(d, name) }) {
				t.Errorf("%s has no %s", side, name)
			}
		}
		for _, d := range got {
			if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(d, name) }) {
				t.Errorf("only %s has\n%s", side, d)
			}
		}
	}
	only("linux", without(linux, js), nativeOnly)
	only("js/wasm", without(js, linux), jsOnly)
}

// without returns the elements of a that are not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(d string) bool { return slices.Contains(b, d) })
}

// TestDependencies: a page does not download what it does not need.
func TestDependencies(t *testing.T) {
	t.Parallel()
	deps := strings.Fields(goOutput(t, "js/wasm", "list", "-deps", "."))
	for _, heavy := range []string{"net", "net/http", "net/url", "crypto/tls", "encoding/json", "fmt",
		"github.com/coder/websocket", "github.com/nlnwa/whatwg-url/url"} {
		if slices.Contains(deps, heavy) {
			t.Errorf("under js/wasm the package depends on %s", heavy)
		}
	}
}

// TestLinked: fmt is not in a program that does not use it itself. It would make such a program an eighth larger.
func TestLinked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "main.wasm")
	err := os.WriteFile(source, []byte(`package main

import (
	"context"

	"github.com/seed2c7e30c3/ws"
)

func main() {
	c, err := ws.Dial(context.Background(), "ws://example.com", &ws.Options{BinaryType: ws.BinaryBlob})
	if err != nil {
		panic(err)
	}
	defer c.CloseWith(4000, "")
	m, err := c.Read(context.Background())
	if err == nil {
		err = c.Send(m)
	}
	if b, ok := m.(*ws.Blob); ok && err == nil {
		_, err = b.Bytes(context.Background())
	}
	if err == nil {
		err = c.Drain(context.Background(), 0)
	}
	if err != nil {
		panic(err)
	}
}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	goOutput(t, "js/wasm", "build", "-o", program, source)
	linked, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(linked, []byte("github.com/seed2c7e30c3/ws.Dial")) {
		t.Error("names of functions do not show what is linked")
	}
	if bytes.Contains(linked, []byte("fmt.Fprintf")) {
		t.Error("fmt is linked")
	}
}
