// Command nats publishes a text to a NATS server and prints the message that comes back, with nats.go.
//
//	go run ./nats ws://127.0.0.1:8080 greetings hello
//
// A NATS server that is configured with "websocket" takes its ordinary protocol in binary messages. So nats.go needs
// nothing but a dialler: publishing, requests, JetStream and reconnecting then work as over TCP.
package main

import (
	"context"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/seed2c7e30c3/ws/netconn"
)

// timeout limits an attempt to connect: the opening handshake, and the first exchange of NATS after it. The default of
// nats.go, 2 seconds, is short for a page that has just been loaded.
const timeout = 20 * time.Second

// connect connects to the NATS server whose WebSocket listener is at url, "ws://HOST:PORT" or "wss://HOST".
func connect(url string, opts ...nats.Option) (*nats.Conn, error) {
	overWebSocket := []nats.Option{nats.SetCustomDialer(dialer(url)), nats.Timeout(timeout)}
	return nats.Connect(nats.DefaultURL, append(overWebSocket, opts...)...)
}

// dialer is the nats.CustomDialer that opens a WebSocket to this URL.
type dialer string

// Dial ignores the address of nats.DefaultURL, and those of other servers of a cluster: the WebSocket's URL counts.
// nats.go calls it again to reconnect.
func (url dialer) Dial(_, _ string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return netconn.Dial(ctx, string(url), nil)
}

// SkipTLSHandshake tells nats.go that wss has TLS already: a server that listens for wss says that it requires TLS.
func (dialer) SkipTLSHandshake() bool { return true }
