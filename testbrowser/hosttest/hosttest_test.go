//go:build !js

package hosttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ownModule makes a module of its own that tests itself with this package, and returns its directory.
func ownModule(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Path}}\n{{.Dir}}\n{{.GoVersion}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	module := strings.Split(string(out), "\n")
	dir := t.TempDir()
	files := map[string]string{
		"go.mod": "module example.com/hello\n\ngo " + module[2] + "\n\nrequire " + module[0] + " v0.0.0\n\nreplace " +
			module[0] + " => " + module[1] + "\n",
		"hello.go": `package hello

func Greet(name string) string {
	if name == "" {
		return "hello"
	}
	return "hello, " + name
}
`,
		"hello_test.go": `package hello

import (
	"fmt"
	"os"
	"testing"
)

func TestGreet(t *testing.T) {
	for _, name := range []string{"world", "a/b"} {
		t.Run(name, func(t *testing.T) {
			t.Log("greeting", name)
			if Greet(name) != "hello, "+name || os.Getenv("HELLO") == "fail" {
				t.Error("no greeting")
			}
		})
	}
	fmt.Println("printed by the test")
}

func TestSkip(t *testing.T) { t.Skip("for a reason") }

func TestEnv(t *testing.T) { t.Logf("HELLO=%s SERVER=%s", os.Getenv("HELLO"), os.Getenv("SERVER")) }

func TestParallel(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Log("this is", name)
		})
	}
}

func TestZPanic(t *testing.T) {
	if os.Getenv("HELLO") == "panic" {
		panic("on purpose")
	}
}

func TestZZExit(t *testing.T) {
	if os.Getenv("HELLO") == "exit" {
		os.Exit(9)
	}
}
`,
		"hosts_test.go": `//go:build !js

package hello

import (
	"os"
	"strings"
	"testing"

	"` + testbrowserPackage() + `/hosttest"
)

func TestHosts(t *testing.T) {
	hosttest.Run(t, hosttest.Config{
		Hosts: []hosttest.Host{
			{Host: "node", Oldest: 20}, {Name: "old", Host: "node", Oldest: 999}, {Host: os.Getenv("BROWSER")}, {Host: "safari"},
		},
		Env:      []string{"HELLO"},
		Start:    func(*testing.T, hosttest.Host) []string { return []string{"SERVER=here"} },
		Required: strings.Fields(os.Getenv("REQUIRED")),
		CoverDir: os.Getenv("COVER"),
		Done: func(r hosttest.HostResult) {
			println("done:", r.Host.Host, len(r.Tests))
		},
	})
}
`,
	}
	if sums, err := os.ReadFile(filepath.Join(module[1], "go.sum")); err == nil {
		files["go.sum"] = string(sums)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// goTest runs go test in a module and returns its output.
func goTest(t *testing.T, dir string, env []string, args ...string) (output string, passed bool) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"test"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append([]string{"HELLO=", "REQUIRED=", "BROWSER=node", "GOFLAGS="}, env...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func needHost(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		out, err := exec.Command("go", "run", testbrowserPackage(), "-list", "-host", name).CombinedOutput()
		if err == nil {
			continue
		}
		if os.Getenv("WS_REQUIRE_BROWSERS") == "1" {
			t.Fatalf("%s", out)
		}
		t.Skipf("%s", out)
	}
}

func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves it out")
	}
	needHost(t, "node", "chromium")
	dir := ownModule(t)
	cover := t.TempDir()
	for _, test := range []struct {
		name   string
		env    []string
		args   []string
		passes bool
		want   []string
		not    []string
	}{
		{"passes", []string{"BROWSER=chromium", "COVER=" + cover, "HELLO=is passed"}, []string{"-v", "-cover"}, true,
			[]string{
				`--- PASS: TestHosts/node/TestGreet/a/b \(`, `--- PASS: TestHosts/chromium/TestGreet/world \(`, `greeting world`,
				`printed by the test`,
				`--- SKIP: TestHosts/node/TestSkip \(`, `for a reason`, `HELLO=is passed SERVER=here`,
				`--- PASS: TestHosts/node/TestParallel/b \(`,
				`coverage: 66\.7% of statements`, `--- SKIP: TestHosts/safari \(`, `safari is not installed`, `older than 999`,
				`done: chromium 10`,
			}, nil},
		{"some", []string{"HELLO="}, []string{"-v", "-run", "TestHosts/^node$/TestGreet/world"}, true,
			[]string{`--- PASS: TestHosts/node/TestGreet/world`}, []string{"TestSkip", "a/b", "#01"}},
		{"alternatives", []string{"HELLO="},
			[]string{"-v", "-run", "TestHosts/node/TestGreet/world|TestHosts/node/TestSkip|TestHosts/deno/TestEnv"}, true,
			[]string{`--- PASS: TestHosts/node/TestGreet/world`, `--- SKIP: TestHosts/node/TestSkip`}, []string{"a/b", "TestEnv"}},
		{"a test fails", []string{"HELLO=fail"}, []string{"-run", "TestHosts"}, false,
			[]string{`--- FAIL: TestHosts/node/TestGreet/world \(`, `no greeting`}, []string{"for a reason"}},
		{"a test panics", []string{"HELLO=panic"}, []string{"-run", "TestHosts"}, false,
			[]string{`--- FAIL: TestHosts/node/TestZPanic \(`, `panic: on purpose`, `goroutine `}, nil},
		{"the program exits", []string{"HELLO=exit"}, []string{"-run", "TestHosts"}, false,
			[]string{`--- FAIL: TestHosts/node/TestZZExit \(`, `the program ended while this test ran`, `exit status 9`}, nil},
		{"required", []string{"REQUIRED=safari old"}, []string{"-run", "TestHosts/(safari|old)"}, false,
			[]string{`--- FAIL: TestHosts/safari \(`, `--- FAIL: TestHosts/old \(`}, nil},
		{"no such host", []string{"BROWSER=chrom"}, []string{"-run", "TestHosts/chrom"}, false,
			[]string{`--- FAIL: TestHosts/chrom \(`, `no host is called "chrom", but chromium`}, nil},
		{"short", nil, []string{"-v", "-short", "-run", "TestHosts"}, true, []string{`--- SKIP: TestHosts \(`}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			output, passed := goTest(t, dir, test.env, test.args...)
			if passed != test.passes {
				t.Errorf("passed: %v", passed)
			}
			for _, want := range test.want {
				if !regexp.MustCompile(want).MatchString(output) {
					t.Errorf("no %s", want)
				}
			}
			for _, not := range test.not {
				if strings.Contains(output, not) {
					t.Errorf("has %s", not)
				}
			}
			if t.Failed() {
				t.Log(output)
			}
		})
	}
	profiles, err := filepath.Glob(filepath.Join(cover, "*-0.out"))
	if err != nil || len(profiles) != 2 {
		t.Errorf("coverage profiles: %v, %v", profiles, err)
	}
}

