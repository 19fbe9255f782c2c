//go:build js && wasm

// The smallest program that dials, receives and sends with ws.
package main

import (
	"context"

	"github.com/seed2c7e30c3/ws"
)

func main() {
	c, err := ws.Dial(context.Background(), "ws://127.0.0.1/", nil)
	if err != nil {
		panic(err)
	}
	m, err := c.Read(context.Background())
	if err != nil {
		panic(err)
	}
	if err := c.Send(m); err != nil {
		panic(err)
	}
}
