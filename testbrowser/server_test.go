//go:build unix

package main

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// buildServer builds the server of testdata/server.
func buildServer(t *testing.T) string {
	t.Helper()
	server := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", server, "./testdata/server").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return server
}

func TestWith(t *testing.T) {
	server := buildServer(t)
	eachHost(t, testBrowsers, func(t *testing.T, host string) {
		dead := httptest.NewServer(nil)
		dead.Close()
		modes := []string{"-worker=false", "-worker"}
		if host != "chromium" {
			modes = modes[:1]
		}
		for _, worker := range modes {
			stdout, stderr := command(t, []string{"-host", host, worker, "-with", server, "-proxy", "/api", "-proxy", "/ws",
				"-proxy", "/nobody/=" + dead.URL}, only("TestServer")).run(0)
			contains(t, "stdout", stdout, `direct: hello from /hello?a=1, referer "/"`,
				`proxied: hello from /api/hello?b=2, referer "/"`,
				"renamed: status 404", "nobody: status 502", "socket: hello\nsocket: failed\n")
			contains(t, "stderr", stderr, "[with] listening on http://127.0.0.1:",
				"testbrowser: -proxy /nobody/="+dead.URL+": GET /nobody/: dial tcp")
		}
	})
}

// TestWithGoRun starts the server as users do, while the go command is told to build for js.
func TestWithGoRun(t *testing.T) {
	long(t)
	need(t, "node")
	t.Parallel()
	r := command(t, []string{"-host", "node,node", "-with", "go run ../server stubborn", "-with-env", "MY_SERVER"},
		only("TestServerDies"))
	r.cmd.Env = append(r.cmd.Env, "GOOS=js", "GOARCH=wasm")
	_, stderr := r.run(0)
	contains(t, "stderr", stderr, `GOOS=""`,
		`testbrowser: -with "go run ../server stubborn": the server has ended: exit status 1`)
}

func TestBadServers(t *testing.T) {
	long(t)
	need(t, "node")
	server := buildServer(t)
	for _, test := range []struct{ mode, want string }{
		{"exits", "the server ended before it printed its URL: exit status 7"},
		{"silent", "the server was not ready within 2s: it has to print a line with its URL"},
		{"deaf", "at http://127.0.0.1:1/, which it printed: dial tcp"},
	} {
		t.Run(test.mode, func(t *testing.T) {
			t.Parallel()
			_, stderr := command(t, []string{"-host", "node", "-with-timeout", "2s", "-with", server + " " + test.mode},
				only("TestPass")).run(exitFailure)
			contains(t, "stderr", stderr, `testbrowser: -with "`+server+" "+test.mode+`": `, test.want)
			if test.mode == "exits" {
				contains(t, "stderr", stderr, "[with] cannot start\n")
			}
		})
	}
	t.Run("stubborn", func(t *testing.T) { // it does not end when it is asked to
		t.Parallel()
		command(t, []string{"-host", "node", "-with", server + " stubborn & wait"}, only("TestPass")).run(0)
	})
	_, stderr := command(t, []string{"-host", "node", "-with", "no-such-program-anywhere"},
		only("TestPass")).run(exitFailure)
	contains(t, "stderr", stderr, "no-such-program-anywhere", "exit status 127")
}

func TestReachableURL(t *testing.T) {
	for _, test := range []struct{ printed, want string }{
		{"http://0.0.0.0:80/a", "http://127.0.0.1:80/a"},
		{"http://[::]:8080.", "http://127.0.0.1:8080"},
		{"http://:8080", "http://127.0.0.1:8080"},
		{"https://localhost:1/x?y", "https://localhost:1/x?y"},
	} {
		if got := reachableURL(test.printed); got != test.want {
			t.Errorf("%s: %s, want %s", test.printed, got, test.want)
		}
	}
}

func TestProxyRules(t *testing.T) {
	for _, test := range []struct {
		rule, path string
		want       string // path at the server, "" for none
	}{
		{"/api=", "/api", "/api"},
		{"/api=", "/api/x", "/api/x"},
		{"/api=", "/apis", ""},
		{"/api/=", "/api", ""},
		{"/api/=", "/api/x", "/api/x"},
		{"/=", "/x", "/x"},
		{"/api=/", "/api/x", "/x"},
		{"/api=/v1", "/api/x", "/v1/x"},
		{"/api/=/v1/", "/api/x/", "/v1/x/"},
	} {
		var got string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
			r *http.Request) {
			got = r.URL.Path + " " + r.Host
		}))
		path, target, _ := strings.Cut(test.rule, "=")
		rule, err := parseProxyRule(path + "=" + server.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		if rule.applies(test.path) {
			rule.handler(os.Stderr).ServeHTTP(httptest.NewRecorder(),
				httptest.NewRequest("GET", "http://page.example:1"+test.path, nil))
		}
		if want := test.want + " page.example:1"; got != want && test.want+got != "" {
			t.Errorf("%s %s: %q, want %q", test.rule, test.path, got, want)
		}
		server.Close()
	}
}

