// Package wsjson sends and reads Go values as JSON text messages, one value a message, by encoding/json or by a [Codec]
// of the program's.
//
// Read, ReadInto and Messages wait, so they must not be called inside a js.FuncOf, where they deadlock. Send does not
// wait and may be.
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

// ErrBinary is in the *DecodeError of a message that is not text. JSON is text (RFC 8259, section 8.1).
var ErrBinary = errors.New("a binary message is no JSON text")

// DecodeError is a received message that could not be decoded. The connection is as usable as before: the peer has
// not been told, and the next Read gets the next message.
type DecodeError struct {
	Message ws.Message // the message as it came
	Err     error      // encoding/json's, the Codec's, or ErrBinary
}

// Error says what could not be decoded.
func (e *DecodeError) Error() string { return "wsjson: decoding a message: " + e.Err.Error() }

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Send queues v as a text message, encoded as json.Marshal does, and returns without waiting for the network: see
// [ws.Conn.Send], and [ws.Conn.Drain] for programs that send more than the network takes.
//
// The error is encoding/json's, for example a *json.UnsupportedTypeError, or that of ws.Conn.Send. Nothing has been
// sent then.
func Send(c *ws.Conn, v any) error { return Codec{}.Send(c, v) }

// Read waits for the next message and decodes it as json.Unmarshal does, into a new T.
//
// The error is a *DecodeError, which leaves the connection open and takes that message only, or that of
// [ws.Conn.Read]: the *ws.CloseError of a connection that is closed, ctx.Err(), which leaves the connection as it was,
// or ws.ErrInvalidState. The value is T's zero value then.
func Read[T any](ctx context.Context, c *ws.Conn) (T, error) {
	var v T
	if err := ReadInto(ctx, c, &v); err != nil {
		var zero T // v may be half decoded
		return zero, err
	}
	return v, nil
}

// ReadInto waits for the next message and decodes it as json.Unmarshal does, into the value that v points to. Fields
// that the message does not have keep their values, and slices and maps their memory, so a program that reads into the
// same value again and again allocates less than with Read.
//
// The error is that of Read. After a *DecodeError the value may be half decoded; after any other error it is as it was.
// If v is no pointer, or nil, the error is a *json.InvalidUnmarshalError, and no message is taken.
func ReadInto(ctx context.Context, c *ws.Conn, v any) error { return Codec{}.ReadInto(ctx, c, v) }

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

// Codec sends and reads like the functions of the package, with other functions than encoding/json's: those of another
// JSON package, or of encoding/json with other settings, for example one that refuses unknown fields. A nil function is
// encoding/json's. The functions may be called by several goroutines at once, as many as use the Codec.
type Codec struct {
	// Marshal encodes a value for Send. The text must be valid UTF-8. It is copied before Send returns.
	Marshal func(v any) ([]byte, error)

	// Unmarshal decodes a message for ReadInto, into the value that v points to. It may keep data.
	Unmarshal func(data []byte, v any) error
}

// Send is the package's Send, with k.Marshal. Its error is k.Marshal's or that of [ws.Conn.Send], which is ws.ErrSyntax
// if the text is not valid UTF-8. Nothing has been sent then.
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

// ReadInto is the package's ReadInto, with k.Unmarshal, whose error is in the *DecodeError.
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
