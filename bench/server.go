package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/klauspost/compress/flate"
)

// The server is the same for every contestant and does as little as possible for what the client sees: it writes
// ready-made blocks of frames, reads only the headers of what it receives, and echoes without reassembling. The path
// says what a connection is for:
//
//	/recv?kind=K&size=S  the client sends a number N as a message of 2 or 3 bytes and gets N messages of S bytes;
//	                     K is binary, text, or deflate (compressed text)
//	/send                the client sends N, then N messages; the server then sends the number of payload bytes that came
//	/both?kind=K&size=S  as /recv, then as /send, by turns
//	/echo                every message comes back
//	/idle                nothing happens
//
// On the first three the client may start again with another N. With deflate=1 the server accepts
// permessage-deflate with context takeover on both sides.

const (
	finBinary = 0x82
	finText   = 0x81
	rsv1      = 0x40
	finClose  = 0x88
	finPong   = 0x8a
)

// deflateTail ends the stream of a compressed message.
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

const (
	opcodeMask  = 0x0f
	opClose     = 8
	opPing      = 9
	firstOpcode = 8 // of control frames
)

// runServer serves until stdin ends, that is, until the parent process is gone. It prints its address first, and
// with a certificate a second one, of TLS.
func runServer(stdin io.Reader, stdout io.Writer, certificate string) error {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	listeners := []net.Listener{plain}
	if certificate != "" {
		secure, err := listenTLS(certificate)
		if err != nil {
			return err
		}
		listeners = append(listeners, secure)
	}
	for _, l := range listeners {
		if _, err := fmt.Fprint(stdout, l.Addr(), " "); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout)
	go func() {
		io.Copy(io.Discard, stdin) // an error means the same as the end
		for _, l := range listeners {
			l.Close()
		}
	}()
	s := new(server)
	ends := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ends <- s.acceptAll(l) }()
	}
	var errs []error
	for range listeners {
		errs = append(errs, <-ends)
	}
	return errors.Join(errs...)
}

func (s *server) acceptAll(l net.Listener) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if err := s.serve(c); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !isReset(err) {
				fmt.Fprintln(os.Stderr, "bench server:", err)
			}
		}()
	}
}

// isReset reports whether a client has ended without closing, as most contestants do here.
func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// startServer runs the server in a process of its own. The second address is that of TLS, if there is a
// certificate. stop ends it.
func startServer(certificate string) (addrs []string, stop func() error, err error) {
	cmd, err := subprocess("server", certificate)
	if err != nil {
		return nil, nil, err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("the server: %w", err)
	}
	stop = func() error {
		stdin.Close()
		return cmd.Wait()
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("the server's address: %w", err), stop())
	}
	return strings.Fields(line), stop, nil
}

