package wsjson_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wsjson"
	"github.com/seed2c7e30c3/ws/wstest"
)

// A message that cannot be decoded leaves the connection open.
func ExampleRead() {
	client, server, err := wstest.Pair(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseNow()
	defer server.CloseNow()

	type point struct{ X, Y int }
	ctx := context.Background()
	if err := wsjson.Send(client, point{3, 4}); err != nil {
		fmt.Println(err)
	}
	if err := client.Send(ws.Text("no JSON")); err != nil {
		fmt.Println(err)
	}
	fmt.Println(wsjson.Read[point](ctx, server))
	_, err = wsjson.Read[point](ctx, server)
	_, wrong := errors.AsType[*wsjson.DecodeError](err)
	fmt.Println(wrong, server.ReadyState())
	// Output:
	// {3 4} <nil>
	// true OPEN
}

// The loop continues after a message that cannot be decoded.
func ExampleMessages() {
	client, server, err := wstest.Pair(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseNow()
	defer server.CloseNow()

	for _, text := range []ws.Text{"1", "one", "2"} {
		if err := client.Send(text); err != nil {
			fmt.Println(err)
		}
	}
	if err := client.CloseWith(ws.StatusNormalClosure, ""); err != nil {
		fmt.Println(err)
	}
	for n, err := range wsjson.Messages[int](context.Background(), server) {
		if wrong, ok := errors.AsType[*wsjson.DecodeError](err); ok {
			fmt.Println("no number:", wrong.Message)
		} else if err == nil {
			fmt.Println(n)
		}
	}
	// Output:
	// 1
	// no number: one
	// 2
}

// This Codec rejects messages with fields that the program does not know.
func ExampleCodec() {
	client, server, err := wstest.Pair(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseNow()
	defer server.CloseNow()

	type point struct{ X, Y int }
	strict := wsjson.Codec{Unmarshal: func(data []byte, v any) error {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		return decoder.Decode(v)
	}}
	for _, v := range []any{point{3, 4}, map[string]int{"Z": 5}} {
		if err := strict.Send(client, v); err != nil {
			fmt.Println(err)
		}
	}
	ctx := context.Background()
	for range 2 {
		var p point
		err := strict.ReadInto(ctx, server, &p)
		fmt.Println(p, err)
	}
	// Output:
	// {3 4} <nil>
	// {0 0} wsjson: decoding a message: json: unknown field "Z"
}

// Values of any type are sent as json.Marshal encodes them.
func ExampleSend() {
	client, server, err := wstest.Pair(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseNow()
	defer server.CloseNow()

	greeting := struct {
		User string `json:"user"`
		Text string `json:"text"`
	}{"Ada", "hello"}
	if err := wsjson.Send(client, greeting); err != nil {
		fmt.Println(err)
	}
	fmt.Println(server.ReadText(context.Background()))
	fmt.Println(wsjson.Send(client, make(chan int)))
	// Output:
	// {"user":"Ada","text":"hello"} <nil>
	// wsjson: encoding a message: json: unsupported type: chan int
}
