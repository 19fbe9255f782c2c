//go:build js && wasm

// The contestant coder.
package main

import (
	"github.com/seed2c7e30c3/ws/bench/internal/coderclient"
	"github.com/seed2c7e30c3/ws/bench/internal/page"
)

func main() { page.Serve(coderclient.Contestant()) }
