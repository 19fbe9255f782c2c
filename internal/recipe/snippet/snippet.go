// Package snippet has the short pieces of code in docs that belong to no program.
package snippet

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/seed2c7e30c3/ws"
)

// upload sends what r has, with at most 1 MiB waiting in memory.
func upload(ctx context.Context, c *ws.Conn, r io.Reader) error {
	block := make([]byte, 64<<10)
	for {
		n, err := r.Read(block)
		if n > 0 {
			if err := c.Drain(ctx, 1<<20); err != nil {
				return err
			}
			if err := c.Send(ws.Bytes(block[:n])); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return c.Drain(ctx, 0)
		}
		if err != nil {
			return err
		}
	}
}

// why says for a user what an error of any method means.
func why(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "the server does not answer"
	case errors.Is(err, ws.ErrMessageTooBig):
		return "the server sent too much"
	case errors.Is(err, ws.ErrInvalidState):
		return "the connection is not open any more"
	}
	if refused, ok := errors.AsType[*ws.HandshakeError](err); ok { // never in a browser
		return fmt.Sprintf("the server refused: %d %s", refused.StatusCode, refused.Body)
	}
	switch code := ws.CloseStatus(err); code {
	case 0: // no CloseError: a bad argument, for example
		return err.Error()
	case ws.StatusNormalClosure, ws.StatusGoingAway:
		return "the server has ended the connection"
	case ws.StatusAbnormalClosure:
		return "the connection is lost"
	default:
		return "the server has closed the connection with " + code.String()
	}
}
