//go:build unix

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestEnvironment names the variables that a program asks for and does not get, each once.
func TestEnvironment(t *testing.T) {
	eachHost(t, []string{"chromium", "node", "deno", "bun", "workerd"}, func(t *testing.T, host string) {
		r := command(t, []string{"-host", host, "-env", "TESTBROWSER_CASE_GIVEN"}, only("TestEnvironment", "TestEnv"))
		for _, name := range []string{"GIVEN", "HIDDEN", "OWN", "EXPANDED"} {
			r.cmd.Env = append(r.cmd.Env, "TESTBROWSER_CASE_"+name+"=x")
		}
		stdout, stderr := r.run(0)
		contains(t, "stdout", stdout, `TESTBROWSER_CASE_GIVEN="x" true`, "own")
		var want strings.Builder
		for _, name := range []string{"HIDDEN", "EXPANDED"} {
			want.WriteString("testbrowser: the program asks for the environment variable TESTBROWSER_CASE_" + name +
				", which is set but not passed to it: -env TESTBROWSER_CASE_" + name + " does\n")
		}
		if stderr != want.String() {
			t.Errorf("stderr:\n%swant\n%s", stderr, want.String())
		}
	})
}

// TestWatchGetenvOfOthers leaves modules alone that Go has not made as it makes them.
func TestWatchGetenvOfOthers(t *testing.T) {
	module, err := os.ReadFile(casesPath)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(watchGetenv(module), module) {
		t.Error("nothing was inserted")
	}
	for _, other := range [][]byte{
		nil, []byte("no module"), []byte("\x00asm\x01\x00\x00\x00"), module[:len(module)/2], module[:len(module)-5],
		bytes.ReplaceAll(module, []byte("\x04name"), []byte("\x04nane")), // as if linked with -s
	} {
		if got := watchGetenv(other); !bytes.Equal(got, other) {
			t.Errorf("%d bytes were changed", len(other))
		}
	}
	for cut := 0; cut < 1000; cut++ { // must not panic
		watchGetenv(module[:len(module)*cut/1000])
	}
}
