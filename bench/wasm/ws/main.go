//go:build js && wasm

// The contestant ws.
package main

import (
	"github.com/seed2c7e30c3/ws/bench/internal/page"
	"github.com/seed2c7e30c3/ws/bench/internal/wsclient"
)

func main() { page.Serve(wsclient.Contestants()...) }
