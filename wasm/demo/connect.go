package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/seed2c7e30c3/ws"
)

// A dialled is one Dial and the events of its connection.
type dialled struct {
	*track
	ctx      context.Context // of the Dial
	opened   chan struct{}   // closed when open has been logged
	closed   chan struct{}   // closed when close has been logged
	messages chan struct{}   // gets a value for each message that has been logged, while there is room
}

// beginDial ends the previous connection, and makes a Dial that can be cancelled from now on. If a Dial already waits,
// it returns nil and logs why.
func (c *Client) beginDial(ctx context.Context, t *track) *dialled {
	d := &dialled{track: t, opened: make(chan struct{}), closed: make(chan struct{}), messages: make(chan struct{}, 16)}
	c.mu.Lock()
	if c.cancel != nil {
		t.addLocked(nil, Line{Kind: Call, Text: "a Dial waits already: cancel it first", Failed: true})
		c.mu.Unlock()
		return nil
	}
	before := c.conn
	c.conn = nil
	d.ctx, c.cancel = context.WithCancel(ctx)
	c.mu.Unlock()
	if before != nil {
		before.CloseNow()
	}
	return d
}

// dial continues what beginDial has begun. It logs the events of the connection until that is closed, returns when Dial
// has, and reports whether there is a connection.
func (c *Client) dial(d *dialled, a Action) bool {
	conn, err := ws.Dial(d.ctx, a.URL, &ws.Options{
		BaseURL:    c.base,
		Protocols:  a.Protocols,
		BinaryType: a.BinaryType,
		OnOpen:     d.open,
		OnMessage:  d.message,
		OnError:    d.failed,
		OnClose:    d.close,
	})
	d.awaitEvents(err)
	what := fmt.Sprintf("Dial(ctx, %q)", a.URL)
	if len(a.Protocols) > 0 {
		what = fmt.Sprintf("Dial(ctx, %q, %s)", a.URL, strings.Join(a.Protocols, ", "))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel()
	c.cancel, c.conn = nil, conn
	d.addLocked(conn, result(what, err))
	return err == nil
}

// awaitEvents waits until the events that belong to the result of Dial are logged, so that the log has the same order
// everywhere. A Dial that was cancelled or had a bad argument has no such events.
func (d *dialled) awaitEvents(err error) {
	var closed *ws.CloseError
	switch {
	case err == nil:
		<-d.opened
	case errors.As(err, &closed):
		<-d.closed
	}
}

func (c *Client) cancelDial(t *track) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel == nil {
		t.addLocked(nil, Line{Kind: Call, Text: "cancel() has no effect: no Dial waits"})
		return
	}
	t.addLocked(nil, Line{Kind: Call, Text: "cancel()"})
	c.cancel()
}

func (d *dialled) open(c *ws.Conn) {
	d.add(c, Line{Kind: Event, Text: "open, protocol " + quote(c.Protocol())})
	close(d.opened)
}

func (d *dialled) message(c *ws.Conn, m ws.Message) {
	d.add(c, Line{Kind: Event, Text: "message " + describe(m)})
	select {
	case d.messages <- struct{}{}:
	default: // nothing waits for that many
	}
}

func (d *dialled) failed(c *ws.Conn, err error) {
	d.add(c, Line{Kind: Event, Text: "error", Failed: true})
}

func (d *dialled) close(c *ws.Conn, e ws.CloseEvent) {
	d.add(c, closeLine(e))
	close(d.closed)
}
