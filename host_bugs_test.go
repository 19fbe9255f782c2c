package ws_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostBug is a fault of a JavaScript host that no code in the package can correct.
type hostBug struct {
	host string // as testbrowser calls it
	test string // the test that fails there; all below it if it ends in "/"
	what string // happens
	why  string
}

// hostVersions are the versions in which the bugs were last seen.
var hostVersions = map[string]string{
	"chromium": "156", "firefox": "153", "webkitgtk": "2.50", "node": "24.21", "deno": "2.9", "bun": "1.4",
}

// hostBugs are checked by their tests: a test that passes in its host counts as a failure, so that the line is removed
// once the host has been fixed.
var hostBugs = []hostBug{
	{
		host: "chromium", test: `TestBadArguments/the_URL_"ws://a_b/"`,
		what: "a space in a host name is percent-encoded instead of refused",
		why:  "the URL is parsed by the host",
	},
	{
		host: "firefox", test: "TestSubprotocols/none_selected",
		what: "a connection opens although the server selected none of the subprotocols offered",
		why:  "Firefox does not check",
	},
	{
		host: "webkitgtk", test: "TestSubprotocols/none_selected",
		what: "a connection opens although the server selected none of the subprotocols offered",
		why:  "WebKit does not check",
	},
	{
		host: "deno", test: "TestSubprotocols/none_selected",
		what: "a connection opens although the server selected none of the subprotocols offered",
		why:  "Deno does not check",
	},
	{
		host: "firefox", test: "TestSubprotocols/selected_though_none_offered",
		what: "a connection opens although the server selected a subprotocol that was not offered",
		why:  "Firefox does not check",
	},
	{
		host: "deno", test: "TestSubprotocols/selected_though_none_offered",
		what: "a connection opens although the server selected a subprotocol that was not offered",
		why:  "Deno does not check",
	},
	{
		host: "deno", test: "TestSubprotocols/another_selected",
		what: "a connection opens although the server selected a subprotocol that was not offered",
		why:  "Deno does not check",
	},
	{
		host: "deno", test: "TestSubprotocols/two_selected",
		what: "a connection opens although the server selected a subprotocol that was not offered",
		why:  "Deno does not check",
	},
	{
		host: "deno", test: "TestSubprotocols/another_case_selected",
		what: "a connection opens although the server selected a subprotocol that was not offered",
		why:  "Deno does not check",
	},
	{
		host: "webkitgtk", test: "TestSubprotocols/another_case_selected",
		what: "a connection opens although the server selected a subprotocol that was not offered",
		why:  "WebKit compares without case",
	},
	{
		host: "node", test: "TestSubprotocols/differing_in_case",
		what: "subprotocols that differ only in case are a SyntaxError",
		why:  "Node compares without case; browsers do not",
	},
	{
		host: "deno", test: "TestSubprotocols/differing_in_case",
		what: "subprotocols that differ only in case are a SyntaxError",
		why:  "Deno compares without case; browsers do not",
	},
	{
		host: "bun", test: "TestSubprotocols/differing_in_case",
		what: "subprotocols that differ only in case are a SyntaxError",
		why:  "Bun compares without case; browsers do not",
	},
	{
		host: "firefox", test: "TestBadFrames/1-byte_close",
		what: "a Close frame with half a code counts as one without",
		why:  "frames are parsed by the host",
	},
	{
		host: "firefox", test: "TestBadFrames/masked",
		what: "a masked frame breaks the protocol, but neither a Close frame nor the end of TCP tells the server",
		why:  "frames are parsed by the host",
	},
	{
		host: "deno", test: "TestBadFrames/masked",
		what: "a server may mask its frames",
		why:  "frames are parsed by the host",
	},
	{
		host: "firefox", test: "TestAbandonedTCP/",
		what: "close() while connecting leaves the TCP connection open until the server answers",
		why:  "Firefox waits for the HTTP response before it gives the connection up",
	},
	{
		host: "node", test: "TestByteOrderMark/received",
		what: "a byte order mark at the start of a text is lost",
		why:  "Node decodes with a TextDecoder that drops it",
	},
	{
		host: "node", test: "TestCloseWith/4002_with_7_bytes,_answer_1011",
		what: "a byte order mark at the start of a close reason is lost",
		why:  "Node decodes with a TextDecoder that drops it",
	},
	{
		host: "deno", test: "TestFailedAttempt/no_Accept",
		what: "the answer to the handshake is not checked",
		why:  "it is the host that reads it",
	},
	{
		host: "deno", test: "TestFailedAttempt/wrong_Accept",
		what: "the answer to the handshake is not checked",
		why:  "it is the host that reads it",
	},
	{
		host: "deno", test: "TestFailedAttempt/unknown_extension",
		what: "the answer to the handshake is not checked",
		why:  "it is the host that reads it",
	},
	{
		host: "webkitgtk", test: "TestFailedAttempt/redirect",
		what: "redirects are followed",
		why:  "it is the host that makes the handshake",
	},
	{
		host: "deno", test: "TestSendOrder",
		what: "a Blob is sent after what Send was given later",
		why:  "Deno reads the Blob first and keeps no queue",
	},
	{
		host: "node", test: "TestBufferedAmountAfterClose",
		what: "bufferedAmount falls to 0 when the connection is lost",
		why:  "the host counts what is in buffers of its own as sent",
	},
	{
		host: "deno", test: "TestEndCloseNow/lost,_in_OnMessage/",
		what: "a connection that is lost after messages is closed with 1005, and cleanly",
		why:  "it is the host that notices",
	},
	{
		host: "deno", test: "TestEndShutdown/lost,_in_OnMessage/",
		what: "a connection that is lost after messages is closed with 1005, and cleanly",
		why:  "it is the host that notices",
	},
	{
		host: "deno", test: "TestEndShutdownArguments/lost,_in_OnMessage",
		what: "a connection that is lost after messages is closed with 1005, and cleanly",
		why:  "it is the host that notices",
	},
	{
		host: "deno", test: "TestEndShutdownCancelled/lost,_in_OnMessage/early_true",
		what: "a connection that is lost after messages is closed with 1005, and cleanly",
		why:  "it is the host that notices",
	},
	{
		host: "deno", test: "TestEndCloseNowWaiting/closing_true",
		what: "bufferedAmount is 0 after close()",
		why:  "the host counts what is dropped as sent",
	},
	{
		host: "deno", test: "TestBufferedAmountAfterClose",
		what: "bufferedAmount falls to 0 when the connection is lost",
		why:  "the host counts what is in buffers of its own as sent",
	},
	{
		host: "webkitgtk", test: "TestBufferedAmountAfterClose",
		what: "bufferedAmount falls to 0 when the connection is lost",
		why:  "the host counts what is in buffers of its own as sent",
	},
	{
		host: "deno", test: "TestBufferedAmountWhileClosing",
		what: "bufferedAmount is 0 after close()",
		why:  "the host forgets it",
	},
	{
		host: "webkitgtk", test: "TestServerCloses/StatusServiceRestart",
		what: "the close codes 1012 to 1014 break the protocol",
		why:  "WebKit knows only the codes of RFC 6455",
	},
	{
		host: "webkitgtk", test: "TestServerCloses/StatusTryAgainLater",
		what: "the close codes 1012 to 1014 break the protocol",
		why:  "WebKit knows only the codes of RFC 6455",
	},
	{
		host: "webkitgtk", test: "TestServerCloses/StatusBadGateway",
		what: "the close codes 1012 to 1014 break the protocol",
		why:  "WebKit knows only the codes of RFC 6455",
	},
	{
		host: "deno", test: "TestServerCloses/StatusBadGateway",
		what: "the close code 1014 breaks the protocol",
		why:  "Deno knows only the codes of RFC 6455",
	},
	{
		host: "chromium", test: "TestReceivedLongText",
		what: "a text of more than 2^29-24 characters is delivered as an empty one",
		why:  "it is longer than the longest string, and the host does not say so",
	},
}

