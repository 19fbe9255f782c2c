//go:build !js

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wasm/demo"
)

const limit = 3 * time.Minute

// TestOnce runs the whole demo, as "go run ./wasm -once" does.
func TestOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves the browsers out")
	}
	for _, name := range []string{"chromium", "firefox", "webkit"} {
		t.Run(name, func(t *testing.T) {
			out, err := printedOnce(t, name)
			// On a busy machine Firefox loses the open event of a connection that the server fails at once.
			for attempts := 1; err != nil && name == "firefox" && attempts < 3; attempts++ {
				t.Logf("%v\n%s", err, out)
				out, err = printedOnce(t, name)
			}
			if errors.Is(err, errNoBrowser) && !required(name) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{
				"native, ", "in a browser, " + name, "close 4000", "New(\"/s/k-data-then-close\")", "The two logs are equal",
			} {
				if !strings.Contains(out, want) {
					t.Errorf("the output has no %q:\n%s", want, out)
				}
			}
		})
	}
}

// printedOnce runs the demo and returns what it prints.
func printedOnce(t *testing.T, browser string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out bytes.Buffer
	err := run(ctx, settings{once: true, browsers: browser, timeout: limit}, &out)
	return out.String(), err
}

// required reports whether a browser must be installed: WS_REQUIRE_BROWSERS is a list of names, or "1" for all.
func required(name string) bool {
	value := os.Getenv("WS_REQUIRE_BROWSERS")
	return value == "1" || slices.Contains(strings.Split(value, ","), name)
}

func TestNoBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the browser's program")
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := run(ctx, settings{once: true, browsers: "nonesuch", timeout: limit}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `"nonesuch"`) {
		t.Errorf("a browser that nobody knows: %v", err)
	}
	t.Setenv("PATH", goDir(t))
	t.Setenv("TESTBROWSER_PATH", "")
	err = run(ctx, settings{once: true, browsers: "node", timeout: limit}, io.Discard)
	if !errors.Is(err, errNoBrowser) || !strings.Contains(err.Error(), "node is not installed") {
		t.Errorf("a host that is not installed: %v", err)
	}
}

// goDir returns a directory that has the go command and nothing else.
func goDir(t *testing.T) string {
	t.Helper()
	root, err := goCommand(t.Context(), nil, "env", "GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	return root + "/bin"
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	err = run(t.Context(), settings{addr: addr, timeout: limit}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "-addr") {
		t.Errorf("an address in use: %v", err)
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	native := program{"native", []string{"a\t1\t0", "b\t1\t5", "c\t3\t0"}}
	for _, test := range []struct {
		browser   []string
		differing int
		marked    []string
	}{
		{native.Lines, 0, nil},
		{[]string{"a\t1\t0", "b\t1\t6", "c\t3\t0"}, 1, []string{"! b"}},
		{[]string{"a\t1\t0"}, 2, []string{"! (no line)", "! (no line)"}},
		{[]string{"a\t1\t0", "b\t1\t5", "c\t3\t0", "d\t3\t0"}, 1, []string{"! d"}},
		{nil, 3, []string{"! (no line)", "! (no line)", "! (no line)"}},
	} {
		var out bytes.Buffer
		if n := (program{"browser", test.browser}).printMarked(&out, native); n != test.differing {
			t.Errorf("%q: %d lines differ, want %d", test.browser, n, test.differing)
		}
		var marked []string
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "!") {
				marked = append(marked, line)
			}
		}
		if !slices.EqualFunc(marked, test.marked, strings.HasPrefix) {
			t.Errorf("%q: marked are %q, want %q", test.browser, marked, test.marked)
		}
	}
}

// TestProgramFails: the run fails if the program does, even where the logs could be equal.
func TestProgramFails(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refuses := &http.Server{Handler: http.NotFoundHandler()}
	defer refuses.Close()
	go refuses.Serve(listener)
	base := "http://" + listener.Addr().String()
	lines, err := runNative(t.Context(), limit, base, new(catalogue))
	if err == nil || len(lines) != 3 || !strings.HasPrefix(lines[0], "error\t3") ||
		!strings.HasPrefix(lines[1], "close 1006") || !strings.Contains(lines[2], "404") {
		t.Errorf("a server without WebSocket: %q, %v", lines, err)
	}
	lines, err = runNative(t.Context(), limit, "no URL", new(catalogue))
	if err == nil || len(lines) != 1 || !strings.Contains(lines[0], "SyntaxError") {
		t.Errorf("a base that is no URL: %q, %v", lines, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := demo.Compared(ctx, base, nil, nil, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run: %v", err)
	}
}

// loadOnce reads the scenarios once for all tests.
var loadOnce = sync.OnceValues(func() (*catalogue, error) { return loadCatalogue("..") })

// start returns a server of the demo without a page.
func start(t *testing.T) *server {
	t.Helper()
	c, err := loadOnce()
	if err != nil {
		t.Fatal(err)
	}
	s, err := listen(settings{addr: onceAddr}, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestFiles: the server has every file of the page, and its policy allows no more than the package needs.
func TestFiles(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(files{wasm: "main_test.go", wasmExec: "main.go"})
	for path, contentType := range map[string]string{
		"/": "text/html", "/main.js": "text/javascript", "/style.css": "text/css", "/wasm_exec.js": "text/javascript",
		"/demo.wasm": "application/wasm", "/uplot/uPlot.iife.min.js": "text/javascript", "/uplot/LICENSE": "text/plain",
		"/source/demo/client.go": "text/plain",
	} {
		response, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK ||
			!strings.HasPrefix(response.Header.Get("Content-Type"), contentType) {
			t.Errorf("%s: %s %v %v", path, response.Status, response.Header, err)
		}
		policy := response.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "script-src 'self' 'wasm-unsafe-eval';") || strings.Contains(policy, "'unsafe-") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
	}
}

// TestForeignHost: host names that anybody can point at this machine are refused, because their pages would have the
// server's origin.
func TestForeignHost(t *testing.T) {
	t.Parallel()
	s := start(t)
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for host, status := range map[string]int{
		"127.0.0.1:1": 404, "localhost:8080": 404, "[::1]:8080": 404, "192.168.1.5": 404, own + ":80": 404,
		"example.com": 421, "localhost.example.com:8080": 421, "127.0.0.1.example.com": 421,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/nothing", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("Host %s: %s, want %d", host, response.Status, status)
		}
	}
	// A page of another origin must not control the native client.
	_, err = ws.Dial(t.Context(), s.url+demo.ControlPath, &ws.Options{
		Native: ws.NativeOptions{Header: http.Header{"Origin": {"http://example.com"}}}})
	if err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a page of another origin: %v", err)
	}
}
