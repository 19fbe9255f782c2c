package ws_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// TestClose: close() sends a Close frame without a status, the state is Closing at once and Closed at the close event.
func TestClose(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	opts := &ws.Options{}
	log := record(opts)
	opts.OnMessage = nil
	c := construct(t, p.URL, opts)
	server := p.accept()
	server.texts("first")
	wantText(t, read(t, c), "first")
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantState(t, c, ws.Closing)
	if c.Err() != nil {
		t.Errorf("Err is %v before the close event", c.Err())
	}
	server.wantFrame(fin|closeFrame, "")
	wantState(t, c, ws.Closing)
	for range 2 {
		if err := errors.Join(c.Close(), c.CloseWith(4000, "too late")); err != nil {
			t.Errorf("in state Closing: %v", err)
		}
	}
	server.frame(fin|closeFrame, "")
	server.end("fin")
	want := ws.CloseEvent{Code: ws.StatusNoStatusRcvd, WasClean: true}
	if ev := wait(t, c); ev != want {
		t.Errorf("closed with %+v, want %+v", ev, want)
	}
	log.want(t, "open OPEN", `close 1005 "" true CLOSED`)
	wantClosedEverywhere(t, c, want)
	if frames := server.rest(); len(frames) > 0 {
		t.Errorf("after its Close frame the client sent %s", showFrame(frames[0]))
	}
}

// wantClosedEverywhere checks every way to learn how c was closed.
func wantClosedEverywhere(t testing.TB, c *ws.Conn, want ws.CloseEvent) {
	t.Helper()
	ctx := testContext(t)
	await(t, "end of Done", c.Done())
	wantState(t, c, ws.Closed)
	wantClosed(t, c, c.Err(), want)
	if ev := wait(t, c); ev != want {
		t.Errorf("Wait returned %+v, want %+v", ev, want)
	}
	for range 2 {
		m, err := c.Read(ctx)
		if m != nil {
			t.Errorf("Read returned %s", describe(m))
		}
		wantClosed(t, c, err, want)
	}
	n := 0
	for m, err := range c.Messages(ctx) {
		if m != nil {
			t.Errorf("Messages yielded %s", describe(m))
		}
		wantClosed(t, c, err, want)
		n++
	}
	if n != 1 {
		t.Errorf("Messages yielded %d times, want 1", n)
	}
	if err := errors.Join(c.Close(), c.CloseWith(1000, "")); err != nil {
		t.Errorf("in state Closed: %v", err)
	}
	wantState(t, c, ws.Closed)
	wantClosed(t, c, c.Err(), want)
}

// TestCloseWith: code and reason reach the server, and its answer is the close event.
func TestCloseWith(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code   ws.StatusCode
		reason string
		answer string
		want   ws.CloseEvent
	}{
		{1000, "", closeBody(1000, ""), ws.CloseEvent{Code: 1000, WasClean: true}},
		{1000, "done", closeBody(1000, "done"), ws.CloseEvent{Code: 1000, Reason: "done", WasClean: true}},
		{3000, "é€😀", closeBody(3000, "é€😀"), ws.CloseEvent{Code: 3000, Reason: "é€😀", WasClean: true}},
		{4999, strings.Repeat("x", 123), closeBody(4999, strings.Repeat("x", 123)),
			ws.CloseEvent{Code: 4999, Reason: strings.Repeat("x", 123), WasClean: true}},
		{4000, strings.Repeat("€", 41), closeBody(4001, "theirs"),
			ws.CloseEvent{Code: 4001, Reason: "theirs", WasClean: true}},
		{4002, "\uFEFFmark", closeBody(1011, "\uFEFF"),
			ws.CloseEvent{Code: ws.StatusInternalError, Reason: "\uFEFF", WasClean: true}},
		{4000, "mine", "", ws.CloseEvent{Code: ws.StatusNoStatusRcvd, WasClean: true}},
	} {
		t.Run(fmt.Sprintf("%d with %d bytes, answer %d", test.code, len(test.reason), test.want.Code), func(t *testing.T) {
			t.Parallel()
			onHost(t, func(t testing.TB) {
				p := newPeer(t)
				c := construct(t, p.URL, nil)
				server := p.accept()
				server.texts("first")
				wantText(t, read(t, c), "first")
				if err := c.CloseWith(test.code, test.reason); err != nil {
					t.Fatalf("CloseWith: %v", err)
				}
				wantState(t, c, ws.Closing)
				server.wantFrame(fin|closeFrame, closeBody(uint16(test.code), test.reason))
				server.frame(fin|closeFrame, test.answer)
				server.end("close")
				wantClosedEverywhere(t, c, test.want)
			})
		})
	}
}

