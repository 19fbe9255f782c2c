package wsjson_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wsjson"
)

// TestReadInto: a value that the program has keeps what the message does not have, memory included.
func TestReadInto(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/echo", nil)
	for _, text := range []ws.Text{`{"piece":"rook","notes":["a","b"]}`, `{"from":[1,2],"notes":["c"]}`} {
		if err := c.Send(text); err != nil {
			t.Fatal(err)
		}
	}
	var v move
	want := move{Piece: "rook", Notes: []string{"a", "b"}}
	if err := wsjson.ReadInto(ctx, c, &v); err != nil || !reflect.DeepEqual(v, want) {
		t.Fatalf("ReadInto: %+v, %v", v, err)
	}
	notes := v.Notes
	want = move{Piece: "rook", From: [2]int{1, 2}, Notes: []string{"c"}}
	if err := wsjson.ReadInto(ctx, c, &v); err != nil || !reflect.DeepEqual(v, want) {
		t.Fatalf("ReadInto: %+v, %v", v, err)
	}
	if &notes[0] != &v.Notes[0] {
		t.Error("the slice has got other memory")
	}
}

// TestReadIntoNothing: an argument into which nothing can be decoded is an error, and no message is read.
func TestReadIntoNothing(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/echo", nil)
	if err := wsjson.Send(c, 1); err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string]any{
		"nil": nil, "a nil pointer": (*int)(nil), "no pointer": 1, "a map": map[string]any{},
	} {
		var invalid *json.InvalidUnmarshalError
		if err := wsjson.ReadInto(ctx, c, v); !errors.As(err, &invalid) || invalid.Type != reflect.TypeOf(v) {
			t.Errorf("ReadInto of %s: %v", what, err)
		}
	}
	var got int
	if err := wsjson.ReadInto(ctx, c, &got); err != nil || got != 1 {
		t.Errorf("ReadInto: %d, %v", got, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := wsjson.ReadInto(ended, c, &got); !errors.Is(err, context.Canceled) || got != 1 {
		t.Errorf("ReadInto with a context that has ended: %d, %v", got, err)
	}
}

// strict refuses fields that the value does not have, and indents what it sends.
var strict = wsjson.Codec{
	Marshal: func(v any) ([]byte, error) { return json.MarshalIndent(v, "", " ") },
	Unmarshal: func(data []byte, v any) error {
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil {
			return err
		}
		if _, err := d.Token(); err != io.EOF {
			return errors.New("more than one value")
		}
		return nil
	},
}

func TestCodec(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), dial(t, "/echo", nil)
	if err := strict.Send(c, []int{1}); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Read(ctx); err != nil || m != ws.Message(ws.Text("[\n 1\n]")) {
		t.Errorf("what Marshal made came as %q, %v", m, err)
	}
	want := move{Piece: "rook", From: [2]int{1, 2}}
	if err := strict.Send(c, want); err != nil {
		t.Fatal(err)
	}
	var got move
	if err := strict.ReadInto(ctx, c, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ReadInto: %+v, %v", got, err)
	}
	for text, reason := range map[ws.Text]string{`{"colour":1}`: "unknown field", `{} {}`: "more than one value"} {
		if err := c.Send(text); err != nil {
			t.Fatal(err)
		}
		var decode *wsjson.DecodeError
		err := strict.ReadInto(ctx, c, &got)
		if !errors.As(err, &decode) || decode.Message != ws.Message(text) || !strings.Contains(err.Error(), reason) {
			t.Errorf("ReadInto of %q: %v", text, err)
		}
	}
	if err := c.Send(ws.Bytes(`{}`)); err != nil {
		t.Fatal(err)
	}
	if err := strict.ReadInto(ctx, c, &got); !errors.Is(err, wsjson.ErrBinary) {
		t.Errorf("ReadInto of a binary message: %v", err)
	}
}

// TestCodecFails: values that Marshal refuses, and results that are not text, are not sent.
func TestCodecFails(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	refused := errors.New("refused")
	codec := wsjson.Codec{Marshal: func(v any) ([]byte, error) {
		if v == nil {
			return nil, refused
		}
		return []byte("\xff"), nil
	}}
	if err := codec.Send(c, nil); !errors.Is(err, refused) {
		t.Errorf("Send: %v, want %v", err, refused)
	}
	if err := codec.Send(c, 1); !errors.Is(err, ws.ErrSyntax) {
		t.Errorf("Send of invalid UTF-8: %v, want %v", err, ws.ErrSyntax)
	}
	if err := wsjson.Send(c, "first"); err != nil {
		t.Fatal(err)
	}
	var got string
	// A nil function is encoding/json's.
	if err := codec.ReadInto(within(t), c, &got); err != nil || got != "first" {
		t.Errorf("the first message is %q, %v", got, err)
	}
}