func TestOutputReader(t *testing.T) {
	var ended []*test
	var outside []string
	r := newOutputReader(func(done *test) { ended = append(ended, done) },
		func(line string) { outside = append(outside, line) })
	for _, part := range []string{
		"before\n\x16=== RUN   TestA\n    a_test.go:1: of A\nunfinished\x16=== RUN   TestA/x/y\nof x/y\n",
		"\x16=== PAUSE TestA/x/y\n\x16=== NAME  TestA\nA ag", "ain\n",
		"\x16=== CONT  TestA/x/y\n\x16--- SKIP: TestA/x/y (0.00s)\n\x16--- PASS: TestA (0.00s)\n" +
			"--- FAIL: printed by a test (0.00s)\n",
		"\x16=== RUN   TestB\n\x16=== RUN   TestC\nlast",
	} {
		if _, err := r.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	open := r.end()
	if len(ended) != 1 || ended[0].status != Passed ||
		ended[0].output.String() != "    a_test.go:1: of A\nunfinished\nA again\n" ||
		len(ended[0].subs) != 1 || ended[0].subs[0].name != "TestA/x/y" || ended[0].subs[0].status != Skipped ||
		ended[0].subs[0].output.String() != "of x/y\n" {
		t.Errorf("ended: %+v", ended)
	}
	if len(open) != 2 || open[1].name != "TestC" || open[1].output.String() != "last\n" {
		t.Errorf("open: %+v", open)
	}
	if got := strings.Join(outside, "|"); got != "before|--- FAIL: printed by a test (0.00s)" {
		t.Errorf("outside: %q", got)
	}
}
