package netconn

import (
	"context"
	"time"

	"github.com/seed2c7e30c3/ws"
)

func (c *conn) Close() error {
	deadline, first := c.writeLimit.close()
	if !first {
		return nil
	}
	c.readLimit.close()
	// If a Write is under way, what it has written goes before the Close frame. It no longer waits: it ends now.
	c.writing <- struct{}{}
	incomplete := c.output.n
	release(c.writing)
	if err := c.ws.CloseWith(ws.StatusNormalClosure, ""); err != nil {
		return c.opError("close", err)
	}
	c.awaitSent(deadline)
	c.forget()
	if incomplete > 0 {
		return c.opError("close", syntaxError("what was written ends within a character"))
	}
	return nil
}

// awaitSent waits until everything has been given to the network, but at most for CloseTimeout, and at most until a
// deadline, if that is not zero.
func (c *conn) awaitSent(deadline time.Time) {
	bound := time.Now().Add(c.config.CloseTimeout)
	if !deadline.IsZero() && deadline.Before(bound) {
		bound = deadline
	}
	ctx, cancel := context.WithDeadline(context.Background(), bound)
	defer cancel()
	// An error says that the connection is lost or that time is up: in either case there is nothing left to wait for.
	_ = c.ws.Drain(ctx, 0)
}

// forget drops what has been received. If a Read is about to end, that Read does it.
func (c *conn) forget() {
	select {
	case c.reading <- struct{}{}:
		c.input = input{}
		release(c.reading)
	default:
	}
}
