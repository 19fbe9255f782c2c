package netconn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/seed2c7e30c3/ws"
)

// errOnMessage is Dial's error if Options.OnMessage is set.
var errOnMessage error = &ws.Exception{
	Name:    ws.ErrInvalidState.(*ws.Exception).Name,
	Message: "a stream whose messages go to OnMessage",
}

// notText returns the error for bytes that are not UTF-8 from an offset on.
func notText(what string, at int) error {
	return syntaxError(what + " are not valid UTF-8 at byte " + strconv.Itoa(at))
}

func syntaxError(what string) error {
	return &ws.Exception{Name: ws.ErrSyntax.(*ws.Exception).Name, Message: what}
}

// failure returns the error of a call that failed with err, and whose context was end.
func (c *conn) failure(op string, end *ending, err error) error {
	var closed *ws.CloseError
	switch {
	case end.Err() == context.Canceled, c.readLimit.current().Err() == context.Canceled: // Close ends Writes before Reads
		err = net.ErrClosed // whatever else happened
	case err == end.Err():
		err = os.ErrDeadlineExceeded
	case op == "read" && errors.As(err, &closed) && isEnd(closed.CloseEvent):
		return io.EOF
	}
	return c.opError(op, err)
}

func (c *conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: network, Addr: c.RemoteAddr(), Err: err}
}

// isEnd reports whether the peer ended the stream, and did not just lose it.
func isEnd(e ws.CloseEvent) bool {
	switch e.Code {
	case ws.StatusNormalClosure, ws.StatusGoingAway, ws.StatusNoStatusRcvd:
		return e.WasClean
	}
	return false
}
