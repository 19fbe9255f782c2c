// Package wsjson sends and receives Go values as JSON text messages, one value per message. It uses encoding/json, or a
// [Codec] of the program.
//
// Read, ReadInto and Messages wait, so they must not be called inside a js.FuncOf, where they deadlock. Send does not
// wait and may be called there.
package wsjson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/seed2c7e30c3/ws"
)

// ErrBinary is in the *DecodeError of a message that is binary. JSON is text (RFC 8259, section 8.1).
var ErrBinary = errors.New("a binary message is not JSON text")

// DecodeError is the error for a received message that could not be decoded. The connection remains usable: the peer
// has not been told, and the next Read returns the next message.
type DecodeError struct {
	Message ws.Message // the message as it came
	Err     error      // encoding/json's, the Codec's, or ErrBinary
}

// Error says what could not be decoded.
func (e *DecodeError) Error() string { return "wsjson: decoding a message: " + e.Err.Error() }

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Send encodes v as json.Marshal does, queues it as a text message and returns without waiting for the network: see
// [ws.Conn.Send], and [ws.Conn.Drain] for programs that send more than the network takes.
//
// The error is that of encoding/json, for example a *json.UnsupportedTypeError, or that of ws.Conn.Send. In both cases
// nothing has been sent.
func Send(c *ws.Conn, v any) error { return Codec{}.Send(c, v) }

// Read waits for the next message and decodes it into a new T, as json.Unmarshal does.
//
// The error is a *DecodeError, which leaves the connection open and uses up only that message, or an error of
// [ws.Conn.Read]: the *ws.CloseError of a closed connection, ctx.Err(), which leaves the connection as it was, or
// ws.ErrInvalidState. With an error the value is T's zero value.
func Read[T any](ctx context.Context, c *ws.Conn) (T, error) {
	var v T
	if err := ReadInto(ctx, c, &v); err != nil {
		var zero T // v may be half decoded
		return zero, err
	}
	return v, nil
}

// ReadInto waits for the next message and decodes it into the value that v points to, as json.Unmarshal does. Fields
// that the message does not have keep their values, and slices and maps keep their memory. So a program that reads into
// the same value again and again allocates less than with [Read].
//
// The errors are those of Read. After a *DecodeError the value may be partly decoded; after any other error it is
// unchanged. If v is not a pointer, or is nil, the error is a *json.InvalidUnmarshalError, and no message is read.
func ReadInto(ctx context.Context, c *ws.Conn, v any) error { return Codec{}.ReadInto(ctx, c, v) }

// Messages returns an iterator over the values that Read would return. It continues after a *DecodeError, which is
// yielded with T's zero value, and ends after any other error: a *ws.CloseError, even after a clean close, or
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

// Codec sends and receives like the functions of the package, but encodes and decodes with functions of the program:
// those of another JSON package, or encoding/json with other settings, for example one that rejects unknown fields.
// Where a function is nil, encoding/json is used. The functions may be called from as many goroutines at once as use
// the Codec.
type Codec struct {
	// Marshal encodes a value for Send. The result must be valid UTF-8. It is copied before Send returns.
	Marshal func(v any) ([]byte, error)

	// Unmarshal decodes a message for ReadInto, into the value that v points to. It may keep data.
	Unmarshal func(data []byte, v any) error
}

// Send is like the package's [Send], with k.Marshal. The error is that of k.Marshal or of [ws.Conn.Send], which is
// ws.ErrSyntax if the text is not valid UTF-8. In both cases nothing has been sent.
func (k Codec) Send(c *ws.Conn, v any) error {
	marshal := k.Marshal
	if marshal == nil {
		marshal = json.Marshal
	}
	text, err := marshal(v)
	if err != nil {
		return fmt.Errorf("wsjson: encoding a message: %w", err)
	}
	return c.Send(ws.Text(text))
}

// ReadInto is like the package's [ReadInto], with k.Unmarshal. The error of k.Unmarshal is wrapped in the *DecodeError.
func (k Codec) ReadInto(ctx context.Context, c *ws.Conn, v any) error {
	if target := reflect.ValueOf(v); target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("wsjson: decoding a message: %w", &json.InvalidUnmarshalError{Type: reflect.TypeOf(v)})
	}
	m, err := c.Read(ctx)
	if err != nil {
		return err
	}
	text, ok := m.(ws.Text)
	if !ok {
		return &DecodeError{Message: m, Err: ErrBinary}
	}
	unmarshal := k.Unmarshal
	if unmarshal == nil {
		unmarshal = json.Unmarshal
	}
	if err := unmarshal([]byte(text), v); err != nil {
		return &DecodeError{Message: m, Err: err}
	}
	return nil
}