// onHostObject reports whether connections are objects of a JavaScript host.
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

// closeLimits has the hosts that give up a closing handshake so soon that a busy machine may take longer, and how soon.
var closeLimits = map[string]time.Duration{"webkitgtk": 5 * time.Second}

// onHost runs the body of a test. If the host has a bug that makes the body fail, it must fail. If the body fails after
// the host may have given up a closing handshake, it runs again.
func onHost(t *testing.T, body func(testing.TB)) {
	t.Helper()
	bug, closeLimit := bugOf(t.Name()), closeLimits[hostName()]
	switch {
	case bug != nil:
		if failure := try(t, trialLimit, body); failure != "" {
			t.Skipf("%s%s: %s; here: %s", knownBug, t.Name(), bug.what, failure)
		}
		t.Errorf("%s seems to be fixed: this test passes now: %s. Remove it from hostBugs", bug.host, bug.what)
	case closeLimit > 0:
		const attempts = 3
		var failure string
		for range attempts {
			began := time.Now()
			if failure = try(t, limit, body); failure == "" {
				return
			}
			if time.Since(began) < closeLimit {
				break
			}
			t.Logf("took longer than the host's limit for a closing handshake: %s", failure)
		}
		t.Error(failure)
	default:
		body(t)
	}
}

// try returns how the body fails, or "" if it passes. The body waits up to limit for what must happen.
func try(t *testing.T, limit time.Duration, body func(testing.TB)) (failure string) {
	trial := &trial{TB: t, limit: limit}
	done := make(chan struct{})
	go func() {
		defer close(done)
		body(trial)
	}()
	<-done
	return trial.failure()
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
	limit  time.Duration
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
