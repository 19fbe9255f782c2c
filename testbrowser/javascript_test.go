//go:build unix

package main

import (
	"strings"
	"testing"
)

// consoleHosts are those that a machine with browsers has.
var consoleHosts = []string{"chromium", "firefox", "webkit", "node", "deno", "bun", "workerd"}

// TestConsole compares what every host's console prints with what Node's does.
func TestConsole(t *testing.T) {
	need(t, "node")
	print := func(t *testing.T, flags ...string) (stdout, stderr map[string]string) {
		out, err := command(t, append(flags, "-script", pageFile(t, "console.js")), only("TestConsoleCases")).run(0)
		return printedCases(out), printedCases(err)
	}
	wantOut, wantErr := print(t, "-host", "node")
	if len(wantOut) < 40 {
		t.Fatalf("only %d cases", len(wantOut))
	}
	eachHost(t, consoleHosts, func(t *testing.T, host string) {
		stdout, stderr := print(t, "-host", host)
		for name := range wantOut {
			got, want := stdout[name]+"\n(stderr)\n"+stderr[name], wantOut[name]+"\n(stderr)\n"+wantErr[name]
			switch name {
			case "trace": // calls differ
				got, want = titleAndCalls(got), titleAndCalls(want)
			case "time":
				got, want = withoutDigits(got), withoutDigits(want)
			}
			if got != want {
				t.Errorf("%s: got\n%s\nNode prints\n%s", name, got, want)
			}
		}
	})
}

// printedCases are the outputs after the lines "== name".
func printedCases(output string) map[string]string {
	cases := make(map[string]string)
	for _, part := range strings.Split("\n"+output, "\n== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		cases[name] = strings.TrimSuffix(text, "PASS\n")
	}
	return cases
}

// titleAndCalls keeps of a stack that it has one.
func titleAndCalls(text string) string {
	title, calls, _ := strings.Cut(text, "\n    at ")
	if calls == "" {
		return title
	}
	return title + " and calls"
}

func withoutDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return -1
		}
		return r
	}, text)
}

// TestCallbacks prints inside functions that JavaScript calls.
func TestCallbacks(t *testing.T) {
	eachHost(t, testHosts, func(t *testing.T, host string) {
		stdout, stderr := command(t, []string{"-host", host}, "-test.v",
			only("TestCallbackPrints", "TestPrintUntilCalled", "TestListeners")).run(0)
		contains(t, "stdout", stdout, "fmt in a timer\n", "t.Log in a timer\n", "nested\nnested\nnested\nafter nested\n",
			"all printed\n", "event x\n", "not yet\ncalled\n")
		contains(t, "stderr", stderr, "log in a timer\n", strings.Repeat("x", 3<<20))
		if n := strings.Count(stdout, "goroutine "); n != 20*500 {
			t.Errorf("%d lines of goroutines", n)
		}
	})
}

// TestUncaught has errors that nobody catches: the run fails, with their stacks, unless it is told not to.
func TestUncaught(t *testing.T) {
	eachHost(t, testHosts, func(t *testing.T, host string) {
		flags := []string{"-host", host, "-script", pageFile(t, "throws_later.js")}
		_, failure := command(t, flags, only("TestThrows", "TestRejects")).run(1)
		contains(t, "stderr", failure, "uncaught error: TypeError: nobody catches this\n    at ", "thrower",
			"throws_later.js:1",
			"unhandled rejection: Error: nobody handles this\n    at ",
			"testbrowser: 2 uncaught errors and rejections of JavaScript")

		stdout, stderr := command(t, flags, only("TestHandles")).run(0)
		contains(t, "stdout", stdout, "handled\n")
		if stderr != "" {
			t.Errorf("handled: %s", stderr)
		}
		if host == "firefox" || host == "webkit" || host == "wpe" {
			return // the rest is the same code in all pages
		}
		_, stderr = command(t, append(flags, "-ignore-uncaught"), only("TestThrows")).run(0)
		contains(t, "stderr", stderr, "uncaught error: TypeError: nobody catches this")
		_, stderr = command(t, flags, only("TestThrowsAndExits")).run(3)
		contains(t, "stderr", stderr, "testbrowser: 1 uncaught error or rejection of JavaScript")

		command(t, flags, only("TestLateCallback")).run(0)
	})
}

// TestPolicyViolations checks what a browser would hide in its console.
func TestPolicyViolations(t *testing.T) {
	long(t)
	eachHost(t, testBrowsers, func(t *testing.T, host string) {
		stdout, stderr := command(t, []string{"-host", host}, "-test.v", only("TestEval")).run(0)
		contains(t, "stderr", stderr, "Content-Security-Policy: script-src blocks eval")
		contains(t, "stdout", stdout, "eval: JavaScript error:")
	})
}
