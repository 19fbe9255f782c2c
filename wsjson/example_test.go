package wsjson_test

import (
	"context"
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
