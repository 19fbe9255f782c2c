// Package hosttest runs a module's tests in browsers and other JavaScript hosts as part of an ordinary test. It uses
// testbrowser:
//
//	//go:build !js
//
//	package my_test
//
//	import (
//		"testing"
//
//		"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
//	)
//
//	func TestHosts(t *testing.T) { hosttest.Run(t, hosttest.Config{}) }
//
// "go test" then runs the package's tests natively and, as sub-tests of TestHosts, in every host that is installed. For
// example, TestHosts/firefox/TestEcho/large is TestEcho/large in Firefox, and
//
//	go test -v -run TestHosts/firefox/TestEcho
//
// runs only TestEcho in Firefox. A host that is not installed is skipped with the reason, or fails if it is required.
package hosttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Config says which tests run, where and how. The zero value means the tests of the calling test's package, in all
// hosts.
type Config struct {
	// Packages are the packages whose tests run, relative to the directory of the calling test. nil means the package in
	// that directory.
	Packages []string

	// Hosts are the hosts in which they run. nil means DefaultHosts.
	Hosts []Host

	// Required are the names of hosts that fail if they are not installed. A name is that of a sub-test or of testbrowser;
	// "all" means all of them.
	Required []string

	// Env are environment variables for the tests: NAME=value, or NAME for the variable of this process.
	Env []string

	// Start, if not nil, is called before the tests of a host. It may start a server, and end it by t.Cleanup. It returns
	// further variables, like Env.
	Start func(t *testing.T, h Host) (env []string)

	// Flags are flags of testbrowser for all hosts, for example -with and -proxy.
	Flags []string

	// BuildFlags are flags for go test -c, for example -tags.
	BuildFlags []string

	// Timeout limits the tests of one package in one host. 0 means 10 minutes, or the time left until the deadline of t.
	Timeout time.Duration

	// AtOnce is how many hosts run at the same time. 0 means 2.
	AtOnce int

	// CoverDir, if not empty, is the directory for the coverage profiles. They are named HOST-PACKAGE.out, where PACKAGE
	// is the index in Packages. Without it, go test -cover makes the tests of each host log what they cover.
	CoverDir string

	// Done, if not nil, is called with the results of each host, by one goroutine at a time.
	Done func(HostResult)
}

// Host is one way to run the tests.
type Host struct {
	Name   string   // name of the sub-test; empty means Host
	Host   string   // the host's name in testbrowser -list
	Flags  []string // flags of testbrowser, for example -worker
	Env    []string // like Config.Env
	Oldest int      // a major version lower than this counts as not installed

	Packages  []string // some of Config.Packages; nil means all
	TestFlags []string // flags of the test binaries, for example -test.run=REGEXP, which -run on the command line replaces
	Missing   string   // if not empty, why the tests cannot run here although the host may be installed
}

// DefaultHosts returns the hosts that Run uses if Config.Hosts is nil: browsers of all engines, and interpreters.
func DefaultHosts() []Host {
	return []Host{
		{Host: "chromium"}, {Host: "firefox"}, {Host: "webkit"}, {Host: "safari"}, {Host: "node", Oldest: 20}, {Host: "deno"},
		{Host: "bun"},
	}
}

// name returns the name of the sub-test.
func (h Host) name() string {
	if h.Name != "" {
		return h.Name
	}
	return h.Host
}

// HostResult is the result of all tests in one host.
type HostResult struct {
	Host    Host
	Missing string // why no test ran, or ""
	Took    time.Duration
	Tests   []TestResult // tests and sub-tests, in the order in which they ended
}

// TestResult is the result of one test.
type TestResult struct {
	Package string // one of Config.Packages
	Name    string
	Status  Status
	Output  string
}

// Status says how a test ended.
type Status string

const (
	Passed  Status = "PASS"
	Failed  Status = "FAIL"
	Skipped Status = "SKIP"
)

