package ws_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// Tests of what happens while the program does something else. Natively the goroutine that reads may belong to the
// program, which has just got a message, has given up its wait, or is in a handler.

// converse makes the program get messages in quick succession, in whatever way it receives.
func converse(t testing.TB, server *peerConn, c *ws.Conn, received func() ws.Message) {
	t.Helper()
	for i := range 10 {
		server.texts(strconv.Itoa(i), strconv.Itoa(i)+"b")
		wantText(t, received(), strconv.Itoa(i))
		wantText(t, received(), strconv.Itoa(i)+"b")
		send(t, c, ws.Text("answer"))
		if m := server.message(); string(m.Payload) != "answer" {
			t.Fatalf("the server got %s", showFrame(m))
		}
	}
}

func wantPong(server *peerConn, payload string) {
	server.t.Helper()
	server.frame(fin|ping, payload)
	server.wantFrame(fin|pong, payload)
}

// TestBusyAfterRead: a ping is answered, messages wait, and the end is noticed although the program has stopped calling
// Read.
func TestBusyAfterRead(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	opts := &ws.Options{}
	closed := make(chan ws.CloseEvent, 1)
	opts.OnClose = func(_ *ws.Conn, ev ws.CloseEvent) { closed <- ev }
	c := construct(t, p.URL, opts)
	server := p.accept()
	for round := range 3 {
		converse(t, server, c, func() ws.Message { return read(t, c) })
		wantPong(server, fmt.Sprint("ping ", round))
		server.texts("left")
		wantPong(server, fmt.Sprint("again ", round))
		wantText(t, read(t, c), "left")
	}
	server.close(4001, "enough")
	server.wantAnswer(4001)
	server.end("close")
	if ev := await(t, "close event", closed); ev.Code != 4001 || !ev.WasClean {
		t.Errorf("close event %+v", ev)
	}
}

// TestBusyInHandler: the same when a handler has been quick for a while and then is not.
func TestBusyInHandler(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	got := make(chan ws.Message, 100)
	entered, leave := make(chan struct{}), make(chan struct{})
	c := construct(t, p.URL, &ws.Options{OnMessage: func(_ *ws.Conn, m ws.Message) {
		if m == ws.Text("block") {
			entered <- struct{}{}
			<-leave
		}
		got <- m
	}})
	server := p.accept()
	for round := range 3 {
		converse(t, server, c, func() ws.Message { return await(t, "message", got) })
		server.texts("block")
		await(t, "call of OnMessage", entered)
		wantPong(server, fmt.Sprint("ping ", round))
		server.texts("behind")
		wantPong(server, fmt.Sprint("again ", round))
		leave <- struct{}{}
		wantText(t, await(t, "message", got), "block")
		wantText(t, await(t, "message", got), "behind")
	}
	server.close(4001, "enough")
	server.wantAnswer(4001)
	server.end("close")
	wait(t, c)
}

// TestBusyAfterCancelledRead: messages that arrive after a Read has given up are received.
func TestBusyAfterCancelledRead(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := construct(t, p.URL, nil)
	server := p.accept()
	for round := range 3 {
		converse(t, server, c, func() ws.Message { return read(t, c) })
		for range 5 {
			ctx, cancel := context.WithTimeout(testContext(t), 5*time.Millisecond)
			if m, err := c.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Read returned %v, %v", m, err)
			}
			cancel()
		}
		wantPong(server, fmt.Sprint("ping ", round))
		server.texts("next")
		wantText(t, read(t, c), "next")
	}
	wantState(t, c, ws.Open)
}

// TestReadsTakeTurns: Reads that wait at the same time get messages in their order, whichever of them gives up
// meanwhile.
func TestReadsTakeTurns(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := construct(t, p.URL, nil)
	server := p.accept()
	converse(t, server, c, func() ws.Message { return read(t, c) })
	type result struct {
		m   ws.Message
		err error
	}
	const n = 6
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	results := make(chan result, n)
	for i := range n {
		readCtx := testContext(t)
		if i%2 == 0 {
			readCtx = ctx // those that give up
		}
		go func() {
			m, err := c.Read(readCtx)
			results <- result{m, err}
		}()
	}
	wantPong(server, "while they wait")
	cancel()
	for range n / 2 {
		if r := await(t, "end of a cancelled Read", results); !errors.Is(r.err, context.Canceled) {
			t.Fatalf("Read returned %v, %v", r.m, r.err)
		}
	}
	wantPong(server, "while others wait")
	server.texts("1", "2", "3")
	got := make(map[ws.Message]bool)
	for range n / 2 {
		r := await(t, "end of a Read", results)
		if r.err != nil {
			t.Fatal(r.err)
		}
		got[r.m] = true
	}
	if len(got) != n/2 {
		t.Errorf("the Reads returned %v", got)
	}
}

// TestCloseWhileReading: a Read that waits gets the *CloseError when another goroutine closes.
func TestCloseWhileReading(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := construct(t, p.URL, nil)
	server := p.accept()
	converse(t, server, c, func() ws.Message { return read(t, c) })
	failed := make(chan error, 1)
	go func() {
		_, err := c.Read(testContext(t))
		failed <- err
	}()
	wantPong(server, "it waits")
	if err := c.CloseWith(4002, "other goroutine"); err != nil {
		t.Fatal(err)
	}
	server.ending()
	wantClosed(t, c, await(t, "end of Read", failed), ws.CloseEvent{Code: 4002, Reason: "other goroutine", WasClean: true})
}
