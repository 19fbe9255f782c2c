package ws_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestAcceptIdle: however a connection has become idle, the goroutine that reads has a fresh stack, and waits where it
// needs little of it: for TCP, not inside crypto/tls. TestAcceptMemory cannot see the difference of 2 KiB reliably,
// because the runtime counts the gaps between stacks as in use. It runs on Linux only: elsewhere it cannot be known
// beforehand whether a read has to wait. It is not parallel, because it looks at all goroutines of the process.
func TestAcceptIdle(t *testing.T) {
	const n = 8
	for _, c := range []struct {
		name  string
		start func(*httptest.Server)
	}{
		{"TCP", (*httptest.Server).Start},
		{"TLS", (*httptest.Server).StartTLS},
	} {
		t.Run(c.name, func(t *testing.T) {
			conns := make(chan *ws.Conn, n)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := ws.Accept(w, r, &ws.AcceptOptions{
					OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) },
				})
				if err != nil {
					t.Errorf("Accept: %v", err)
				}
				conns <- conn
			}))
			c.start(server)
			t.Cleanup(server.Close)
			before := readers() // of connections that other tests have left, if any
			clients := make([]*rawClient, n)
			for i := range clients {
				clients[i] = openClient(t, server)
				conn := await(t, "connection", conns)
				t.Cleanup(func() { conn.CloseNow() })
			}
			for _, step := range []struct {
				name string
				do   func(*rawClient)
			}{
				{"at first", func(*rawClient) {}},
				{"after a ping", func(c *rawClient) {
					c.send(fin|ping, "ping")
					c.wantFrame(fin|pong, "ping")
				}},
				{"after a message", func(c *rawClient) {
					c.send(fin|text, "message")
					c.wantFrame(fin|text, "message")
				}},
				{"after another ping", func(c *rawClient) {
					c.send(fin|ping, "")
					c.wantFrame(fin|pong, "")
				}},
				{"after a pong", func(c *rawClient) { c.send(fin|pong, "") }},
			} {
				for _, client := range clients {
					step.do(client)
				}
				var idle map[string]string
				until(t, "fresh goroutines that wait for TCP, "+step.name, func() bool {
					idle = readers()
					fresh := 0
					for id, stack := range idle {
						if _, old := before[id]; !old && waitsForTCP(stack) {
							fresh++
						}
					}
					return fresh == n
				})
				before = idle
			}
		})
	}
}

// readers returns the stacks of all goroutines that read for an engine.Endpoint, by the goroutines' numbers.
func readers() map[string]string {
	stacks := map[string]string{}
	for _, stack := range ownGoroutines() {
		if strings.Contains(stack, "engine.(*Endpoint).readLoop(") {
			id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
			stacks[id] = stack
		}
	}
	return stacks
}

// waitsForTCP reports whether a goroutine waits for a TCP connection to be readable, and for nothing above it.
func waitsForTCP(stack string) bool {
	return strings.Contains(stack, "[IO wait") && strings.Contains(stack, "rawConn).Read(") &&
		!strings.Contains(stack, "crypto/tls.")
}
