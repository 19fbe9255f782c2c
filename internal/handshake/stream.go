//go:build !js

package handshake

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/seed2c7e30c3/ws/internal/netio"
)

// past is a read deadline that is over.
var past = time.Unix(1, 0)

// take gets the upgraded stream out of net/http: the connection itself, so that it can be read and written without
// net/http's objects, which are garbage afterwards, and the bytes that net/http has read from it beyond the response
// header. body is the response's, conn the connection that it is on, nil if that is not known.
func take(body io.ReadWriteCloser, conn net.Conn) (stream io.ReadWriteCloser, early []byte, err error) {
	switch {
	case conn == nil:
		return body, nil, nil
	case !netio.ObeysDeadlines(conn):
		return &behind{Conn: conn, body: body}, nil, nil
	}
	// The body returns what was buffered and then reads from the connection, where the deadline stops it at once.
	if err := conn.SetReadDeadline(past); err != nil {
		return nil, nil, fmt.Errorf("set read deadline: %w", err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := body.Read(buf)
		early = append(early, buf[:n]...)
		if err != nil {
			// The deadline's, or under TLS the end of the stream, which the connection will report again.
			break
		}
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return nil, nil, fmt.Errorf("clear read deadline: %w", err)
	}
	return conn, early, nil
}

// behind is a connection that is read through the response body, which holds what net/http has buffered.
type behind struct {
	net.Conn
	body io.Reader
}

func (b *behind) Read(p []byte) (int, error) { return b.body.Read(p) }

// idle is the stream that coder/websocket gets instead of the real one.
type idle struct{}

func (idle) Read([]byte) (int, error)    { return 0, io.EOF }
func (idle) Write(p []byte) (int, error) { return len(p), nil }
func (idle) Close() error                { return nil }
