package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/examples/chat/room"
	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func joined(t *testing.T, roomURL, name string) *ws.Conn {
	t.Helper()
	c, err := join(harness.Context(t), roomURL, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Shutdown(context.WithoutCancel(t.Context()), ws.StatusNormalClosure, "") })
	return c
}

// newRoom returns the URL of a room that nobody else is in.
func newRoom(t *testing.T) string { return harness.URL(t) + "/" + harness.Unique(t) }

// listener hears what is said, line by line.
type listener struct {
	t     *testing.T
	lines chan string
	ended chan error
}

func listen(t *testing.T, c *ws.Conn) *listener {
	l := &listener{t: t, lines: make(chan string, 1000), ended: make(chan error, 1)}
	go func() { l.ended <- hear(harness.Context(t), c, func(m room.Message) { l.lines <- line(m) }) }()
	return l
}

func (l *listener) next() string {
	l.t.Helper()
	select {
	case line := <-l.lines:
		return line
	case err := <-l.ended:
		l.t.Fatalf("the connection ended with %v", err)
	case <-harness.Context(l.t).Done():
		l.t.Fatal("nothing was said")
	}
	panic("unreachable")
}

func (l *listener) want(lines ...string) {
	l.t.Helper()
	for _, want := range lines {
		if got := l.next(); got != want {
			l.t.Fatalf("heard %q, want %q", got, want)
		}
	}
}

// lineWriter passes on what is written to it.
type lineWriter chan<- string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestRun(t *testing.T) {
	url := newRoom(t)
	bob := listen(t, joined(t, url, "Bob"))
	bob.want("Bob has joined")

	in, say := io.Pipe()
	out := make(chan string, 10)
	ended := make(chan error, 1)
	go func() { ended <- run(harness.Context(t), in, lineWriter(out), url, "Ann & Co.") }()
	bob.want("Ann & Co. has joined")
	fmt.Fprintln(say, "hello <Bob>")
	bob.want("Ann & Co.: hello <Bob>")
	for _, want := range []string{"Ann & Co. has joined\n", "Ann & Co.: hello <Bob>\n"} {
		if got := <-out; got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
	say.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	bob.want("Ann & Co. has left")
}

func TestRefused(t *testing.T) {
	for _, name := range []string{"", " ", strings.Repeat("long", 20)} {
		if c, err := join(harness.Context(t), newRoom(t), name); err == nil {
			c.CloseNow()
			t.Errorf("somebody called %q got in", name)
		}
	}
}

// Everybody hears the same in the same order, whoever speaks at the same time.
func TestOrder(t *testing.T) {
	const members, lines = 4, 50
	url := newRoom(t)
	var conns []*ws.Conn
	var listeners []*listener
	for i := range members {
		c := joined(t, url, fmt.Sprint(i))
		conns = append(conns, c)
		l := listen(t, c)
		for _, other := range append(listeners, l) {
			other.want(fmt.Sprint(i, " has joined"))
		}
		listeners = append(listeners, l)
	}
	var speaking sync.WaitGroup
	for _, c := range conns {
		speaking.Go(func() {
			for i := range lines {
				if err := c.Send(ws.Text(fmt.Sprint(i))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	speaking.Wait()
	var first []string
	for _, l := range listeners {
		var heard []string
		for range members * lines {
			heard = append(heard, l.next())
		}
		if first == nil {
			first = heard
		}
		if !slices.Equal(heard, first) {
			t.Errorf("one heard %q, another %q", first, heard)
		}
	}
}

// A message that is not text ends the connection of its sender, and no other.
func TestBinary(t *testing.T) {
	url := newRoom(t)
	ann := listen(t, joined(t, url, "Ann"))
	ann.want("Ann has joined") // the server may take a while to notice that she is there
	c := joined(t, url, "Bob")
	if err := c.Send(ws.Bytes("hello")); err != nil {
		t.Fatal(err)
	}
	if err := hear(harness.Context(t), c, func(room.Message) {}); ws.CloseStatus(err) != ws.StatusUnsupportedData {
		t.Errorf("the connection ended with %v", err)
	}
	ann.want("Bob has joined", "Bob has left")
}
