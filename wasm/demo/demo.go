// Package demo is the client program of the demo. It knows nothing of the platform it runs on.
package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed2c7e30c3/ws"
)

// Path is where the echo server is, below the base URL.
const Path = "/echo"

// Protocols are the subprotocols that the program offers. The server speaks the second.
var Protocols = []string{"demo.v2", "demo.v1"}

// Line is one line of the program's log: something that happened, and the connection's readyState and
// bufferedAmount right after a call or in the handler of an event.
type Line struct {
	Event    string
	State    ws.ReadyState
	Buffered int64
}

// String returns the three columns, separated by tabs.
func (l Line) String() string {
	return fmt.Sprintf("%s\t%d %v\t%d", l.Event, l.State, l.State, l.Buffered)
}

// Run connects to the echo server below base, which in a browser may be empty for the page's own, and says what
// happens to log, which is called by one goroutine at a time. It sends text, bytes and a Blob, each when the one
// before has come back, closes with 4000, and returns when the connection is closed.
//
// The error is that of the first call that failed, or wraps the connection's *ws.CloseError; nil if all went as
// intended. When ctx ends, the program ends.
func Run(ctx context.Context, base string, log func(Line)) error {
	r := &run{ctx: ctx, log: log, done: make(chan struct{})}
	c, err := ws.New(Path, &ws.Options{
		BaseURL:   base,
		Protocols: Protocols,
		OnOpen:    r.opened,
		OnMessage: r.received,
		OnError:   r.failed,
		OnClose:   r.closed,
	})
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	<-r.done
	return r.err
}

// run is the state of Run, which its handlers share: they are called one at a time.
type run struct {
	ctx  context.Context
	log  func(Line)
	step int
	err  error
	done chan struct{} // closed at the end of the last handler
}

func (r *run) say(c *ws.Conn, format string, args ...any) {
	r.log(Line{fmt.Sprintf(format, args...), c.ReadyState(), c.BufferedAmount()})
}

func (r *run) opened(c *ws.Conn) {
	r.say(c, "open, protocol %q of %s", c.Protocol(), strings.Join(Protocols, ", "))
	r.next(c)
}

func (r *run) received(c *ws.Conn, m ws.Message) {
	what, err := r.describe(m)
	r.say(c, "message %s", what)
	if err != nil {
		r.fail(c, err)
		return
	}
	r.next(c)
}

// next does the program's next step, in the handler of the event that the last one had.
func (r *run) next(c *ws.Conn) {
	r.step++
	switch r.step {
	case 1:
		r.send(c, ws.Text("Grüße aus Go ✓"))
	case 2:
		r.send(c, ws.Bytes{0, 1, 2, 253, 254, 255})
	case 3:
		c.SetBinaryType(ws.BinaryBlob)
		r.say(c, "binaryType = %s", c.BinaryType())
		blob, err := ws.NewBlob("text/plain", ws.Text("text and "), ws.Bytes("bytes"), ws.NewArrayBuffer([]byte{'!'}))
		if err != nil {
			r.fail(c, err)
			return
		}
		r.send(c, blob)
	case 4:
		if err := c.CloseWith(4000, "that is all"); err != nil {
			r.fail(c, err)
			return
		}
		r.say(c, "close(4000, %q)", "that is all")
	}
}

func (r *run) send(c *ws.Conn, m ws.Message) {
	what, err := r.describe(m)
	if err == nil {
		err = c.Send(m)
	}
	r.say(c, "send(%s)", what)
	if err != nil {
		r.fail(c, err)
	}
}

func (r *run) failed(c *ws.Conn, _ error) {
	// The error's text is the platform's; browsers tell no cause.
	r.say(c, "error")
}

func (r *run) closed(c *ws.Conn, e ws.CloseEvent) {
	r.say(c, "close %d %q, wasClean %t", e.Code, e.Reason, e.WasClean)
	switch {
	case r.err != nil || r.step == 4 && e.WasClean:
	case r.ctx.Err() != nil:
		r.err = r.ctx.Err()
	default:
		r.err = fmt.Errorf("the connection was closed in step %d of 4: %w", r.step, c.Err())
	}
	close(r.done)
}

// fail ends the program for a reason of its own.
func (r *run) fail(c *ws.Conn, err error) {
	r.err = err
	c.Close()
}

func (r *run) describe(m ws.Message) (string, error) {
	switch m := m.(type) {
	case ws.Text:
		return fmt.Sprintf("text %q", string(m)), nil
	case ws.Bytes:
		return fmt.Sprintf("bytes % x", []byte(m)), nil
	case *ws.ArrayBuffer:
		return fmt.Sprintf("ArrayBuffer % x", m.Bytes()), nil
	case *ws.Blob:
		text, err := m.Text(r.ctx)
		return fmt.Sprintf("Blob %q, type %q", text, m.Type()), err
	}
	return "", fmt.Errorf("%T is no message", m)
}
