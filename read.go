package ws

import (
	"context"
	"errors"
)

// errOtherKind is what take returns when the next message is none that the Read can have.
var errOtherKind = errors.New("ws: the next message is of another kind")

// take is Read of a message that suits a request. It stands apart from Read, and is no method, so that a program that
// calls nothing but Read has nothing of it.
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
		case c.unread.len() > 0 && !c.unread.first().suits(r):
			return payload{}, errOtherKind
		case c.unread.len() > 0:
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

// errHandled is the error of a Read of a connection that has a handler.
func errHandled() error {
	return exception(ErrInvalidState, "Read of a connection whose messages go to OnMessage")
}
