// Package rawclient is the client with which servers are measured. It knows only frames, so that it costs little, and
// the same with every server: what it sends is made beforehand, with one masking key, and it reads only the headers of
// what it receives.
package rawclient

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"time"
)

// Options are how a connection is opened.
type Options struct {
	TLS     *tls.Config // nil for none
	Deflate bool        // insist on permessage-deflate without context takeover
	Buffer  int         // bytes read at once; 0 is 4 KiB
}

// Conn is a connection. buf[start:end] has been read and not yet used.
type Conn struct {
	conn       net.Conn
	buf        []byte
	start, end int
}

// The key of every opening handshake, and its answer: those of RFC 6455, section 1.3.
const (
	key       = "dGhlIHNhbXBsZSBub25jZQ=="
	keyAnswer = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

const handshakeLimit = 60 * time.Second

// Dial opens a connection, as a page of the same origin does.
func Dial(addr string, o Options) (*Conn, error) {
	conn, err := net.DialTimeout("tcp", addr, handshakeLimit)
	if err != nil {
		return nil, err
	}
	if o.TLS != nil {
		conn = tls.Client(conn, o.TLS)
	}
	if o.Buffer == 0 {
		o.Buffer = 4 << 10
	}
	c := &Conn{conn: conn, buf: make([]byte, o.Buffer)}
	if err := c.handshake(addr, o); err != nil {
		conn.Close()
		return nil, fmt.Errorf("the opening handshake: %w", err)
	}
	return c, nil
}

func (c *Conn) handshake(addr string, o Options) error {
	if err := c.conn.SetDeadline(time.Now().Add(handshakeLimit)); err != nil {
		return err
	}
	scheme, extensions := "http", ""
	if o.TLS != nil {
		scheme = "https"
	}
	if o.Deflate {
		extensions = "Sec-WebSocket-Extensions: permessage-deflate; " +
			"server_no_context_takeover; client_no_context_takeover\r\n"
	}
	_, err := fmt.Fprintf(c.conn, "GET / HTTP/1.1\r\nHost: %[1]s\r\nOrigin: %[2]s://%[1]s\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "+key+"\r\n%[3]s\r\n", addr, scheme, extensions)
	if err != nil {
		return err
	}
	head, err := c.head()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, keyAnswer) {
		return fmt.Errorf("the answer is %q", head)
	}
	if deflates := strings.Contains(head, "permessage-deflate"); deflates != o.Deflate {
		return fmt.Errorf("compression is %v in the answer %q", deflates, head)
	}
	if o.Deflate && !strings.Contains(head, "server_no_context_takeover") {
		return fmt.Errorf("the server compresses with context takeover: %q", head)
	}
	return c.conn.SetDeadline(time.Time{})
}

// head returns the head of an HTTP response.
func (c *Conn) head() (string, error) {
	for {
		if i := bytes.Index(c.buf[:c.end], []byte("\r\n\r\n")); i >= 0 {
			c.start = i + 4
			return string(c.buf[:c.start]), nil
		}
		if c.end == len(c.buf) {
			return "", errors.New("the answer is too long")
		}
		n, err := c.conn.Read(c.buf[c.end:])
		c.end += n
		if err != nil {
			return "", err
		}
	}
}

// Close cuts the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Write sends frames.
func (c *Conn) Write(frames []byte) error {
	_, err := c.conn.Write(frames)
	return err
}

// Receive receives n messages, looking at their headers only, and returns how many bytes their frames carried. It
// answers pings.
func (c *Conn) Receive(n int) (payload int64, err error) {
	for n > 0 {
		h, err := c.header()
		if err != nil {
			return payload, err
		}
		if h.first&opcodeMask >= opClose {
			if err := c.control(h); err != nil {
				return payload, err
			}
			continue
		}
		if err := c.skip(h.size); err != nil {
			return payload, err
		}
		payload += int64(h.size)
		if h.first&fin != 0 {
			n--
		}
	}
	return payload, nil
}

// Next returns the first byte and the data of the next frame of a message.
func (c *Conn) Next() (first byte, data []byte, err error) {
	for {
		h, err := c.header()
		if err != nil {
			return 0, nil, err
		}
		if h.first&opcodeMask >= opClose {
			if err := c.control(h); err != nil {
				return 0, nil, err
			}
			continue
		}
		data, err := c.read(h.size)
		return h.first, data, err
	}
}

type header struct {
	first byte
	size  int
}

func (c *Conn) header() (h header, err error) {
	if err = c.need(2); err != nil {
		return h, err
	}
	h.first = c.buf[c.start]
	length, n := c.buf[c.start+1], 2
	switch length {
	default:
		h.size = int(length)
	case 126:
		n = 4
		if err = c.need(n); err == nil {
			h.size = int(binary.BigEndian.Uint16(c.buf[c.start+2:]))
		}
	case 127:
		n = 10
		if err = c.need(n); err == nil {
			h.size = int(binary.BigEndian.Uint64(c.buf[c.start+2:]) & math.MaxInt64)
		}
	}
	if err == nil && length > 127 {
		err = errors.New("a masked frame from the server")
	}
	c.start += n
	return h, err
}

// need makes at least n bytes available, n being small.
func (c *Conn) need(n int) error {
	for c.end-c.start < n {
		if len(c.buf)-c.start < n || c.start == c.end {
			c.end = copy(c.buf, c.buf[c.start:c.end])
			c.start = 0
		}
		m, err := c.conn.Read(c.buf[c.end:])
		c.end += m
		if err != nil && c.end-c.start < n {
			return err
		}
	}
	return nil
}

func (c *Conn) skip(n int) error {
	for n > c.end-c.start {
		n -= c.end - c.start
		c.start, c.end = 0, 0
		m, err := c.conn.Read(c.buf)
		c.end = m
		if err != nil && m == 0 {
			return err
		}
	}
	c.start += n
	return nil
}

func (c *Conn) read(n int) ([]byte, error) {
	data := make([]byte, n)
	have := copy(data, c.buf[c.start:c.end])
	c.start += have
	_, err := io.ReadFull(c.conn, data[have:])
	return data, err
}

// control answers pings. The end of the connection is an error here.
func (c *Conn) control(h header) error {
	data, err := c.read(h.size)
	if err != nil {
		return err
	}
	switch h.first & opcodeMask {
	case opClose:
		return fmt.Errorf("the server has closed the connection: %q", data)
	case opPing:
		return c.Write(Frame(fin|opPong, data))
	}
	return nil
}
