//go:build !js

package main

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m, startServer) }

func TestHosts(t *testing.T) { harness.Hosts(t) }

// startServer starts a NATS server with JetStream and a WebSocket listener that compresses.
func startServer() (harness.Server, error) {
	dir, err := os.MkdirTemp("", "nats")
	if err != nil {
		return harness.Server{}, err
	}
	s, err := server.NewServer(&server.Options{
		DontListen: true, // for TCP
		NoLog:      true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   dir,
		Websocket:  server.WebsocketOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true, Compression: true},
	})
	if err != nil {
		return harness.Server{}, errors.Join(err, os.RemoveAll(dir))
	}
	s.Start()
	stop := func() error {
		s.Shutdown()
		s.WaitForShutdown()
		return os.RemoveAll(dir)
	}
	if !s.ReadyForConnections(time.Minute) {
		return harness.Server{}, errors.Join(errors.New("the NATS server is not ready after a minute"), stop())
	}
	return harness.Server{URL: s.WebsocketURL(), Stop: stop}, nil
}
