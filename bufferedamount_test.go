package ws_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// stuffed opens a connection to a peer that reads nothing, and sends until BufferedAmount stays above 0: more than
// all buffers on the way take.
func stuffed(t testing.TB, opts *ws.Options) (*ws.Conn, *peerConn, int64) {
	t.Helper()
	p := newPeer(t)
	opened := make(chan struct{})
	opts.OnOpen = func(*ws.Conn) { close(opened) }
	c := construct(t, p.URL, opts)
	server := p.accept()
	await(t, "open event", opened)
	const n = 24
	data := ws.Bytes(make([]byte, 1<<20))
	for range n {
		send(t, c, data)
	}
	return c, server, n << 20
}

// receive reads what the client has sent, up to n bytes of data.
func receive(server *peerConn, n int64) {
	server.t.Helper()
	for n > 0 {
		m := server.message()
		if m.End != "" {
			server.t.Fatalf("the client sent %s, %d bytes before the end", showFrame(m), n)
		}
		n -= int64(m.Length)
	}
}

func TestBufferedAmount(t *testing.T) {
	t.Parallel()
	c, server, n := stuffed(t, &ws.Options{})
	if got := c.BufferedAmount(); got <= 0 || got > n {
		t.Errorf("BufferedAmount %d after %d bytes that nobody takes", got, n)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Drain(testContext(t), 0) }()
	receive(server, n)
	if err := await(t, "end of Drain", ended); err != nil {
		t.Errorf("Drain: %v", err)
	}
	if got := c.BufferedAmount(); got != 0 {
		t.Errorf("BufferedAmount %d after Drain", got)
	}
}

// TestBufferedAmountInHandler: it counts exactly, and does not fall while a handler runs; Drain waits for the real
// amount.
func TestBufferedAmountInHandler(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	sent, received, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	construct(t, p.URL, &ws.Options{OnOpen: func(c *ws.Conn) {
		defer close(done)
		var want int64
		check := func(when string) {
			t.Helper()
			if got := c.BufferedAmount(); got != want {
				t.Errorf("%s BufferedAmount is %d, want %d", when, got, want)
			}
		}
		check("before anything")
		blob, err := ws.NewBlob("", ws.Text("12345"))
		if err != nil {
			t.Error(err)
			return
		}
		for _, m := range []struct {
			ws.Message
			size int64
		}{
			{ws.Text(""), 0}, {ws.Text("é€😀"), 9}, {ws.Bytes("123"), 3}, {ws.NewArrayBuffer([]byte("1234")), 4}, {blob, 5},
			{ws.Bytes(make([]byte, 70000)), 70000}, {ws.Text("\uFEFF"), 3},
		} {
			if err := c.Send(m.Message); err != nil {
				t.Error(err)
			}
			want += m.size
			check("after " + describe(m.Message))
		}
		close(sent)
		<-received
		check("after the server has received it,")
		if err := c.Drain(testContext(t), 0); err != nil {
			t.Error(err)
		}
		check("after Drain") // it does not fall while the handler runs
		if err := c.Send(ws.Text("x")); err != nil {
			t.Error(err)
		}
		want++
		check("after one more Send")
	}})
	server := p.accept()
	await(t, "end of the Sends", sent)
	for range 7 {
		server.message()
	}
	close(received)
	await(t, "end of OnOpen", done)
}

// TestDrain: it returns at once if there is nothing to wait for, and when enough has left.
func TestDrain(t *testing.T) {
	t.Parallel()
	c, server, n := stuffed(t, &ws.Options{})
	ctx := testContext(t)
	if err := c.Drain(ctx, n); err != nil {
		t.Errorf("Drain to what was sent: %v", err)
	}
	ends := make(chan error, 3)
	for _, limit := range []int64{1 << 20, 0, -5} {
		go func() {
			err := c.Drain(ctx, limit)
			if got := c.BufferedAmount(); err == nil && got > max(limit, 0) {
				t.Errorf("Drain(%d) returned with BufferedAmount %d", limit, got)
			}
			ends <- err
		}()
	}
	receive(server, n)
	for range 3 {
		if err := await(t, "end of Drain", ends); err != nil {
			t.Errorf("Drain: %v", err)
		}
	}
	if err := c.Drain(ctx, -1); err != nil {
		t.Errorf("Drain with nothing buffered: %v", err)
	}
}

