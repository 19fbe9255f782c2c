//go:build js && wasm

// The smallest program that dials, receives and sends with coder/websocket.
package main

import (
	"context"

	"github.com/coder/websocket"
)

func main() {
	c, _, err := websocket.Dial(context.Background(), "ws://127.0.0.1/", nil)
	if err != nil {
		panic(err)
	}
	kind, data, err := c.Read(context.Background())
	if err != nil {
		panic(err)
	}
	if err := c.Write(context.Background(), kind, data); err != nil {
		panic(err)
	}
}
