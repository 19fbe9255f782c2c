//go:build !js

// Command server runs a chat room at /chat:
//
//	go run ./chat/server 127.0.0.1:8080
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/seed2c7e30c3/ws/examples/chat/room"
	"github.com/seed2c7e30c3/ws/examples/internal/program"
)

func main() { program.Main("ADDRESS", run) }

// endTimeout is how long the clients have to complete the closing handshake.
const endTimeout = 5 * time.Second

// run serves until ctx ends.
func run(ctx context.Context, out io.Writer, args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	chat := new(room.Room)
	mux := http.NewServeMux()
	mux.Handle("GET /chat", chat)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Fprintf(out, "the room is ws://%s/chat\n", l.Addr())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// server.Shutdown does not end WebSockets, so the room has to close its own, while the server waits for requests.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	server.RegisterOnShutdown(func() { go chat.Shutdown(end) })
	return errors.Join(server.Shutdown(end), chat.Shutdown(end))
}