// Run builds testbrowser and the tests, and runs them as sub-tests of t. The sub-tests are parallel, so Run does not
// wait for them. With -short it skips t.
func Run(t *testing.T, c Config) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short leaves the JavaScript hosts out")
	}
	c = c.withDefaults(t)
	b := build(t, c)
	atOnce := make(chan struct{}, c.AtOnce)
	done := make(chan struct{}, 1) // held while Done is called
	for _, h := range c.Hosts {
		t.Run(h.name(), func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			result := HostResult{Host: h}
			defer func() {
				if c.Done != nil {
					done <- struct{}{}
					defer func() { <-done }()
					c.Done(result)
				}
			}()
			runHost(t, c, b, h, &result)
		})
	}
}

func (c Config) withDefaults(t *testing.T) Config {
	if c.Packages == nil {
		c.Packages = []string{"."}
	}
	if c.Hosts == nil {
		c.Hosts = DefaultHosts()
	}
	if c.AtOnce <= 0 {
		c.AtOnce = 2
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Minute
		if deadline, ok := t.Deadline(); ok {
			c.Timeout = max(time.Until(deadline)-timeoutGrace, time.Minute)
		}
	}
	if c.CoverDir != "" {
		dir, err := filepath.Abs(c.CoverDir)
		if err != nil {
			t.Fatal(err)
		}
		c.CoverDir = dir // the tests run in their packages' directories
	}
	return c
}

// runHost runs the tests of all packages in one host.
func runHost(t *testing.T, c Config, b *built, h Host, result *HostResult) {
	result.Missing = h.Missing
	if result.Missing == "" {
		result.Missing = b.missing(t, h)
	}
	if result.Missing != "" {
		if c.required(h) {
			t.Fatal(result.Missing)
		}
		t.Skip(result.Missing)
	}
	env := slices.Concat(c.Env, h.Env)
	if c.Start != nil {
		env = append(env, c.Start(t, h)...)
	}
	args := []string{b.runner, "-host", h.Host, "-timeout", (c.Timeout + timeoutGrace/2).String()}
	for _, variable := range env {
		args = append(args, "-env", variable)
	}
	args = slices.Concat(args, c.Flags, h.Flags)
	begin := time.Now()
	for i, pkg := range c.Packages {
		if h.Packages != nil && !slices.Contains(h.Packages, pkg) {
			continue
		}
		run := &packageRun{
			pkg: pkg, dir: b.dirs[i], args: slices.Clone(args), wasm: b.wasm[i], flags: h.TestFlags,
			timeout: c.Timeout, result: result,
		}
		if c.CoverDir != "" {
			run.cover = filepath.Join(c.CoverDir, fmt.Sprintf("%s-%d.out", h.name(), i))
		}
		run.do(t)
	}
	result.Took = time.Since(begin)
	if len(result.Tests) == 0 && !t.Failed() {
		t.Error("no test ran")
	}
}

func (c Config) required(h Host) bool {
	return slices.ContainsFunc(c.Required,
		func(name string) bool { return name == "all" || name == h.name() || name == h.Host })
}

// exitNotInstalled is testbrowser's exit code for a host that is not installed.
const exitNotInstalled = 127

// missing returns why the tests cannot run in a host, or "" if they can. If no host has that name, t fails: nobody
// would notice the mistake if it were a skip.
func (b *built) missing(t *testing.T, h Host) string {
	line, err := b.list(h.Host)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == exitNotInstalled {
		return h.Host + ": " + line
	}
	if err != nil {
		t.Fatalf("Host %q: %s (%v)", h.Host, line, err)
	}
	fields := strings.Split(line, "\t")
	if len(fields) != 3 {
		return fmt.Sprintf("%s: testbrowser -list says %q", h.Host, line)
	}
	// The cache of go test knows the files that a test has looked at: a new version of the host invalidates the result.
	if _, err := os.Stat(fields[1]); err != nil {
		return err.Error()
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(fields[2], "v"), ".")
	if major, err := strconv.Atoi(number); err == nil && major < h.Oldest {
		return fmt.Sprintf("%s is %s, older than %d", h.Host, fields[2], h.Oldest)
	}
	return ""
}
