package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/gobwas/ws/wsutil"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// wire is the limit for a native client: the bytes of the same frames, read from TCP and not parsed.
const wire = "TCP"

type tcpClient struct {
	conn   net.Conn
	pieces load.Pieces
}

// dialTCP makes the opening handshake and does not parse what follows.
func dialTCP(target string, _ bool, _ load.Callbacks) (load.Client, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	size, err := load.SizeOf(target)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	if u.Scheme == "wss" {
		conn, err = tls.Dial("tcp", u.Host, nil)
	} else {
		conn, err = net.Dial("tcp", u.Host)
	}
	if err != nil {
		return nil, err
	}
	if err := upgrade(conn, u); err != nil {
		conn.Close()
		return nil, err
	}
	header := len(appendServerHeader(nil, finBinary, size))
	return &tcpClient{conn, load.NewPieces(conn, size, header+size)}, nil
}

// upgrade sends a handshake and reads the answer, which nothing follows.
func upgrade(conn net.Conn, u *url.URL) error {
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", u.RequestURI(), u.Host)
	if err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusSwitchingProtocols:
		return fmt.Errorf("%s: %s", u, response.Status)
	case in.Buffered() > 0:
		return fmt.Errorf("%s: %w: bytes follow the handshake", u, io.ErrShortBuffer)
	}
	return nil
}

func (c *tcpClient) Send(m *load.Message) error { return wsutil.WriteClientBinary(c.conn, m.Data) }

func (c *tcpClient) Receive() (load.Received, error) { return c.pieces.Receive() }

func (c *tcpClient) Shut() { c.conn.Close() }
