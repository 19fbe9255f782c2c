package ws_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// serverVariable names the environment variable with the URL of a testserver.Server, which a browser cannot be.
const serverVariable = "WS_TEST_SERVER"

// serverURL is the URL of the test server, "ws://127.0.0.1:4567".
var serverURL string

// parallelTests is how many tests run at a time unless -parallel says: they wait more than they compute.
const parallelTests = 6

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", strconv.Itoa(parallelTests)); err != nil {
			panic(err)
		}
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	url := os.Getenv(serverVariable)
	if url == "" {
		started, stop, err := startTestServer()
		if err != nil {
			fmt.Fprintf(os.Stderr, "%v\n", err)
			return 1
		}
		defer stop()
		url = started
	}
	_, address, _ := strings.Cut(strings.TrimSuffix(url, "/"), "://")
	serverURL = "ws://" + address
	return m.Run()
}

const (
	// limit is how long a test waits for what must happen.
	limit = 30 * time.Second

	// trialLimit is how long one waits for what a host is known not to do.
	trialLimit = 3 * time.Second
)

func testContext(t testing.TB) context.Context {
	d := limit
	if trial, ok := t.(*trial); ok {
		d = trial.limit
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// dial opens a connection to a path of the test server, or to an absolute URL.
func dial(t testing.TB, url string, opts *ws.Options) *ws.Conn {
	t.Helper()
	c, err := ws.Dial(testContext(t), absolute(url), opts)
	if err != nil {
		t.Fatalf("Dial(%s): %v", url, err)
	}
	closeAfter(t, c)
	return c
}

// construct is like dial, without waiting.
func construct(t testing.TB, url string, opts *ws.Options) *ws.Conn {
	t.Helper()
	c, err := ws.New(absolute(url), opts)
	if err != nil {
		t.Fatalf("New(%s): %v", url, err)
	}
	closeAfter(t, c)
	return c
}

func closeAfter(t testing.TB, c *ws.Conn) {
	t.Cleanup(func() { c.Close() })
}

func absolute(url string) string {
	if strings.HasPrefix(url, "/") {
		return serverURL + url
	}
	return url
}

// send sends messages that must be accepted.
func send(t testing.TB, c *ws.Conn, messages ...ws.Message) {
	t.Helper()
	for _, m := range messages {
		if err := c.Send(m); err != nil {
			t.Fatalf("Send(%s): %v", describe(m), err)
		}
	}
}

// read reads a message that must come.
func read(t testing.TB, c *ws.Conn) ws.Message {
	t.Helper()
	m, err := c.Read(testContext(t))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return m
}

// wait waits for a close event that must come.
func wait(t testing.TB, c *ws.Conn) ws.CloseEvent {
	t.Helper()
	ev, err := c.Wait(testContext(t))
	if err != nil {
		t.Fatalf("Wait: %v, in state %v", err, c.ReadyState())
	}
	return ev
}

// await waits for a channel.
func await[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-testContext(t).Done():
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// content returns what a message carries.
func content(t testing.TB, m ws.Message) []byte {
	t.Helper()
	switch m := m.(type) {
	case ws.Text:
		return []byte(m)
	case ws.Bytes:
		return m
	case *ws.ArrayBuffer:
		return m.Bytes()
	case *ws.Blob:
		data, err := m.Bytes(testContext(t))
		if err != nil {
			t.Fatalf("Blob.Bytes: %v", err)
		}
		return data
	}
	t.Fatalf("%T is no message", m)
	return nil
}

// describe shows a message in a test's output.
func describe(m ws.Message) string {
	short := func(kind string, data []byte) string {
		if len(data) > 32 {
			return fmt.Sprintf("%s of %d bytes, %q...", kind, len(data), data[:32])
		}
		return fmt.Sprintf("%s %q", kind, data)
	}
	switch m := m.(type) {
	case ws.Text:
		return short("Text", []byte(m))
	case ws.Bytes:
		return short("Bytes", m)
	case *ws.ArrayBuffer:
		if m != nil {
			return short("ArrayBuffer", m.Bytes())
		}
	case *ws.Blob:
		if m != nil {
			return fmt.Sprintf("Blob of %d bytes", m.Size())
		}
	}
	return fmt.Sprintf("%#v", m)
}

// wantText checks a message.
func wantText(t testing.TB, m ws.Message, want string) {
	t.Helper()
	if got, ok := m.(ws.Text); !ok || string(got) != want {
		t.Fatalf("got %s, want %s", describe(m), describe(ws.Text(want)))
	}
}

// wantBuffer checks a message that must be an *ArrayBuffer.
func wantBuffer(t testing.TB, m ws.Message, want []byte) {
	t.Helper()
	if got, ok := m.(*ws.ArrayBuffer); !ok || !bytes.Equal(got.Bytes(), want) || got.Len() != len(want) {
		t.Fatalf("got %s, want ArrayBuffer of %d bytes", describe(m), len(want))
	}
}

// wantBlob checks a message that must be a *Blob.
func wantBlob(t testing.TB, m ws.Message, want []byte) {
	t.Helper()
	got, ok := m.(*ws.Blob)
	if !ok || got.Size() != int64(len(want)) || !bytes.Equal(content(t, got), want) {
		t.Fatalf("got %s, want Blob of %d bytes", describe(m), len(want))
	}
}

// wantException checks that an error is a kind of Exception, named ErrSyntax or such.
func wantException(t testing.TB, what string, err, kind error) {
	t.Helper()
	var exception *ws.Exception
	if !errors.Is(err, kind) || !errors.As(err, &exception) {
		t.Errorf("%s: got %v, want %v", what, err, kind)
		return
	}
	if exception.Message == "" {
		t.Errorf("%s: the exception %v does not say what failed", what, err)
	}
}

// typeError is the Exception that has no variable.
var typeError error = &ws.Exception{Name: "TypeError"}

// wantClosed checks that an error is the *CloseError of c, with that event.
func wantClosed(t testing.TB, c *ws.Conn, err error, want ws.CloseEvent) {
	t.Helper()
	var closed *ws.CloseError
	if !errors.As(err, &closed) {
		t.Errorf("got error %v, want a *CloseError with %+v", err, want)
		return
	}
	if closed.CloseEvent != want {
		t.Errorf("closed with %+v, want %+v", closed.CloseEvent, want)
	}
	if c.Err() != error(closed) {
		t.Errorf("Err returns %v, not the same *CloseError %v", c.Err(), closed)
	}
}

func wantState(t testing.TB, c *ws.Conn, want ws.ReadyState) {
	t.Helper()
	if got := c.ReadyState(); got != want {
		t.Errorf("ReadyState %v, want %v", got, want)
	}
}

// abnormal is the close event of a connection that had no closing handshake.
var abnormal = ws.CloseEvent{Code: ws.StatusAbnormalClosure}

// pattern returns n bytes that do not repeat soon, so that a mistaken offset shows.
func pattern(n int) []byte {
	data := make([]byte, n)
	x := uint32(n) | 1
	for i := range data {
		x = x*1664525 + 1013904223
		data[i] = byte(x >> 24)
	}
	return data
}

// eventLog records the events of a connection.
type eventLog struct {
	mu      sync.Mutex
	entries []string
	closed  chan struct{}
}

// record sets the handlers of opts that are not set so that they record their events.
func record(opts *ws.Options) *eventLog {
	log := &eventLog{closed: make(chan struct{})}
	if opts.OnOpen == nil {
		opts.OnOpen = func(c *ws.Conn) { log.add("open %v", c.ReadyState()) }
	}
	if opts.OnMessage == nil {
		opts.OnMessage = func(c *ws.Conn, m ws.Message) { log.add("message %s %v", describe(m), c.ReadyState()) }
	}
	if opts.OnError == nil {
		opts.OnError = func(c *ws.Conn, err error) {
			var closed *ws.CloseError
			log.add("error %v CloseError=%t", c.ReadyState(), errors.As(err, &closed))
		}
	}
	if opts.OnClose == nil {
		opts.OnClose = func(c *ws.Conn, ev ws.CloseEvent) {
			log.add("close %d %q %t %v", ev.Code, ev.Reason, ev.WasClean, c.ReadyState())
			close(log.closed)
		}
	}
	return log
}

func (l *eventLog) add(format string, args ...any) {
	l.mu.Lock()
	l.entries = append(l.entries, fmt.Sprintf(format, args...))
	l.mu.Unlock()
}

// all waits for the close event and returns all events.
func (l *eventLog) all(t testing.TB) []string {
	t.Helper()
	await(t, "close event", l.closed)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries
}

func (l *eventLog) want(t testing.TB, want ...string) {
	t.Helper()
	got := l.all(t)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("events\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