// TestCloseWithBadArguments: each is a documented error in every state, and nothing happens.
func TestCloseWithBadArguments(t *testing.T) {
	t.Parallel()
	check := func(c *ws.Conn) {
		t.Helper()
		state := c.ReadyState()
		for code := range 1 << 16 {
			if code == 1000 || code >= 3000 && code <= 4999 {
				continue
			}
			err := c.CloseWith(ws.StatusCode(code), "")
			if !errors.Is(err, ws.ErrInvalidAccess) {
				t.Fatalf("CloseWith(%d) in state %v: %v, want %v", code, state, err, ws.ErrInvalidAccess)
			}
		}
		wantException(t, "CloseWith(1005)", c.CloseWith(1005, "x"), ws.ErrInvalidAccess)
		for what, reason := range map[string]string{
			"124 bytes":              strings.Repeat("x", 124),
			"124 bytes of 62 é":      strings.Repeat("é", 62),
			"1 MiB":                  strings.Repeat("x", 1<<20),
			"invalid UTF-8":          "\xff",
			"a cut sequence":         "abc\xe2\x82",
			"a surrogate":            "\xed\xa0\x80",
			"invalid and 124 bytes":  strings.Repeat("\xff", 124),
			"a cut after 122 bytes":  strings.Repeat("x", 122) + "\xc3",
			"a NUL and then invalid": "\x00\x80",
		} {
			wantException(t, "CloseWith and a reason: "+what, c.CloseWith(1000, reason), ws.ErrSyntax)
		}
		wantException(t, "CloseWith(1001) and a long reason", c.CloseWith(1001, strings.Repeat("x", 124)),
			ws.ErrInvalidAccess)
		wantState(t, c, state)
	}
	p := newPeer(t)
	opened := make(chan struct{})
	c := construct(t, p.URL, &ws.Options{OnOpen: func(*ws.Conn) { close(opened) }})
	check(c)
	server := p.accept()
	await(t, "open event", opened)
	check(c)
	send(t, c, ws.Text("open"))
	server.wantFrame(fin|text, "open")
	c.Close()
	check(c)
	server.wantFrame(fin|closeFrame, "")
	server.frame(fin|closeFrame, "")
	server.end("close")
	wait(t, c)
	check(c)
}

// TestServerCloses: messages that were not read before the server closed are still delivered, then comes the error.
func TestServerCloses(t *testing.T) {
	t.Parallel()
	want := ws.CloseEvent{Code: 4123, Reason: "bye", WasClean: true}
	t.Run("read later", func(t *testing.T) {
		t.Parallel()
		c := dial(t, "/close?code=4123&reason=bye&messages=3", nil)
		if ev := wait(t, c); ev != want {
			t.Errorf("closed with %+v, want %+v", ev, want)
		}
		for i := range 3 {
			wantText(t, read(t, c), fmt.Sprintf("message %d", i))
		}
		wantClosedEverywhere(t, c, want)
	})
	t.Run("read at once", func(t *testing.T) {
		t.Parallel()
		c := dial(t, "/close?code=4123&reason=bye&messages=3", nil)
		for i := range 3 {
			wantText(t, read(t, c), fmt.Sprintf("message %d", i))
		}
		_, err := c.Read(testContext(t))
		wantClosed(t, c, err, want)
		wantClosedEverywhere(t, c, want)
	})
	t.Run("handlers", func(t *testing.T) {
		t.Parallel()
		opts := &ws.Options{}
		log := record(opts)
		dial(t, "/close?code=4123&reason=bye&messages=3", opts)
		got := slices.DeleteFunc(log.all(t), func(entry string) bool { return strings.HasPrefix(entry, "message ") })
		if fmt.Sprint(got) != `[open OPEN close 4123 "bye" true CLOSED]` || len(log.entries) != 5 {
			t.Errorf("events %q", log.entries)
		}
	})
	t.Run("without a code", func(t *testing.T) {
		t.Parallel()
		c := dial(t, "/close", nil)
		wantClosedEverywhere(t, c, ws.CloseEvent{Code: ws.StatusNoStatusRcvd, WasClean: true})
	})
	for _, code := range []ws.StatusCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000,
		4999} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			onHost(t, func(t testing.TB) {
				p := newPeer(t)
				c := construct(t, p.URL, nil)
				server := p.accept()
				server.close(uint16(code), "why €")
				server.wantAnswer(uint16(code))
				server.end("close")
				wantClosedEverywhere(t, c, ws.CloseEvent{Code: code, Reason: "why €", WasClean: true})
			})
		})
	}
}

