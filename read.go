package ws

import (
	"context"
	"errors"
)

// request says what a Read asks for.
type request struct {
	want want
	room []byte // of a ReadAppend: where the message may be written; its length is 0
}

// want is which messages a Read can have. The next message stays the next one if it is none of them.
type want uint8

const (
	anyMessage want = iota
	onlyText        // ReadText
	inMemory        // ReadBytes: no Blob whose bytes the host has
	appended        // ReadAppend: the same
)

// errOtherKind is what take returns when the next message is none that the Read can have.
var errOtherKind = errors.New("ws: the next message is of another kind")

// take takes the next message, waiting for it if necessary. It also returns the BinaryType at that moment.
func (c *Conn) take(ctx context.Context, r request) (p payload, t BinaryType, err error) {
	if err := checkContext(ctx); err != nil {
		return payload{}, "", err
	}
	if c.onMessage != nil {
		return payload{}, "", exception(ErrInvalidState, "Read of a connection whose messages go to OnMessage")
	}
	c.mu.Lock()
	for ok := false; !ok; {
		switch {
		case c.unread.len() > 0:
			if !c.unread.first().suits(r.want) {
				err = errOtherKind
				break
			}
			p, ok = c.unread.pop(), true
			c.messageTaken(p)
		case c.readyState() == Closed:
			err = c.end
		default:
			p, ok, err = c.awaitMessage(ctx, r)
		}
		if err != nil {
			break
		}
	}
	t = c.binaryType
	c.mu.Unlock() // not deferred: a defer in a loop took a tenth of the time of a small message
	return p, t, err
}
