//go:build !js

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m, startServer) }

func TestHosts(t *testing.T) { harness.Hosts(t) }

// startServer starts a broker with its own WebSocket listener.
func startServer() (harness.Server, error) {
	address, err := freeAddress()
	if err != nil {
		return harness.Server{}, err
	}
	broker := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := broker.AddHook(new(auth.AllowHook), nil); err != nil {
		return harness.Server{}, err
	}
	if err := broker.AddListener(listeners.NewWebsocket(listeners.Config{ID: "ws", Address: address})); err != nil {
		return harness.Server{}, err
	}
	if err := broker.Serve(); err != nil {
		return harness.Server{}, err
	}
	s := harness.Server{URL: "ws://" + address + "/mqtt", Stop: broker.Close}
	if err := waitForServer(s.URL); err != nil {
		return harness.Server{}, errors.Join(err, broker.Close())
	}
	return s, nil
}

// freeAddress returns an address that nobody listens on: mochi's listener does not tell which port it got.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// waitForServer returns when the broker listens, which mochi does not tell either: Paho tries until it does.
func waitForServer(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	opts := paho.NewClientOptions().SetConnectRetry(true).SetConnectRetryInterval(100 * time.Millisecond)
	client, err := connect(ctx, url, opts)
	if err != nil {
		return err
	}
	client.Disconnect(0)
	return nil
}
