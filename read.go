package ws

import (
	"context"
	"errors"
)

// errOtherKind is returned by take if the next message does not suit the Read.
var errOtherKind = errors.New("ws: the next message is of another kind")

// take is like Read, for a message that suits a request. It is separate from Read, and not a method, so that a program
// that only calls Read is linked without it.
func take(ctx context.Context, c *Conn, r request) (payload, error) {
	if err := checkContext(ctx); err != nil {
		return payload{}, err
	}
	if c.onMessage != nil {
		return payload{}, errHandled()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case !c.unread.empty() && !c.unread.first().suits(r):
			return payload{}, errOtherKind
		case !c.unread.empty():
			p := c.unread.pop()
			c.messageTaken(p)
			return p, nil
		case c.readyState() == Closed:
			return payload{}, c.end
		}
		if p, ok, err := c.awaitMessage(ctx, r); ok || err != nil {
			return p, err
		}
	}
}

// errHandled returns the error of a Read on a connection whose messages go to a handler.
func errHandled() error {
	return exception(ErrInvalidState, "Read of a connection whose messages go to OnMessage")
}
