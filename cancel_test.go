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

// TestCancelDial: a cancelled Dial ends its TCP connection, so that a browser, which opens one connection at a time
// to an address, does not hold up the next.
func TestCancelDial(t *testing.T) {
	t.Parallel()
	onHost(t, func(t testing.TB) {
		p := newPeer(t)
		ctx, cancel := context.WithCancel(testContext(t))
		defer cancel()
		opts := &ws.Options{}
		log := record(opts)
		dialled := make(chan error, 1)
		go func() {
			c, err := ws.Dial(ctx, p.URL, opts)
			if c != nil {
				err = errors.Join(err, errors.New("Dial returned a connection"))
			}
			dialled <- err
		}()
		// The server is silent: it has accepted TCP and read the request.
		p.conn(0).request()
		cancel()
		if err := await(t, "end of Dial", dialled); !errors.Is(err, context.Canceled) {
			t.Errorf("Dial returned %v, want %v", err, context.Canceled)
		}
		log.want(t, "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)

		// Now it answers, but not the old attempt: only the client can have ended that.
		start := time.Now()
		var c *ws.Conn
		opened := make(chan error, 1)
		go func() {
			var err error
			c, err = ws.Dial(testContext(t), p.URL, nil)
			opened <- err
		}()
		p.conn(1).accept("")
		if err := await(t, "end of the second Dial", opened); err != nil {
			t.Fatal(err)
		}
		closeAfter(t, c)
		t.Logf("the second Dial took %v", time.Since(start))
		p.conn(1).texts("hello")
		wantText(t, read(t, c), "hello")
	})
}

// TestAbandonedTCP: the TCP connection of an attempt that is given up ends, without a frame on it.
func TestAbandonedTCP(t *testing.T) {
	t.Parallel()
	for name, abandon := range map[string]func(*ws.Conn){
		"Close":     func(c *ws.Conn) { c.Close() },
		"CloseWith": func(c *ws.Conn) { c.CloseWith(4000, "no more") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onHost(t, func(t testing.TB) {
				p := newPeer(t)
				c := construct(t, p.URL, nil)
				p.conn(0).request()
				abandon(c)
				if frames := p.conn(0).rest(); len(frames) > 0 {
					t.Errorf("the client sent %s", showFrame(frames[0]))
				}
			})
		})
	}
}

func TestDialDeadline(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	ctx, cancel := context.WithTimeout(testContext(t), 100*time.Millisecond)
	defer cancel()
	opts := &ws.Options{}
	log := record(opts)
	if c, err := ws.Dial(ctx, p.URL, opts); c != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial returned %v, %v, want %v", c, err, context.DeadlineExceeded)
	}
	log.want(t, "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)
}

// TestDialContextEndsWithDial: the context has no effect once Dial has returned.
func TestDialContextEndsWithDial(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(testContext(t))
	c, err := ws.Dial(ctx, absolute("/echo"), nil)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, c)
	cancel()
	send(t, c, ws.Text("still open"))
	wantText(t, read(t, c), "still open")
}

// TestCancelRead: a cancelled Read leaves the connection as it was and loses nothing.
func TestCancelRead(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 3)
	go func() {
		_, err := c.Read(ctx)
		ended <- err
	}()
	go func() {
		for _, err := range c.Messages(ctx) {
			ended <- err
		}
		ended <- errors.New("the loop ended")
	}()
	cancel()
	errs := []error{await(t, "end of Read", ended), await(t, "end of Messages", ended), await(t, "end of the loop", ended)}
	n := 0
	for _, err := range errs {
		if errors.Is(err, context.Canceled) {
			n++
		}
	}
	if n != 2 {
		t.Errorf("Read and Messages returned %v, want %v", errs, context.Canceled)
	}
	wantState(t, c, ws.Open)
	send(t, c, ws.Text("after"))
	if _, err := c.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Read with an ended context returned %v although a message may be there", err)
	}
	wantText(t, read(t, c), "after")

	late, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.Read(late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read returned %v, want %v", err, context.DeadlineExceeded)
	}
	wantState(t, c, ws.Open)
}

// TestCancelReadRace: Reads that are cancelled while messages come lose none and change no order.
func TestCancelReadRace(t *testing.T) {
	t.Parallel()
	const n = 500
	c := dial(t, "/echo", nil)
	failed := make(chan error, 1)
	go func() {
		for i := range n {
			if err := c.Send(ws.Text(strconv.Itoa(i))); err != nil {
				failed <- err
				return
			}
			if i%10 == 0 {
				if err := c.Drain(context.Background(), 0); err != nil {
					failed <- err
					return
				}
			}
		}
	}()
	deadline := testContext(t)
	cancelled := 0
	for i := 0; i < n; {
		ctx, cancel := context.WithCancel(deadline)
		go cancel()
		m, err := c.Read(ctx)
		cancel()
		switch {
		case err == nil:
			wantText(t, m, strconv.Itoa(i))
			i++
		case deadline.Err() != nil:
			t.Fatalf("message %d has not come", i)
		case errors.Is(err, context.Canceled):
			if cancelled++; cancelled%8 == 0 {
				// So that hosts with one thread get to receive.
				wantText(t, read(t, c), strconv.Itoa(i))
				i++
			}
		default:
			t.Fatal(err)
		}
		select {
		case err := <-failed:
			t.Fatal(err)
		default:
		}
	}
}

// TestCancelWait: a cancelled Wait leaves the connection as it was.
func TestCancelWait(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ev, err := c.Wait(ctx)
		if ev != (ws.CloseEvent{}) {
			err = fmt.Errorf("Wait returned %+v", ev)
		}
		ended <- err
	}()
	cancel()
	if err := await(t, "end of Wait", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait returned %v, want %v", err, context.Canceled)
	}
	send(t, c, ws.Text("hello"))
	wantText(t, read(t, c), "hello")
	wantState(t, c, ws.Open)
	c.Close()
	wait(t, c)
	if _, err := c.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with an ended context returned %v", err)
	}
}
