package ws_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestEvents: each handler with its state, in order, with the connection that New returns.
func TestEvents(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	opts := &ws.Options{}
	log := record(opts)
	var mu sync.Mutex
	var conns []*ws.Conn
	seen := func(c *ws.Conn) {
		mu.Lock()
		conns = append(conns, c)
		mu.Unlock()
	}
	onOpen, onMessage, onClose := opts.OnOpen, opts.OnMessage, opts.OnClose
	opts.OnOpen = func(c *ws.Conn) { seen(c); onOpen(c) }
	opts.OnMessage = func(c *ws.Conn, m ws.Message) { seen(c); onMessage(c, m) }
	opts.OnClose = func(c *ws.Conn, ev ws.CloseEvent) { seen(c); onClose(c, ev) }
	c := construct(t, p.URL, opts)
	server := p.accept()
	server.write([]byte("\x81\x01a\x82\x01b\x89\x00\x01\x01c\x80\x01d\x88\x05\x10\x1bbye"))
	server.wantFrame(fin|pong, "")
	server.wantAnswer(4123)
	server.end("close")
	log.want(t, "open OPEN", `message Text "a" OPEN`, `message ArrayBuffer "b" OPEN`, `message Text "cd" OPEN`,
		`close 4123 "bye" true CLOSED`)
	mu.Lock()
	defer mu.Unlock()
	if len(conns) != 5 || slices.ContainsFunc(conns, func(other *ws.Conn) bool { return other != c }) {
		t.Errorf("the handlers got %v, want 5 times %p", conns, c)
	}
}

// TestEventsBeforeNewReturns: handlers may run before New has returned, and get their connection.
func TestEventsBeforeNewReturns(t *testing.T) {
	t.Parallel()
	for range 20 {
		got := make(chan *ws.Conn, 1)
		c := construct(t, "/echo", &ws.Options{OnOpen: func(c *ws.Conn) {
			if err := c.Send(ws.Text("sent in OnOpen")); err != nil {
				t.Error(err)
			}
			got <- c
		}})
		wantText(t, read(t, c), "sent in OnOpen")
		if other := await(t, "open event", got); other != c {
			t.Errorf("OnOpen got %p, New returned %p", other, c)
		}
		c.Close()
	}
}

// TestHandlersOneAtATime: while a handler blocks, later events of its connection wait, those of others do not.
func TestHandlersOneAtATime(t *testing.T) {
	t.Parallel()
	var running, calls atomic.Int32
	entered, leave := make(chan string, 10), make(chan struct{})
	handler := func(name string) {
		if running.Add(1) != 1 {
			t.Errorf("%s was called while another handler ran", name)
		}
		calls.Add(1)
		entered <- name
		<-leave
		running.Add(-1)
	}
	p := newPeer(t)
	c := construct(t, p.URL, &ws.Options{
		OnOpen:    func(*ws.Conn) { handler("OnOpen") },
		OnMessage: func(_ *ws.Conn, m ws.Message) { handler("OnMessage " + describe(m)) },
		OnError:   func(*ws.Conn, error) { handler("OnError") },
		OnClose:   func(*ws.Conn, ws.CloseEvent) { handler("OnClose") },
	})
	server := p.accept()
	if name := await(t, "first event", entered); name != "OnOpen" {
		t.Errorf("first %s was called", name)
	}
	server.texts("a", "b")
	server.write([]byte(reservedFrame))
	for _, f := range server.ending() {
		if f.First != fin|closeFrame {
			t.Errorf("the client sent %s", showFrame(f))
		}
	}
	other := dial(t, "/echo", nil)
	send(t, other, ws.Text("hello"))
	wantText(t, read(t, other), "hello")
	if n := calls.Load(); n != 1 {
		t.Errorf("%d handlers were called while the first one ran", n-1)
	}
	for _, want := range []string{`OnMessage Text "a"`, `OnMessage Text "b"`, "OnError", "OnClose"} {
		leave <- struct{}{}
		if name := await(t, "next event", entered); name != want {
			t.Errorf("%s was called, want %s", name, want)
		}
	}
	await(t, "end of Done, while OnClose runs", c.Done())
	leave <- struct{}{}
}

