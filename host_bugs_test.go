package ws_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// hostBug is what a JavaScript host does wrong and no code around it can put right.
type hostBug struct {
	host string // as testbrowser calls it
	test string // the test that fails there; all below it if it ends in "/"
	what string // happens
	why  string
}

// hostBugs are checked by their tests: one that passes in its host fails, so that a line is taken out when its host has
// been fixed.
var hostBugs = []hostBug{}

// onHostObject tells that connections are objects of a JavaScript host.
const onHostObject = runtime.GOOS == "js"

// hostName is the JavaScript host that runs the tests, "" natively.
func hostName() string {
	if !onHostObject {
		return ""
	}
	return os.Getenv("WS_TEST_HOST")
}

// knownBug is how the log of a skipped test begins, for TestBrowsers, which counts them.
const knownBug = "known host bug: "

// onHost runs the body of a test. Where the host has a bug that makes it fail, it must fail.
func onHost(t *testing.T, body func(testing.TB)) {
	t.Helper()
	bug := bugOf(t.Name())
	if bug == nil {
		body(t)
		return
	}
	trial := &trial{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		body(trial)
	}()
	<-done
	if failure := trial.failure(); failure != "" {
		t.Skipf("%s%s: %s; here: %s", knownBug, t.Name(), bug.what, failure)
	}
	t.Errorf("%s seems to be fixed, this passes now: %s. Take it out of hostBugs", bug.host, bug.what)
}

func bugOf(test string) *hostBug {
	for i, bug := range hostBugs {
		below := strings.HasSuffix(bug.test, "/") && strings.HasPrefix(test, bug.test)
		if bug.host == hostName() && (test == bug.test || below) {
			return &hostBugs[i]
		}
	}
	return nil
}

// trial is a test that may fail.
type trial struct {
	testing.TB
	mu     sync.Mutex
	failed string
}

func (t *trial) failure() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *trial) note(failure string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == "" {
		t.failed = failure
	}
}

func (t *trial) Error(args ...any)                 { t.note(fmt.Sprint(args...)) }
func (t *trial) Errorf(format string, args ...any) { t.note(fmt.Sprintf(format, args...)) }
func (t *trial) Fail()                             { t.note("it failed") }
func (t *trial) Failed() bool                      { return t.failure() != "" }
func (t *trial) Fatal(args ...any)                 { t.Error(args...); runtime.Goexit() }
func (t *trial) Fatalf(format string, args ...any) { t.Errorf(format, args...); runtime.Goexit() }
func (t *trial) FailNow()                          { t.Fail(); runtime.Goexit() }