// TestProxyEnvironment counts the requests to a proxy that the environment names: none is for this machine's own.
func TestProxyEnvironment(t *testing.T) {
	long(t)
	eachHost(t, testHosts, func(t *testing.T, host string) {
		var proxied atomic.Int32
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Hosts may look for updates; that is not this machine's.
			if name, _, _ := strings.Cut(r.Host, ":"); name == "localhost" || strings.HasPrefix(name, "127.") {
				proxied.Add(1)
			}
			http.Error(w, "proxy", http.StatusBadGateway)
		}))
		defer proxy.Close()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			fmt.Fprint(w, "direct")
		}))
		defer server.Close()
		r := command(t, []string{"-host", host, "-env",
			"TESTBROWSER_CASE_URLS=" + server.URL + " " + strings.Replace(server.URL, "127.0.0.1", "localhost", 1)},
			only("TestLoopback"))
		r.cmd.Env = append(r.cmd.Env, "NODE_USE_ENV_PROXY=1", "no_proxy=example.com")
		for _, name := range []string{"http_proxy", "https_proxy", "all_proxy"} {
			r.cmd.Env = append(r.cmd.Env, name+"="+proxy.URL, strings.ToUpper(name)+"="+proxy.URL)
		}
		stdout, _ := r.run(0)
		contains(t, "stdout", stdout, "answer: direct\nanswer: direct\n")
		if n := proxied.Load(); n > 0 {
			t.Errorf("%d requests to the proxy", n)
		}
	})
}

func TestStandardInput(t *testing.T) {
	eachHost(t, []string{"chromium", "node", "deno", "bun", "workerd"}, func(t *testing.T, host string) {
		r := command(t, []string{"-host", host}, only("TestInput"))
		r.cmd.Stdin = strings.NewReader("one\ntwö")
		stdout, _ := r.run(0)
		contains(t, "stdout", stdout, "line \"one\"\nline \"twö\"\ninput ended: <nil>\n")
	})
}

func TestTLS(t *testing.T) {
	long(t)
	server := buildServer(t)
	eachHost(t, testBrowsers, func(t *testing.T, host string) {
		// A service worker needs a certificate without any doubt.
		flags := []string{"-host", host, "-tls", "-with", server, "-proxy", "/api", "-root", pageFile(t, ""),
			"-script", pageFile(t, "register.js")}
		stdout, _ := command(t, flags, only("TestSecure", "TestServiceWorker")).run(0)
		contains(t, "stdout", stdout, "https: true hello from /api/hello", "fetched: from the service worker")
	})
}

// TestTrust: the browser accepts a certificate that nobody else would.
func TestTrust(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		fmt.Fprint(w, "from a server of its own")
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "cert.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	eachHost(t, testBrowsers, func(t *testing.T, host string) {
		flags := []string{"-host", host, "-trust", server.Listener.Addr().String() + "=" + file, "-env", "FETCH_FROM"}
		r := command(t, flags, only("TestFetchFrom"))
		r.cmd.Env = append(r.cmd.Env, "FETCH_FROM="+server.URL)
		stdout, _ := r.run(0)
		contains(t, "stdout", stdout, "from a server of its own")
	})
	for _, bad := range []string{"", "127.0.0.1", "127.0.0.1:1=", "127.0.0.1=" + file, "127.0.0.1:1=" + file + "x",
		"127.0.0.1:1=server_test.go"} {
		if _, err := parseTrust(bad); err == nil {
			t.Errorf("-trust %q is no error", bad)
		}
	}
}

// TestBrowserArguments passes arguments on, and says what helps where there is no sandbox.
func TestBrowserArguments(t *testing.T) {
	fake := t.TempDir()
	script := "#!/bin/sh\necho \"No usable sandbox! got $*\" >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(fake, "chromium"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	r := command(t, []string{"-host", "chromium", "-browser-arg=--one", "-browser-arg", "--two words"}, only("TestPass"))
	r.cmd.Env = append(r.cmd.Env, pathVariable+"="+fake)
	_, stderr := r.run(exitFailure)
	contains(t, "stderr", stderr, "--one --two words http://127.0.0.1:", "-browser-arg=--no-sandbox starts it without")

	eachHost(t, []string{"node", "deno", "bun"}, func(t *testing.T, host string) {
		arg := map[string]string{"node": "--no-warnings", "deno": "--no-prompt", "bun": "--smol"}[host]
		command(t, []string{"-host", host, "-browser-arg", arg}, only("TestPass")).run(0)
	})
}
