//go:build !js

package handshake

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of these tests; none depends on it being short.
const patience = 30 * time.Second

// request is what a test server has read: the text as it came, and parsed.
type request struct {
	text string
	*http.Request
}

// line is the request line.
func (r *request) line() string {
	line, _, _ := strings.Cut(r.text, "\r\n")
	return line
}

// field is the value of the one line of the header with exactly this name, or "".
func (r *request) field(name string) string {
	for line := range strings.SplitSeq(r.text, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

// accept is the right value of Sec-WebSocket-Accept.
func (r *request) accept() string {
	sum := sha1.Sum([]byte(r.field("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// open is a response that opens the connection, with further header lines and a tail in the same segment.
func (r *request) open(lines, tail string) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + r.accept() + "\r\n" + lines + "\r\n" + tail
}

// server accepts connections until the test ends and runs handle on each; at the end it waits for them.
type server struct {
	net.Listener
	wg sync.WaitGroup
}

func serve(t testing.TB, handle func(net.Conn)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, listener, handle)
}

func serveOn(t testing.TB, listener net.Listener, handle func(net.Conn)) *server {
	s := &server{Listener: listener}
	s.wg.Go(func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		s.Close()
		s.wg.Wait()
	})
	return s
}

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.Addr().String())
	return port
}

// url is a ws: URL on the server.
func (s *server) url(t testing.TB, target string) *URL {
	t.Helper()
	return parseURL(t, "ws://"+s.Addr().String()+target)
}

func parseURL(t testing.TB, raw string) *URL {
	t.Helper()
	u, err := ParseURL(raw, "")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// readRequest reads one request from a client.
func readRequest(t testing.TB, conn net.Conn) *request {
	var text bytes.Buffer
	br := bufio.NewReader(io.TeeReader(conn, &text))
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return nil // the client has given up, which some tests want
		}
		if line == "\r\n" {
			break
		}
	}
	r := &request{text: text.String()}
	parsed, err := http.ReadRequest(bufio.NewReader(strings.NewReader(r.text)))
	if err == nil {
		r.Request = parsed
	}
	return r
}

// ended waits until the client has ended the connection.
func ended(t testing.TB, conn net.Conn) {
	if _, err := io.Copy(io.Discard, conn); err != nil {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Errorf("connection still open: %v", err)
		}
	}
}

// patient is a context that ends after patience.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
