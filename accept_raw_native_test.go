//go:build !js

package ws_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// rawClient is the client's end of a connection, on the level of bytes.
type rawClient struct {
	t testing.TB
	net.Conn
	in     *bufio.Reader
	method string // of the request
}

// connectRaw connects to a server and writes bytes.
func connectRaw(t testing.TB, server *httptest.Server, request string) *rawClient {
	t.Helper()
	var conn net.Conn
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if server.TLS != nil {
		config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		config.ServerName = "example.com" // as the certificate says
		conn = tls.Client(conn, config)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	return newRawClient(t, conn, method)
}

func newRawClient(t testing.TB, conn net.Conn, method string) *rawClient {
	return &rawClient{t, conn, bufio.NewReader(conn), method}
}

// handshakeKey is the Sec-WebSocket-Key of handshakeRequest, and handshakeAccept the answer to it (RFC 6455, section
// 1.3).
const (
	handshakeKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	handshakeAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// handshakeRequest is a request that opens a WebSocket, with further lines.
func handshakeRequest(host string, lines ...string) string {
	return strings.Join(append([]string{
		"GET / HTTP/1.1", "Host: " + host, "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: " + handshakeKey, "Sec-WebSocket-Version: 13",
	}, lines...), "\r\n") + "\r\n\r\n"
}

// openClient opens a connection.
func openClient(t testing.TB, server *httptest.Server, lines ...string) *rawClient {
	t.Helper()
	c := connectRaw(t, server, handshakeRequest(server.Listener.Addr().String(), lines...))
	if r := c.response(); r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the server answered %s", r.Status)
	}
	return c
}

// response reads the answer, its body included.
func (c *rawClient) response() *http.Response {
	c.t.Helper()
	r, err := http.ReadResponse(c.in, &http.Request{Method: c.method})
	if err != nil {
		c.t.Fatalf("the server's answer: %v", err)
	}
	if r.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			c.t.Fatalf("the body of the server's answer: %v", err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	return r
}

// maskedFrame is a frame as a client sends it.
func maskedFrame(first byte, payload string) string {
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	op := frame.Opcode(first & 0xf)
	b := frame.AppendHeader(nil, op, first&0x80 != 0, first&0x40 != 0, int64(len(payload)), key)
	at := len(b)
	b = append(b, payload...)
	frame.Mask(b[at:], b[at:], key, 0)
	return string(b)
}

// send writes a frame.
func (c *rawClient) send(first byte, payload string) {
	c.t.Helper()
	if _, err := io.WriteString(c, maskedFrame(first, payload)); err != nil {
		c.t.Fatal(err)
	}
}

// serverFrame is a frame of the server.
type serverFrame struct {
	first   byte
	payload []byte
}

// frame reads a frame.
func (c *rawClient) frame() (f serverFrame, err error) {
	var h [10]byte
	if _, err := io.ReadFull(c.in, h[:2]); err != nil {
		return f, err
	}
	length := uint64(h[1]) // with a mask bit, which is an error, it is too long
	switch size := 0; h[1] {
	case 126, 127:
		if size = 2; h[1] == 127 {
			size = 8
		}
		if _, err := io.ReadFull(c.in, h[2:2+size]); err != nil {
			return f, err
		}
		if length = uint64(binary.BigEndian.Uint16(h[2:])); size == 8 {
			length = binary.BigEndian.Uint64(h[2:])
		}
	}
	f = serverFrame{first: h[0], payload: make([]byte, length)}
	_, err = io.ReadFull(c.in, f.payload)
	return f, err
}

// wantFrame checks the server's next frame.
func (c *rawClient) wantFrame(first byte, payload string) {
	c.t.Helper()
	f, err := c.frame()
	if err != nil || f.first != first || string(f.payload) != payload {
		c.t.Fatalf("the server sent %#02x %q, %v; want %#02x %q", f.first, f.payload[:min(len(f.payload), 40)], err, first,
			payload)
	}
}

// wantEnd checks that the server ends the connection.
func (c *rawClient) wantEnd() {
	c.t.Helper()
	if n, err := io.Copy(io.Discard, c.in); n > 0 || err != nil {
		c.t.Errorf("%d bytes came before the end, %v", n, err)
	}
}
