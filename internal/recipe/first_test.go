//go:build !js

package recipe_test

// The first minute of a newcomer: README's client and server in a module of their own, then the page of docs/page.md.

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	requireVariable = "WS_REQUIRE_BROWSERS" // the hosts that must be there, or "1" for all

	documentedAddress = "127.0.0.1:8080"
	greeting          = "the server says: hello"
)

// newcomer is a folder with what README and docs/page.md say.
type newcomer struct {
	dir     string
	address string // in the place of documentedAddress, which may be taken
}

// newNewcomer writes the folder and starts the server.
func newNewcomer(t *testing.T) *newcomer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &newcomer{dir: t.TempDir(), address: listener.Addr().String()}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	readme, page := read(t, filepath.Join(root, "README.md")), read(t, filepath.Join(root, "docs", "page.md"))
	n.write(t, "client/main.go", n.block(t, readme, "client/main.go", "go"))
	n.write(t, "server/main.go", n.block(t, readme, "server/main.go", "go"))
	n.write(t, "page/index.html", n.block(t, page, "page/index.html", "html"))
	n.write(t, "page/start.js", n.block(t, page, "page/start.js", "js"))

	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	// The module's own go.mod has the versions, and go.sum the hashes, that go get would find.
	mod := strings.Replace(read(t, filepath.Join(root, "go.mod")), "module github.com/seed2c7e30c3/ws\n",
		"module example.com/hello\n", 1)
	n.write(t, "go.mod", mod+"\nrequire github.com/seed2c7e30c3/ws v0.0.0\n\n"+
		"replace github.com/seed2c7e30c3/ws => "+filepath.ToSlash(here)+"\n")
	n.write(t, "go.sum", read(t, filepath.Join(root, "go.sum")))
	n.serve(t)
	return n
}

// block returns the code that follows the name of a file in a document.
func (n *newcomer) block(t *testing.T, text, name, language string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "`"+name+"`:\n\n```"+language+"\n")
	code, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed {
		t.Fatalf("no block of %s follows `%s`", language, name)
	}
	return strings.ReplaceAll(code, documentedAddress, n.address) + "\n"
}

func (n *newcomer) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(n.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// command is a command in the folder.
func (n *newcomer) command(t *testing.T, env []string, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = n.dir
	cmd.Env = append(os.Environ(), append(env, "GOFLAGS=-mod=mod", "GOWORK=off")...)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (n *newcomer) run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	out, err := n.command(t, env, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// serve starts the server and waits until it answers. It is built first: ending go run would leave the server running.
func (n *newcomer) serve(t *testing.T) {
	t.Helper()
	program := filepath.Join(n.dir, "server.exe")
	n.run(t, nil, "go", "build", "-o", program, "./server")
	cmd := n.command(t, nil, program)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	const limit = 30 * time.Second
	for begin := time.Now(); ; {
		response, err := http.Get("http://" + n.address + "/index.html")
		if err == nil {
			response.Body.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the server: %v\n%s", err, out.String())
		case <-time.After(50 * time.Millisecond): // the system tells nobody that another process listens
		}
		if time.Since(begin) > limit {
			t.Fatalf("the server does not answer: %v", err)
		}
	}
}

// TestFirstMinute runs README's client and server.
func TestFirstMinute(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two programs")
	}
	n := newNewcomer(t)
	if out := n.run(t, nil, "go", "run", "./client"); strings.TrimSpace(out) != greeting {
		t.Errorf("the client prints %q, want %q", out, greeting)
	}
}

// TestFirstPage runs the same client in the page of docs/page.md, in Chromium; and a page without main.wasm says so.
func TestFirstPage(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two programs and starts a browser")
	}
	browser := chromium(t)
	n := newNewcomer(t)
	goroot := strings.TrimSpace(n.run(t, nil, "go", "env", "GOROOT"))
	n.write(t, "page/wasm_exec.js", read(t, filepath.Join(goroot, "lib", "wasm", "wasm_exec.js")))
	n.open(t, browser, "Error: main.wasm: 404 Not Found")
	n.run(t, []string{"GOOS=js", "GOARCH=wasm"}, "go", "build", "-o", "page/main.wasm", "./client")
	n.open(t, browser, greeting)
}

// open opens the page and waits until the console has a line with want.
func (n *newcomer) open(t *testing.T, browser, want string) {
	t.Helper()
	args := []string{"--headless", "--disable-gpu", "--no-first-run", "--enable-logging=stderr",
		"--user-data-dir=" + t.TempDir()}
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // which root cannot have
	}
	cmd := n.command(t, nil, browser, append(args, "http://"+n.address+"/")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	var log strings.Builder
	found := false
	for lines := bufio.NewScanner(stderr); !found && lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		found = strings.Contains(lines.Text(), "CONSOLE") && strings.Contains(lines.Text(), want)
	}
	timer.Stop()
	if !found {
		t.Errorf("the console never had %q:\n%s", want, log.String())
	}
	// An interrupted Chromium ends its other processes, and these close standard error.
	if err := cmd.Process.Signal(os.Interrupt); err != nil && found {
		t.Error(err)
	}
	_, _ = io.Copy(io.Discard, stderr) // ends when they have ended, with whatever error
	_ = cmd.Wait()                     // it has been interrupted
}

// chromium returns the path of Chromium. Where it is missing, the test is skipped, or fails if it is required.
func chromium(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "run", "github.com/seed2c7e30c3/ws/testbrowser", "-list", "-host", "chromium").Output()
	fields := strings.Split(strings.TrimSpace(string(out)), "\t")
	if err == nil && len(fields) > 1 {
		return fields[1]
	}
	required := strings.Split(os.Getenv(requireVariable), ",")
	if slices.Contains(required, "1") || slices.Contains(required, "chromium") {
		t.Fatalf("%s %v", out, err)
	}
	t.Skip(strings.Join(fields, " "))
	return ""
}
