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
	opened   chan struct{} // closed when open has been logged
	closed   chan struct{} // closed when close has been logged
	messages chan struct{} // gets one for each message that has been logged, while there is room
}

// connect dials and logs the events of the connection, until it is closed. It returns when Dial has.
func (c *Client) connect(ctx context.Context, t *track, a Action) *dialled {
	d := &dialled{track: t, opened: make(chan struct{}), closed: make(chan struct{}), messages: make(chan struct{}, 16)}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !c.beginDial(t, cancel) {
		return nil
	}
	conn, err := ws.Dial(ctx, a.URL, &ws.Options{
		BaseURL:    c.base,
		Protocols:  a.Protocols,
		BinaryType: a.BinaryType,
		OnOpen:     d.open,
		OnMessage:  d.message,
		OnError:    d.failed,
		OnClose:    d.close,
	})
	d.awaitEvents(err)
	c.endDial(d, conn, a, err)
	return d
}

// beginDial ends the connection before, and takes the place of the Dial that waits. It reports whether there was none.
func (c *Client) beginDial(t *track, cancel context.CancelFunc) bool {
	c.mu.Lock()
	if c.cancel != nil {
		t.addLocked(nil, Line{Kind: Call, Text: "a Dial waits already: cancel it first", Failed: true})
		c.mu.Unlock()
		return false
	}
	before := c.conn
	c.cancel, c.conn = cancel, nil
	c.mu.Unlock()
	if before != nil {
		before.CloseNow()
	}
	return true
}

func (c *Client) endDial(d *dialled, conn *ws.Conn, a Action, err error) {
	what := fmt.Sprintf("Dial(ctx, %q)", a.URL)
	if len(a.Protocols) > 0 {
		what = fmt.Sprintf("Dial(ctx, %q, %s)", a.URL, strings.Join(a.Protocols, ", "))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel, c.conn = nil, conn
	d.addLocked(conn, result(what, err))
}

// awaitEvents waits until the events are logged that come with what Dial has returned, so that the log has one order
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
	default: // nobody counts that far
	}
}

func (d *dialled) failed(c *ws.Conn, err error) {
	d.add(c, Line{Kind: Event, Text: "error", Failed: true})
}

func (d *dialled) close(c *ws.Conn, e ws.CloseEvent) {
	d.add(c, closeLine(e))
	close(d.closed)
}