// subprocess is this program in another role.
func subprocess(role string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

type server struct {
	blocks blocks
}

func (s *server) serve(c net.Conn) error {
	conn := &serverConn{conn: c}
	// Idle connections keep the small buffer, so that the server does not limit their number.
	conn.buf = make([]byte, 2<<10)
	u, err := conn.handshake()
	if err != nil {
		return err
	}
	query := u.Query()
	if u.Path == "/idle" {
		return conn.skipMessages(math.MaxInt)
	}
	large := make([]byte, 256<<10)
	conn.end = copy(large, conn.buf[conn.start:conn.end])
	conn.start, conn.buf = 0, large
	switch u.Path {
	case "/send":
		return conn.repeat(conn.sink)
	case "/echo":
		return conn.echo()
	case "/recv", "/both":
		size, err := strconv.Atoi(query.Get("size"))
		if err != nil {
			return err
		}
		b := s.blocks.get(query.Get("kind"), size)
		flood := func() error { return conn.flood(b) }
		if u.Path == "/recv" {
			return conn.repeat(flood)
		}
		return conn.repeat(flood, conn.sink)
	}
	return fmt.Errorf("no such path: %s", u.Path)
}

// serverConn is one connection. buf[start:end] has been read and not yet used.
type serverConn struct {
	conn       net.Conn
	buf        []byte
	start, end int
	skipped    int64 // payload bytes
}

// need makes at least n bytes available, n being small.
func (c *serverConn) need(n int) error {
	for c.end-c.start < n {
		if len(c.buf)-c.start < n || c.start == c.end {
			c.end = copy(c.buf, c.buf[c.start:c.end])
			c.start = 0
		}
		m, err := c.conn.Read(c.buf[c.end:])
		c.end += m
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *serverConn) handshake() (*url.URL, error) {
	var head []byte
	for {
		if i := bytes.Index(c.buf[:c.end], []byte("\r\n\r\n")); i >= 0 {
			head, c.start = c.buf[:i+4], i+4
			break
		}
		if c.end == len(c.buf) {
			return nil, errors.New("the request is too long")
		}
		n, err := c.conn.Read(c.buf[c.end:])
		c.end += n
		if err != nil {
			return nil, err
		}
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	response := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	if r.URL.Query().Get("deflate") == "1" {
		offer := strings.Join(r.Header.Values("Sec-WebSocket-Extensions"), ",")
		if !strings.Contains(offer, "permessage-deflate") || strings.Contains(offer, "no_context_takeover") {
			return nil, fmt.Errorf("%q does not offer permessage-deflate with context takeover", offer)
		}
		response += "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	_, err = io.WriteString(c.conn, response+"\r\n")
	return r.URL, err
}

// frameHeader of a client: masked.
type frameHeader struct {
	first byte
	size  int
	key   [4]byte
}

func (c *serverConn) header() (h frameHeader, err error) {
	if err = c.need(2); err != nil {
		return h, err
	}
	extended := 0
	switch c.buf[c.start+1] & 0x7f {
	case 126:
		extended = 2
	case 127:
		extended = 8
	}
	if err = c.need(2 + extended + 4); err != nil {
		return h, err
	}
	p := c.buf[c.start:]
	h.first = p[0]
	switch extended {
	case 0:
		h.size = int(p[1] & 0x7f)
	case 2:
		h.size = int(binary.BigEndian.Uint16(p[2:]))
	case 8:
		h.size = int(binary.BigEndian.Uint64(p[2:]) & math.MaxInt64)
	}
	h.key = [4]byte(p[2+extended:])
	c.start += 2 + extended + 4
	return h, nil
}

// small returns the unmasked payload of a frame that fits into the buffer.
func (c *serverConn) small(h frameHeader) ([]byte, error) {
	if h.size > 1<<10 {
		return nil, fmt.Errorf("a command or control frame of %d bytes", h.size)
	}
	if err := c.need(h.size); err != nil {
		return nil, err
	}
	data := c.buf[c.start : c.start+h.size]
	for i := range data {
		data[i] ^= h.key[i&3]
	}
	c.start += h.size
	return data, nil
}

// control answers a control frame; io.EOF is the end of the connection.
func (c *serverConn) control(h frameHeader) error {
	data, err := c.small(h)
	if err != nil {
		return err
	}
	switch h.first & opcodeMask {
	case opClose:
		if _, err := c.conn.Write(append(appendServerHeader(nil, finClose, len(data)), data...)); err != nil {
			return err
		}
		return io.EOF
	case opPing:
		_, err = c.conn.Write(append(appendServerHeader(nil, finPong, len(data)), data...))
	}
	return err
}

// command returns the number that the client sent as a message.
func (c *serverConn) command() (int, error) {
	for {
		h, err := c.header()
		if err != nil {
			return 0, err
		}
		if h.first&opcodeMask >= firstOpcode {
			if err := c.control(h); err != nil {
				return 0, err
			}
			continue
		}
		data, err := c.small(h)
		if err != nil {
			return 0, err
		}
		if h.first&rsv1 != 0 {
			// Two bytes are too few to refer to what the client sent earlier, which has been skipped.
			stream := flate.NewReader(io.MultiReader(bytes.NewReader(data), strings.NewReader(deflateTail)))
			if data, err = io.ReadAll(stream); err != nil {
				return 0, fmt.Errorf("a compressed command: %w", err)
			}
		}
		n := 0
		for _, b := range data {
			n = n<<8 | int(b)
		}
		return n, nil
	}
}

// repeat runs the steps again and again until one fails.
func (c *serverConn) repeat(steps ...func() error) error {
	for {
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
	}
}

func (c *serverConn) flood(b *block) error {
	n, err := c.command()
	for n > 0 && err == nil {
		k := min(n, len(b.ends))
		_, err = c.conn.Write(b.data[:b.ends[k-1]])
		n -= k
	}
	return err
}

func (c *serverConn) sink() error {
	n, err := c.command()
	if err != nil {
		return err
	}
	c.skipped = 0
	if err := c.skipMessages(n); err != nil {
		return err
	}
	text := strconv.FormatInt(c.skipped, 10)
	_, err = c.conn.Write(append(appendServerHeader(nil, finBinary, len(text)), text...))
	return err
}

// skipMessages skips n messages, fragmented or not.
func (c *serverConn) skipMessages(n int) error {
	for n > 0 {
		h, err := c.header()
		if err != nil {
			return err
		}
		if h.first&opcodeMask >= firstOpcode {
			if err := c.control(h); err != nil {
				return err
			}
			continue
		}
		c.skipped += int64(h.size)
		if err := c.skip(h.size); err != nil {
			return err
		}
		if h.first&0x80 != 0 {
			n--
		}
	}
	return nil
}

func (c *serverConn) skip(n int) error {
	for n > c.end-c.start {
		n -= c.end - c.start
		c.start, c.end = 0, 0
		m, err := c.conn.Read(c.buf)
		if err != nil {
			return err
		}
		c.end = m
	}
	c.start += n
	return nil
}

// keyPattern is the number of bytes that are unmasked at once. Making a longer pattern for each frame of a fragmented
// message would take as long as the unmasking itself.
const keyPattern = 4 << 10

// echo sends each frame back in the pieces in which it comes.
func (c *serverConn) echo() error {
	keys := make([]byte, keyPattern+4)
	for {
		h, err := c.header()
		if err != nil {
			return err
		}
		if h.first&opcodeMask >= firstOpcode {
			if err := c.control(h); err != nil {
				return err
			}
			continue
		}
		if err := c.echoFrame(h, keys); err != nil {
			return err
		}
	}
}

// echoFrame uses keys, which has room for the repeated key.
func (c *serverConn) echoFrame(h frameHeader, keys []byte) error {
	for i := 0; i < min(len(keys), h.size+4); {
		if i == 0 {
			i += copy(keys, h.key[:])
			continue
		}
		i += copy(keys[i:], keys[:i])
	}
	header := appendServerHeader(make([]byte, 0, 16), h.first, h.size)
	pending := net.Buffers{header}
	for pos := 0; ; {
		n := min(h.size-pos, c.end-c.start)
		data := c.buf[c.start : c.start+n]
		for i := 0; i < n; i += keyPattern {
			part := data[i:min(n, i+keyPattern)]
			subtle.XORBytes(part, part, keys[pos&3:])
		}
		if n > 0 {
			pending = append(pending, data)
		}
		// A piece goes out before the buffer is used again.
		if len(header) > 0 && len(pending) == 2 && len(header)+n <= 1<<10 {
			if _, err := c.conn.Write(append(header, data...)); err != nil {
				return err
			}
		} else if _, err := pending.WriteTo(c.conn); err != nil {
			return err
		}
		header, pending = nil, nil
		pos += n
		c.start += n
		if pos == h.size {
			return nil
		}
		c.start, c.end = 0, 0
		if err := c.need(1); err != nil {
			return err
		}
	}
}