// TestHandlersUseConnections: a handler may send, close, and read from another connection.
func TestHandlersUseConnections(t *testing.T) {
	t.Parallel()
	other := dial(t, "/echo", nil)
	opts := &ws.Options{}
	log := record(opts)
	opts.OnOpen = func(c *ws.Conn) {
		for i := range 3 {
			if err := c.Send(ws.Text(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		}
	}
	opts.OnMessage = func(c *ws.Conn, m ws.Message) {
		if err := other.Send(m); err != nil {
			t.Error(err)
		}
		got, err := other.Read(testContext(t))
		if err != nil {
			t.Error(err)
			return
		}
		log.add("%s %s", describe(m), describe(got))
		if m == ws.Message(ws.Text("2")) {
			if err := c.CloseWith(4000, ""); err != nil {
				t.Error(err)
			}
		}
	}
	dial(t, "/echo", opts)
	log.want(t, `Text "0" Text "0"`, `Text "1" Text "1"`, `Text "2" Text "2"`, `close 4000 "" true CLOSED`)
}

// TestDoneBeforeHandlers: in OnError and OnClose the connection is closed for all goroutines, and Wait and Read return
// at once.
func TestDoneBeforeHandlers(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"failed": "/status?code=404", "closed": "/close?code=4123&reason=bye"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan struct{})
			check := func(c *ws.Conn, ev ws.CloseEvent) {
				wantClosedEverywhere(t, c, ev)
			}
			errored := false
			construct(t, url, &ws.Options{
				OnError: func(c *ws.Conn, err error) {
					errored = true
					wantClosed(t, c, err, abnormal)
					check(c, abnormal)
				},
				OnClose: func(c *ws.Conn, ev ws.CloseEvent) {
					defer close(closed)
					check(c, ev)
				},
			})
			await(t, "end of OnClose", closed)
			if errored != (name == "failed") {
				t.Errorf("OnError was called: %v", errored)
			}
		})
	}
}

// TestHandlersWithRead: the other handlers work while messages wait for Read.
func TestHandlersWithRead(t *testing.T) {
	t.Parallel()
	opts := &ws.Options{}
	log := record(opts)
	opts.OnMessage = nil
	c := construct(t, "/close?code=4123&reason=bye&messages=3", opts)
	log.want(t, "open OPEN", `close 4123 "bye" true CLOSED`)
	for i := range 3 {
		wantText(t, read(t, c), fmt.Sprintf("message %d", i))
	}
	_, err := c.Read(testContext(t))
	wantClosed(t, c, err, ws.CloseEvent{Code: 4123, Reason: "bye", WasClean: true})
}

// TestNoHandlers: without handlers, the methods report everything.
func TestNoHandlers(t *testing.T) {
	t.Parallel()
	c := construct(t, "/status?code=404", nil)
	wantClosedEverywhere(t, c, abnormal)
	if err := c.Send(ws.Text("x")); !errors.Is(err, ws.ErrInvalidState) {
		t.Errorf("Send: %v", err)
	}
}

// TestCloseInHandlers: Close in any handler is no deadlock, and changes nothing in the last ones.
func TestCloseInHandlers(t *testing.T) {
	t.Parallel()
	closed := make(chan ws.CloseEvent, 1)
	closeAll := func(c *ws.Conn) {
		if err := errors.Join(c.Close(), c.CloseWith(4000, "x")); err != nil {
			t.Error(err)
		}
	}
	construct(t, "/status?code=404", &ws.Options{
		OnError: func(c *ws.Conn, _ error) { closeAll(c) },
		OnClose: func(c *ws.Conn, ev ws.CloseEvent) {
			closeAll(c)
			wantState(t, c, ws.Closed)
			closed <- ev
		},
	})
	if ev := await(t, "close event", closed); ev != abnormal {
		t.Errorf("closed with %+v", ev)
	}
}

// TestConcurrentUse: every method may be called from several goroutines, before and after the end.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	for range 5 {
		c := dial(t, "/echo", nil)
		ctx := testContext(t)
		var users sync.WaitGroup
		calls := []func(){
			func() { c.Send(ws.Text("text")) },
			func() { c.Send(ws.Bytes("bytes")) },
			func() { c.Drain(ctx, 0) },
			func() { c.Read(ctx) },
			func() {
				for range c.Messages(ctx) {
					break
				}
			},
			func() { c.SetBinaryType(ws.BinaryBlob) },
			func() { c.SetBinaryType(ws.BinaryArrayBuffer) },
			func() { c.CloseWith(1001, "refused") },
			func() {
				_, _, _, _, _, _ = c.URL(), c.ReadyState(), c.BufferedAmount(), c.Extensions(), c.Protocol(), c.BinaryType()
				_ = c.Err()
			},
		}
		for _, call := range calls {
			for range 2 {
				users.Go(func() {
					for range 30 {
						call()
					}
				})
			}
		}
		users.Go(func() {
			for range 20 {
				if c.Send(ws.Text("paced")) != nil || c.Drain(ctx, 0) != nil {
					break
				}
			}
			c.CloseWith(4000, "enough")
		})
		ended := make(chan struct{})
		go func() { users.Wait(); close(ended) }()
		await(t, "end of all users", ended)
		wantClosedEverywhere(t, c, ws.CloseEvent{Code: 4000, Reason: "enough", WasClean: true})
	}
}
