// Package wsjson sends and reads Go values as JSON text messages, one value a message, by encoding/json.
package wsjson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/seed2c7e30c3/ws"
)

// ErrBinary is in the *DecodeError of a message that is not text. JSON is text (RFC 8259, section 8.1).
var ErrBinary = errors.New("a binary message is no JSON text")

// DecodeError is a received message that could not be decoded. The connection is as usable as before: the peer has
// not been told, and the next Read gets the next message.
type DecodeError struct {
	Message ws.Message // the message as it came
	Err     error      // encoding/json's, or ErrBinary
}

// Error says what could not be decoded.
func (e *DecodeError) Error() string { return "wsjson: decoding a message: " + e.Err.Error() }

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Send queues v as a text message, encoded as json.Marshal does, and returns without waiting for the network: see
// ws.Conn.Send, and ws.Conn.Drain for programs that send more than the network takes.
//
// The error is encoding/json's, for example a *json.UnsupportedTypeError, or that of ws.Conn.Send. Nothing has been
// sent then.
func Send(c *ws.Conn, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("wsjson: encoding a message: %w", err)
	}
	return c.Send(ws.Text(text))
}

// Read waits for the next message and decodes it as json.Unmarshal does, into a new T.
//
// The error is a *DecodeError, which leaves the connection open and takes that message only, or that of
// ws.Conn.Read: the
// *ws.CloseError of a connection that is closed, ctx.Err(), which leaves the connection as it was, or ws.ErrInvalidState.
// The value is T's zero value then.
func Read[T any](ctx context.Context, c *ws.Conn) (T, error) {
	var zero T
	m, err := c.Read(ctx)
	if err != nil {
		return zero, err
	}
	text, ok := m.(ws.Text)
	if !ok {
		return zero, &DecodeError{Message: m, Err: ErrBinary}
	}
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return zero, &DecodeError{Message: m, Err: err}
	}
	return v, nil
}

// Messages returns an iterator over the values that Read would return. It goes on after a *DecodeError, which is
// yielded with T's zero value, and ends after any other error: a *ws.CloseError, also after a clean close, or
// ctx.Err(). Breaking out of the loop loses no message.
func Messages[T any](ctx context.Context, c *ws.Conn) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := Read[T](ctx, c)
			if !yield(v, err) {
				return
			}
			var undecoded *DecodeError
			if err != nil && !errors.As(err, &undecoded) {
				return
			}
		}
	}
}
