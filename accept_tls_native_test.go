//go:build !js

package ws_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// heldConn keeps what is written, until the test passes it on.
type heldConn struct {
	net.Conn
	held bytes.Buffer
	hold bool
}

func (c *heldConn) Write(p []byte) (int, error) {
	if c.hold {
		return c.held.Write(p)
	}
	return c.Conn.Write(p)
}

// pass writes the first n bytes of what is held, or all if n is negative.
func (c *heldConn) pass(t *testing.T, n int) {
	t.Helper()
	if n < 0 {
		n = c.held.Len()
	}
	if _, err := c.Conn.Write(c.held.Next(n)); err != nil {
		t.Fatal(err)
	}
}

// TestAcceptTLSRecords: the server's end gets every message, however TLS records and TCP segments divide the frames:
// an idle connection waits for TCP, and must not miss what TLS has read before. It runs natively only, where there is
// a server.
func TestAcceptTLSRecords(t *testing.T) {
	t.Parallel()
	for _, reads := range []bool{false, true} {
		t.Run(fmt.Sprintf("Read=%v", reads), func(t *testing.T) {
			t.Parallel()
			opts := &ws.AcceptOptions{}
			if !reads {
				opts.OnMessage = func(c *ws.Conn, m ws.Message) { c.Send(m) }
			}
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, err := ws.Accept(w, r, opts)
				if err != nil {
					t.Errorf("Accept: %v", err)
					return
				}
				if reads {
					go echoMessages(t, c)
				}
			}))
			t.Cleanup(server.Close)
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			held := &heldConn{Conn: conn}
			config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			config.ServerName = "example.com"
			config.DynamicRecordSizingDisabled = true // a long write makes records of 16 KiB
			secure := tls.Client(held, config)
			t.Cleanup(func() { secure.Close() })
			secure.SetDeadline(time.Now().Add(limit))
			if err := secure.Handshake(); err != nil {
				t.Fatal(err)
			}
			c := newRawClient(t, secure, "GET")
			sent, got := 0, 0
			next := func(padding int) (payload string) {
				sent++
				return fmt.Sprint("message ", sent-1, strings.Repeat(" ", padding))
			}
			send := func() { c.send(fin|text, next(0)) }
			wantAll := func() {
				t.Helper()
				for ; got < sent; got++ {
					if f, err := c.frame(); err != nil || strings.TrimSpace(string(f.payload)) != fmt.Sprint("message ", got) {
						t.Fatalf("got %q, %v, want message %d", f.payload, err, got)
					}
				}
			}
			// The request and frames, each in a record of its own, in one segment.
			held.hold = true
			io.WriteString(c, handshakeRequest(server.Listener.Addr().String()))
			for range 20 {
				send()
			}
			held.pass(t, -1)
			if r := c.response(); r.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("the server answered %s", r.Status)
			}
			wantAll()
			for _, pause := range []time.Duration{0, 300 * time.Millisecond} { // the second is longer than the goroutine's rest
				// Several records in one segment.
				time.Sleep(pause) // the client pauses, here and below: the pause is what is tested
				for range 10 {
					send()
				}
				held.pass(t, -1)
				wantAll()
				// One record in two segments, in its header and in the middle.
				for _, first := range []int{3, 20} {
					send()
					held.pass(t, first)
					time.Sleep(pause)
					held.pass(t, -1)
					wantAll()
				}
				// A frame in two records.
				frame := maskedFrame(fin|text, next(0))
				io.WriteString(c, frame[:7])
				held.pass(t, -1)
				time.Sleep(pause)
				io.WriteString(c, frame[7:])
				send()
				held.pass(t, -1)
				wantAll()
				// A long message, whose rest is read into its own memory: TLS then has more than that read asks for.
				frame = maskedFrame(fin|text, next(60_000))
				rest := len(frame) - 16<<10 - 300
				io.WriteString(c, frame[:rest])
				held.pass(t, -1)
				time.Sleep(pause)
				io.WriteString(c, frame[rest:]+maskedFrame(fin|text, next(0)))
				held.pass(t, -1)
				wantAll()
			}
		})
	}
}