// TestServerClosesState: the peer's Close frame makes the state Closing although TCP has not ended, and it is
// answered although nobody reads.
func TestServerClosesState(t *testing.T) {
	t.Parallel()
	onHost(t, func(t testing.TB) {
		p := newPeer(t)
		inHandler, leave := make(chan struct{}), make(chan struct{})
		states := make(chan ws.ReadyState, 1)
		opts := &ws.Options{}
		opts.OnOpen = func(c *ws.Conn) {
			close(inHandler)
			<-leave
			states <- c.ReadyState()
		}
		c := construct(t, p.URL, opts)
		server := p.accept()
		await(t, "call of OnOpen", inHandler)
		server.texts("before")
		server.close(4000, "")
		server.wantAnswer(4000)
		wantState(t, c, ws.Open) // there are events before it
		close(leave)
		if state := await(t, "end of OnOpen", states); state != ws.Open {
			t.Errorf("in OnOpen the state is %v", state)
		}
		wantText(t, read(t, c), "before")
		leavesOpen(t, c)
		if state := c.ReadyState(); state != ws.Closing && !(onHostObject && state == ws.Closed) {
			t.Errorf("the state is %v, want %v: only some hosts do not wait for TCP", state, ws.Closing)
		}
		server.end("close")
		wantClosedEverywhere(t, c, ws.CloseEvent{Code: 4000, WasClean: true})
	})
}

// leavesOpen waits until the state is not Open, which no event announces.
func leavesOpen(t testing.TB, c *ws.Conn) {
	t.Helper()
	ctx := testContext(t)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for c.ReadyState() == ws.Open {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatal("the state is still OPEN")
		}
	}
}

// TestLostConnection: TCP ends without a Close frame.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		how     string
		partial string
	}{
		"end":                   {how: "fin"},
		"reset":                 {how: "reset"},
		"end in a header":       {how: "fin", partial: "\x81"},
		"end in a frame":        {how: "fin", partial: "\x81\x05hel"},
		"end between fragments": {how: "fin", partial: "\x01\x03hel"},
		"end in a Close frame":  {how: "fin", partial: "\x88\x05\x03\xe8"},
		"reset in a frame":      {how: "reset", partial: "\x81\x05hel"},
		"end in a long header":  {how: "fin", partial: "\x82\x7f\x00\x00\x00"},
		"end in a large message": {how: "fin",
			partial: "\x82\x7f\x00\x00\x00\x00\x7f\x00\x00\x00" + strings.Repeat("x", 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			c := construct(t, p.URL, nil)
			server := p.accept()
			server.texts("whole")
			wantText(t, read(t, c), "whole")
			if test.partial != "" {
				server.write([]byte(test.partial))
			}
			server.end(test.how)
			wantClosedEverywhere(t, c, abnormal)
			if !onHostObject && errors.Unwrap(c.Err()) == nil {
				t.Error("the CloseError has no cause")
			}
		})
	}
}

