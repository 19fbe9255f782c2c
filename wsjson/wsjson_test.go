package wsjson_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wsjson"
)

type move struct {
	Piece string   `json:"piece"`
	From  [2]int   `json:"from"`
	Notes []string `json:"notes,omitempty"`
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, path string, options *ws.Options) *ws.Conn {
	t.Helper()
	c, err := ws.Dial(within(t), server(t)+path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSendAndRead(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/echo", nil)
	want := move{Piece: "König <&> \u2028 \U0001F451", From: [2]int{-1, 7},
		Notes: []string{"", strings.Repeat("x", 100_000)}}
	if err := wsjson.Send(c, want); err != nil {
		t.Fatal(err)
	}
	if got, err := wsjson.Read[move](ctx, c); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read: %+v, %v", got, err)
	}
	if err := wsjson.Send(c, &want); err != nil {
		t.Fatal(err)
	}
	if got, err := wsjson.Read[*move](ctx, c); err != nil || !reflect.DeepEqual(got, &want) {
		t.Errorf("Read of a pointer: %+v, %v", got, err)
	}
	for _, v := range []any{nil, true, 1.5, "text", []any{"a", nil}, map[string]any{"k": "v"}} {
		if err := wsjson.Send(c, v); err != nil {
			t.Fatal(err)
		}
		if got, err := wsjson.Read[any](ctx, c); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("Read: %#v, %v; want %#v", got, err, v)
		}
	}
	// It is one text message, and nothing else.
	if err := wsjson.Send(c, want.From); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Read(ctx); m != ws.Text("[-1,7]") || err != nil {
		t.Errorf("the message is %#v, %v", m, err)
	}
}

func TestSendFails(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/echo", nil)
	var badType *json.UnsupportedTypeError
	if err := wsjson.Send(c, func() {}); !errors.As(err, &badType) {
		t.Errorf("Send of a function: %v", err)
	}
	var badValue *json.UnsupportedValueError
	if err := wsjson.Send(c, math.NaN()); !errors.As(err, &badValue) {
		t.Errorf("Send of NaN: %v", err)
	}
	if n := c.BufferedAmount(); n != 0 {
		t.Errorf("BufferedAmount is %d", n)
	}
	if err := wsjson.Send(c, "first"); err != nil {
		t.Fatal(err)
	}
	if got, err := wsjson.Read[string](ctx, c); got != "first" || err != nil {
		t.Errorf("the first message is %q, %v", got, err)
	}
	c.Close()
	if err := wsjson.Send(c, "late"); !errors.Is(err, ws.ErrInvalidState) {
		t.Errorf("Send after Close: %v", err)
	}
}

// A message that cannot be decoded is an error of its own, and only of its own.
func TestUndecodable(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/echo", nil)
	bad := []ws.Text{"", "{", `{"piece":1}`, `{} {}`, "nul", `{"from":[1,2],}`}
	for _, text := range bad {
		if err := c.Send(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Send(ws.Bytes(`{}`)); err != nil {
		t.Fatal(err)
	}
	if err := wsjson.Send(c, move{Piece: "rook"}); err != nil {
		t.Fatal(err)
	}
	var decode *wsjson.DecodeError
	for _, text := range bad {
		v, err := wsjson.Read[move](ctx, c)
		if !errors.As(err, &decode) || decode.Message != ws.Message(text) || !reflect.DeepEqual(v, move{}) {
			t.Errorf("Read of %q: %+v, %v", text, v, err)
		}
	}
	_, err := wsjson.Read[move](ctx, c)
	if !errors.Is(err, wsjson.ErrBinary) || !errors.As(err, &decode) {
		t.Fatalf("Read of a binary message: %v", err)
	}
	if b, ok := decode.Message.(*ws.ArrayBuffer); !ok || string(b.Bytes()) != `{}` {
		t.Errorf("the error's message is %#v", decode.Message)
	}
	if v, err := wsjson.Read[move](ctx, c); v.Piece != "rook" || err != nil {
		t.Errorf("Read after the undecodable messages: %+v, %v", v, err)
	}
	if c.ReadyState() != ws.Open {
		t.Errorf("the connection is %v", c.ReadyState())
	}
}

func TestUndecodableReasons(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/echo", nil)
	for _, text := range []ws.Text{`{"piece":1}`, `{"piece"`} {
		if err := c.Send(text); err != nil {
			t.Fatal(err)
		}
	}
	var mismatch *json.UnmarshalTypeError
	if _, err := wsjson.Read[move](ctx, c); !errors.As(err, &mismatch) || mismatch.Field != "piece" {
		t.Errorf("Read of a number for a string: %v", err)
	}
	var syntax *json.SyntaxError
	if _, err := wsjson.Read[move](ctx, c); !errors.As(err, &syntax) {
		t.Errorf("Read of half a message: %v", err)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/echo", nil)
	for i := range 3 {
		if err := wsjson.Send(c, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Send(ws.Text("no JSON")); err != nil {
		t.Fatal(err)
	}
	for i := 4; i < 6; i++ {
		if err := wsjson.Send(c, i); err != nil {
			t.Fatal(err)
		}
	}
	next := 0
	for v, err := range wsjson.Messages[int](ctx, c) {
		if v != next || err != nil {
			t.Fatalf("message %d: %d, %v", next, v, err)
		}
		if next++; next == 2 {
			break
		}
	}
	// The second loop goes on where the first was left, and past what is no JSON.
	for v, err := range wsjson.Messages[int](ctx, c) {
		var decode *wsjson.DecodeError
		switch {
		case next == 3 && (!errors.As(err, &decode) || v != 0), next != 3 && (v != next || err != nil):
			t.Fatalf("message %d: %d, %v", next, v, err)
		}
		if next++; next == 6 {
			break
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	rounds := 0
	for _, err := range wsjson.Messages[int](cancelled, c) {
		if rounds++; err != context.Canceled {
			t.Errorf("after cancelling: %v", err)
		}
	}
	if rounds != 1 {
		t.Errorf("%d rounds after cancelling, want 1", rounds)
	}
}

func TestPeerCloses(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/close?messages=2&code=4123&reason=bye", nil)
	var errs []error
	for _, err := range wsjson.Messages[string](ctx, c) {
		errs = append(errs, err)
	}
	var decode *wsjson.DecodeError
	var closed *ws.CloseError
	if len(errs) != 3 || !errors.As(errs[0], &decode) || !errors.As(errs[1], &decode) || !errors.As(errs[2], &closed) ||
		closed.Code != 4123 || closed.Reason != "bye" {
		t.Errorf("two undecodable messages and a close gave %q", errs)
	}
}

func TestMessagesGoElsewhere(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", &ws.Options{OnMessage: func(*ws.Conn, ws.Message) {}})
	if _, err := wsjson.Read[any](within(t), c); !errors.Is(err, ws.ErrInvalidState) {
		t.Errorf("Read: %v", err)
	}
}

// TestNilContext: a context that is nil is a documented error, and takes no message.
func TestNilContext(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	if err := wsjson.Send(c, 1); err != nil {
		t.Fatal(err)
	}
	var none context.Context
	want := &ws.Exception{Name: "TypeError"}
	if _, err := wsjson.Read[int](none, c); !errors.Is(err, want) {
		t.Errorf("Read: %v, want %v", err, want)
	}
	for _, err := range wsjson.Messages[int](none, c) {
		if !errors.Is(err, want) {
			t.Errorf("Messages: %v, want %v", err, want)
		}
	}
	if got, err := wsjson.Read[int](within(t), c); err != nil || got != 1 {
		t.Errorf("Read: %v, %v", got, err)
	}
}
