//go:build !js

package ws_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// cutStages are the moments at which TestAcceptLeak cuts connections: what the client has done by then.
var cutStages = []struct {
	name string
	do   func(c *rawClient)
}{
	{"connected", func(c *rawClient) {}},
	{"in the request", func(c *rawClient) { c.put(handshakeRequest("example.com")[:60]) }},
	{"after the request", func(c *rawClient) { c.put(handshakeRequest("example.com")) }},
	{"in the answer", func(c *rawClient) {
		c.put(handshakeRequest("example.com"))
		c.in.ReadByte()
	}},
	{"open", func(c *rawClient) { c.open() }},
	{"in a frame's header", func(c *rawClient) { c.open(); c.put("\x82") }},
	{"in a frame", func(c *rawClient) { c.open(); c.put(maskedFrame(fin|binaryFrame, "half of it")[:10]) }},
	{"in a large frame", func(c *rawClient) {
		c.open()
		c.put(maskedFrame(fin|binaryFrame, string(noise(70_000)))[:50_000])
	}},
	{"in a fragmented message", func(c *rawClient) { c.open(); c.put(maskedFrame(text, "first")) }},
	{"before the echo", func(c *rawClient) { c.open(); c.put(maskedFrame(fin|text, "echo")) }},
	{"after the echo", func(c *rawClient) { c.open(); c.put(maskedFrame(fin|text, "echo")); c.frame() }},
	{"while the server closes", func(c *rawClient) { c.open(); c.put(maskedFrame(fin|text, "close")) }},
	{"after the server's Close frame", func(c *rawClient) { c.open(); c.put(maskedFrame(fin|text, "close")); c.frame() }},
	{"after a Close frame", func(c *rawClient) { c.open(); c.put(maskedFrame(fin|closeFrame, "\x03\xe8")) }},
	{"after both Close frames",
		func(c *rawClient) { c.open(); c.put(maskedFrame(fin|closeFrame, "\x03\xe8")); c.frame() }},
	{"after an error", func(c *rawClient) { c.open(); c.put("\x81\x00") }},
	{"while the server sends", func(c *rawClient) { c.open(); c.put(maskedFrame(fin|text, "much")) }},
}

// put writes, and ignores errors: the server may already have ended the connection.
func (c *rawClient) put(s string) { io.WriteString(c, s) }

// open opens the connection.
func (c *rawClient) open() {
	c.put(handshakeRequest("example.com"))
	http.ReadResponse(c.in, nil)
}

// TestAcceptLeak: connections that clients cut at any stage leave no goroutine and no descriptor, whether the program
// reads or has handlers.
func TestAcceptLeak(t *testing.T) {
	total := 5000
	if testing.Short() {
		total = 500
	}
	const atOnce = 250
	before, descriptors := ownGoroutines(), openDescriptors(t)
	var mu sync.Mutex
	var conns []*ws.Conn
	serve := func(c *ws.Conn, m ws.Message) {
		switch m {
		case ws.Text("close"):
			c.Close()
		case ws.Text("much"):
			c.Send(make(ws.Bytes, 4<<20))
		default:
			c.Send(m)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		byHandler := len(conns)%2 == 0
		mu.Unlock()
		opts := &ws.AcceptOptions{}
		if byHandler {
			opts.OnMessage = serve
		}
		c, err := ws.Accept(w, r, opts)
		if err != nil {
			return // the client has gone
		}
		mu.Lock()
		conns = append(conns, c)
		mu.Unlock()
		if !byHandler {
			for m, err := range c.Messages(t.Context()) {
				if err != nil {
					return
				}
				serve(c, m)
			}
		}
	}))
	address := server.Listener.Addr().String()
	for done := 0; done < total; done += atOnce {
		var batch sync.WaitGroup
		for i := range atOnce {
			batch.Go(func() {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Errorf("connection %d: %v", done+i, err)
					return
				}
				conn.SetDeadline(time.Now().Add(2 * limit))
				c := newRawClient(t, conn, http.MethodGet)
				cutStages[i%len(cutStages)].do(c)
				if i/len(cutStages)%2 == 0 {
					conn.(*net.TCPConn).SetLinger(0) // by RST
				}
				conn.Close()
			})
		}
		batch.Wait()
		mu.Lock()
		opened := slices.Clone(conns)
		conns = conns[:0]
		mu.Unlock()
		for _, c := range opened {
			wait(t, c)
		}
	}
	server.Close() // waits for handlers
	for _, c := range conns {
		wait(t, c)
	}
	wantNoGoroutines(t, before)
	wantDescriptors(t, descriptors)
}