// TestCloseDropsMessages: after Close nothing is delivered, neither what had come nor what comes.
func TestCloseDropsMessages(t *testing.T) {
	t.Parallel()
	end := func(server *peerConn) {
		server.t.Helper()
		server.wantFrame(fin|closeFrame, closeBody(4000, ""))
		server.texts("late", "later")
		server.close(4001, "")
		server.end("close")
	}
	want := ws.CloseEvent{Code: 4001, WasClean: true}
	t.Run("Read", func(t *testing.T) {
		t.Parallel()
		p := newPeer(t)
		c := construct(t, p.URL, nil)
		server := p.accept()
		server.texts("one", "two", "three")
		wantText(t, read(t, c), "one")
		if err := c.CloseWith(4000, ""); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			m, err := c.Read(t.Context())
			if m != nil {
				err = fmt.Errorf("Read returned %s", describe(m))
			}
			ended <- err
		}()
		end(server)
		wantClosed(t, c, await(t, "end of Read", ended), want)
		wantClosedEverywhere(t, c, want)
	})
	t.Run("OnMessage", func(t *testing.T) {
		t.Parallel()
		p := newPeer(t)
		opts := &ws.Options{}
		log := record(opts)
		opts.OnMessage = func(c *ws.Conn, m ws.Message) {
			if err := c.CloseWith(4000, ""); err != nil {
				t.Error(err)
			}
			log.add("message %s %v", describe(m), c.ReadyState())
		}
		construct(t, p.URL, opts)
		server := p.accept()
		server.texts("one", "two", "three")
		end(server)
		log.want(t, "open OPEN", `message Text "one" CLOSING`, `close 4001 "" true CLOSED`)
	})
	t.Run("Close in OnOpen", func(t *testing.T) {
		t.Parallel()
		p := newPeer(t)
		opts := &ws.Options{}
		log := record(opts)
		opts.OnOpen = func(c *ws.Conn) {
			if err := c.CloseWith(4000, ""); err != nil {
				t.Error(err)
			}
			log.add("open %v", c.ReadyState())
		}
		construct(t, p.URL, opts)
		server := p.accept()
		end(server)
		log.want(t, "open CLOSING", `close 4001 "" true CLOSED`)
	})
}

// TestCloseFlushes: what was sent before Close leaves before the Close frame, however much it is.
func TestCloseFlushes(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]func(testing.TB, []byte) ws.Message{
		"Bytes":       func(_ testing.TB, data []byte) ws.Message { return ws.Bytes(data) },
		"ArrayBuffer": func(_ testing.TB, data []byte) ws.Message { return ws.NewArrayBuffer(data) },
		"Blob":        func(t testing.TB, data []byte) ws.Message { return blobOf(t, "", ws.Bytes(data)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onHost(t, func(t testing.TB) {
				p := newPeer(t)
				opened := make(chan struct{})
				c := construct(t, p.URL, &ws.Options{OnOpen: func(*ws.Conn) { close(opened) }})
				server := p.accept()
				await(t, "open event", opened)
				const n = 6
				data := pattern(1 << 20)
				for range n {
					send(t, c, message(t, data))
				}
				send(t, c, ws.Text("last"))
				if err := c.CloseWith(4000, "flushed"); err != nil {
					t.Fatal(err)
				}
				wantState(t, c, ws.Closing)
				for range n {
					f := server.message()
					if f.First != fin|binaryFrame || f.Length != len(data) {
						t.Fatalf("the client sent %s, want %d bytes", showFrame(f), len(data))
					}
				}
				server.wantFrame(fin|text, "last")
				server.wantFrame(fin|closeFrame, closeBody(4000, "flushed"))
				server.close(4000, "flushed")
				server.end("close")
				wantClosedEverywhere(t, c, ws.CloseEvent{Code: 4000, Reason: "flushed", WasClean: true})
				if got := c.BufferedAmount(); got != 0 {
					t.Errorf("BufferedAmount %d", got)
				}
			})
		})
	}
}

// TestCloseWhileConnecting: the attempt is abandoned, its TCP connection ended, and it fails.
func TestCloseWhileConnecting(t *testing.T) {
	t.Parallel()
	for name, closeIt := range map[string]func(*ws.Conn) error{
		"Close":           (*ws.Conn).Close,
		"CloseWith(1000)": func(c *ws.Conn) error { return c.CloseWith(1000, "x") },
		"CloseWith(4000)": func(c *ws.Conn) error { return c.CloseWith(4000, "x") },
	} {
		for _, when := range []string{"at once", "after the request"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				onHost(t, func(t testing.TB) {
					p := newPeer(t)
					opts := &ws.Options{}
					log := record(opts)
					c := construct(t, p.URL, opts)
					if when != "at once" {
						p.conn(0).request()
					}
					if err := closeIt(c); err != nil {
						t.Errorf("%v", err)
					}
					wantState(t, c, ws.Closing)
					log.want(t, "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)
					wantClosed(t, c, c.Err(), abnormal)
				})
			})
		}
	}
}

// TestCloseBothAtOnce: the Close frames cross.
func TestCloseBothAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		c := dial(t, "/close?code=4123&reason=bye", nil)
		c.Close()
		if ev, want := wait(t, c), (ws.CloseEvent{Code: 4123, Reason: "bye", WasClean: true}); ev != want {
			t.Errorf("closed with %+v, want %+v", ev, want)
		}
	}
}