// TestCancelDrain: a cancelled Drain leaves the connection as it was.
func TestCancelDrain(t *testing.T) {
	t.Parallel()
	c, server, n := stuffed(t, &ws.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ends := make(chan error, 2)
	for range 2 {
		go func() { ends <- c.Drain(ctx, 0) }()
	}
	cancel()
	for range 2 {
		if err := await(t, "end of Drain", ends); !errors.Is(err, context.Canceled) {
			t.Errorf("Drain returned %v, want %v", err, context.Canceled)
		}
	}
	if err := c.Drain(ctx, n); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain with an ended context returned %v", err)
	}
	wantState(t, c, ws.Open)
	send(t, c, ws.Text("after"))
	receive(server, n+5)
	if err := c.Drain(testContext(t), 0); err != nil {
		t.Error(err)
	}
	server.texts("hello")
	wantText(t, read(t, c), "hello")
}

// TestBufferedAmountAfterClose: what could not be sent stays counted, and Drain says why it will not fall.
func TestBufferedAmountAfterClose(t *testing.T) {
	t.Parallel()
	onHost(t, func(t testing.TB) {
		c, server, n := stuffed(t, &ws.Options{})
		ended := make(chan error, 1)
		go func() { ended <- c.Drain(testContext(t), 0) }()
		server.end("reset")
		wantClosed(t, c, await(t, "end of Drain", ended), abnormal)
		got := c.BufferedAmount()
		if got <= 0 || got > n {
			t.Errorf("BufferedAmount %d after the loss of %d bytes", got, n)
		}
		wantException(t, "Send", c.Send(ws.Text("12345")), ws.ErrInvalidState)
		if more := c.BufferedAmount(); more != got+5 {
			t.Errorf("BufferedAmount went from %d to %d with 5 bytes", got, more)
		}
		wantClosed(t, c, c.Drain(testContext(t), 0), abnormal)
		if err := c.Drain(testContext(t), got+5); err != nil {
			t.Errorf("Drain to what is buffered: %v", err)
		}
	})
}

// TestBufferedAmountWhileClosing: Close does not reset it; it falls as the messages leave.
func TestBufferedAmountWhileClosing(t *testing.T) {
	t.Parallel()
	onHost(t, testBufferedAmountWhileClosing)
}

func testBufferedAmountWhileClosing(t testing.TB) {
	c, server, n := stuffed(t, &ws.Options{})
	c.Close()
	if got := c.BufferedAmount(); got <= 0 || got > n {
		t.Errorf("BufferedAmount %d right after Close", got)
	}
	receive(server, n)
	server.wantFrame(fin|closeFrame, "")
	server.frame(fin|closeFrame, "")
	server.end("close")
	wantClosedEverywhere(t, c, ws.CloseEvent{Code: ws.StatusNoStatusRcvd, WasClean: true})
	if got := c.BufferedAmount(); got != 0 {
		t.Errorf("BufferedAmount %d after everything was sent", got)
	}
}

// TestDrainInHandler: a handler that waits in Drain when the connection is lost gets the *CloseError.
func TestDrainInHandler(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	drained := make(chan error, 1)
	closed := make(chan struct{})
	begun := make(chan struct{})
	construct(t, p.URL, &ws.Options{
		OnMessage: func(c *ws.Conn, m ws.Message) {
			for range 64 {
				if err := c.Send(ws.Bytes(pattern(1 << 20))); err != nil {
					t.Errorf("Send: %v", err)
				}
			}
			close(begun)
			drained <- c.Drain(t.Context(), 0)
		},
		OnClose: func(*ws.Conn, ws.CloseEvent) { close(closed) },
	})
	server := p.accept()
	server.texts("go")
	await(t, "handler", begun)
	server.end("reset")
	// A host that counts bytes as sent early, as WebKit does, may have none left to wait for.
	if err := await(t, "return of Drain", drained); err == nil && runtime.GOOS != "js" {
		t.Error("Drain returned nil")
	}
	await(t, "close event", closed)
}
