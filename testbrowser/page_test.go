//go:build unix

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func pageFile(t *testing.T, name string) string {
	t.Helper()
	return absolute(t, filepath.Join("testdata", "page", name))
}

func TestPageSettings(t *testing.T) {
	eachHost(t, testBrowsers, func(t *testing.T, host string) {
		scripts := []string{"-script", pageFile(t, "polyfill.js"), "-script", pageFile(t, "module.mjs")}
		stdout, _ := command(t, append(scripts, "-host", host, "-html", pageFile(t, "index.html"), "-query", "?a=1&b=%20",
			"-csp", "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; connect-src 'self'"),
			"-test.v", only("TestPage", "TestScripts")).run(0)
		contains(t, "stdout", stdout, "polyfill: before Go module: imported", "query: ?a=1&b=%20\n", "isolated: true",
			"inline: ran deferred: the user's own text", "beside: data of the root", "root: data of the root",
			"outside: status 404")

		step := regexp.MustCompile(`clock: (\d+) ns`).FindStringSubmatch(stdout)
		if step == nil {
			t.Fatalf("no clock: %s", stdout)
		}
		if ns, err := strconv.Atoi(step[1]); err != nil || ns > 20_000 {
			t.Errorf("the clock's smallest step is %s ns", step[1])
		}

		// The default policy forbids what is inline; -root alone has no page; a worker has the same base, query and scripts.
		stdout, _ = command(t,
			append(scripts, "-host", host, "-worker", "-root", pageFile(t, ""), "-query", "worker=1", "-isolate=false"),
			"-test.v", only("TestPage", "TestScripts")).run(0)
		contains(t, "stdout", stdout, "polyfill: before Go module: imported", "query: ?worker=1\n", "isolated: false",
			"inline: <undefined>", "beside: data of the root", "root: data of the root")
		if host == "chromium" {
			_, stderr := command(t, []string{"-host", host, "-html", pageFile(t, "index.html"), "-base", "/"},
				only("TestPage")).run(0)
			contains(t, "stderr", stderr, "Content-Security-Policy: script-src-elem blocks inline")
		}
	})
}

// TestScripts runs scripts before the program where there is no page.
func TestScripts(t *testing.T) {
	eachHost(t, []string{"node", "deno", "bun", "workerd"}, func(t *testing.T, host string) {
		flags := []string{"-host", host, "-script", pageFile(t, "polyfill.js")}
		want := "polyfill: before Go module: "
		if host != "workerd" { // whose modules are all named beforehand
			flags = append(flags, "-script", pageFile(t, "module.mjs"))
			want += "imported"
		}
		stdout, _ := command(t, flags, only("TestScripts")).run(0)
		contains(t, "stdout", stdout, want)

		_, stderr := command(t, []string{"-host", host, "-script", pageFile(t, "throws.js")},
			only("TestPass")).run(exitFailure)
		contains(t, "stderr", stderr, "thrown by the script", "throws.js")
	})
}

// TestStrictPolicies runs the program under policies that allow nothing of testbrowser's by themselves.
func TestStrictPolicies(t *testing.T) {
	long(t)
	for _, test := range []struct{ name, mode, policy string }{
		{"none", "-worker=false", ""},
		{"trusted types", "-worker", "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'none'; " +
			"require-trusted-types-for 'script'; trusted-types 'none'"},
		{"strict-dynamic", "-worker=false",
			"script-src 'strict-dynamic' 'nonce-abc' 'wasm-unsafe-eval'; worker-src 'none', " +
				"child-src 'none'; script-src-elem 'none'"},
		{"default", "-worker", "default-src 'wasm-unsafe-eval'"},
		{"sandbox", "-worker=false", "sandbox allow-scripts allow-same-origin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			hosts := []string{"chromium", "firefox", "webkit"}
			if test.name != "trusted types" && test.name != "strict-dynamic" {
				hosts = hosts[:1]
			}
			eachHost(t, hosts, func(t *testing.T, host string) {
				stdout, _ := command(t, []string{"-host", host, test.mode, "-csp", test.policy}, "-test.v",
					only("TestPass", "TestFiles")).run(0)
				contains(t, "stdout", stdout, "--- PASS: TestFiles")
			})
		})
	}
}

// TestBadPages gives pages and scripts that cannot run a program.
func TestBadPages(t *testing.T) {
	long(t)
	broken := filepath.Join(t.TempDir(), "broken.mjs")
	if err := os.WriteFile(broken, []byte(`import "./missing.mjs";`), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.js")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		flags []string
		want  []string
	}{
		{"script that throws", []string{"-script", pageFile(t, "throws.js")}, []string{
			"a script of the page failed before the program started", "thrown by the script", "throws.js",
		}},
		{"page that redirects", []string{"-html", pageFile(t, "redirects.html"), "-csp", ""},
			[]string{"the page ", "redirects"}},
		{"in a worker", []string{"-worker", "-script", pageFile(t, "throws.js")}, []string{"thrown by the script"}},
		{"module without what it imports", []string{"-script", broken}, []string{"could not load script/0/broken.mjs"}},
		{"page that reloads", []string{"-html", pageFile(t, "reloads.html"), "-csp", ""},
			[]string{"has not started the program"}},
		{"wasm_exec.js without Go", []string{"-wasm-exec", empty}, []string{"wasm_exec.js has defined no Go"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			hosts := []string{"chromium", "firefox", "webkit"}
			if test.name != "page that redirects" {
				hosts = hosts[:1]
			}
			eachHost(t, hosts, func(t *testing.T, host string) {
				_, stderr := command(t, append(test.flags, "-host", host), only("TestPass")).run(exitFailure)
				contains(t, "stderr", stderr, append(test.want, "testbrowser: "+host+": ")...)
			})
		})
	}
}

func TestPolicies(t *testing.T) {
	const folder, worker = "http://127.0.0.1:1/s/~/", "http://127.0.0.1:1/s/w.js"
	for _, test := range []struct{ policy, want string }{
		{"", ""},
		{"img-src 'none'", "img-src 'none'"},
		{"Connect-Src 'NONE'", "connect-src " + folder},
		{"worker-src a.example;; script-src 'self' 'strict-dynamic'", "worker-src a.example " + worker +
			"; script-src 'self' 'strict-dynamic' " + folder + " " + worker + " 'nonce-n'"},
		{"connect-src a, , connect-src b", "connect-src a " + folder + ", connect-src b " + folder},
	} {
		if got := amendPolicy(test.policy, folder, worker, "n"); got != test.want {
			t.Errorf("%q: %q, want %q", test.policy, got, test.want)
		}
	}
	if strings.Contains(amendPolicy("script-src 'self' 'unsafe-inline'", folder, worker, "n"), "nonce") {
		t.Error("a nonce would forbid what 'unsafe-inline' allows")
	}
}

func TestInsertInHead(t *testing.T) {
	for _, test := range []struct{ page, want string }{
		{"", "X"},
		{"<p>text", "X<p>text"},
		{"<!doctype html><title>t</title>", "<!doctype html>X<title>t</title>"},
		{"<!DOCTYPE html><HTML lang=en><body>", "<!DOCTYPE html><HTML lang=en>X<body>"},
		{"<!-- <head> --><html><head\nid=a><header>", "<!-- <head> --><html><head\nid=a>X<header>"},
	} {
		if got := string(insertInHead([]byte(test.page), "X")); got != test.want {
			t.Errorf("%q: %q, want %q", test.page, got, test.want)
		}
	}
}
