//go:build !js

package scenario

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A session runs a server's program on one connection.
type session struct {
	ctx    context.Context
	runOf  *run
	port   string
	tcp    *net.TCPConn
	conn   net.Conn // tcp, or TLS on it
	reader *bufio.Reader
	record *Connection

	key      string // Sec-WebSocket-Key of the request
	answered string // Sec-WebSocket-Extensions of the answer

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever one of the following changes
	frames  int           // frames received so far
	closing []byte        // payload of the Close frame; nil before it came
	ended   bool          // the client ended TCP, or reading failed
	paused  bool
	over    bool // the program has ended
	hold    bool // pause when something comes
}

func newSession(ctx context.Context, r *run, tcp *net.TCPConn, port string) *session {
	return &session{ctx: ctx, runOf: r, port: port, tcp: tcp, conn: tcp, changed: make(chan struct{})}
}

// run reads the request and plays the program of the scenario that its path names.
func (s *session) run() {
	stop := context.AfterFunc(s.ctx, func() { s.tcp.Close() })
	defer stop()
	defer s.tcp.Close()
	if s.port == "TLS" {
		s.conn = tls.Server(s.tcp, s.runOf.server.tls)
	}
	s.reader = bufio.NewReaderSize(s.conn, 64<<10)
	if err := s.readRequest(); err != nil {
		return // a connection without a request does not count: browsers open and drop some
	}
	s.runOf.add(s.record)
	s.serve(s.program())
}

// serve plays a program, and records what the client sends meanwhile.
func (s *session) serve(program []ServerOp) {
	received := make(chan struct{})
	go func() {
		defer close(received)
		s.receive()
	}()
	s.play(program)
	s.tcp.Close()
	s.update(func() { s.over = true })
	<-received
}

// program returns the program for the request's path, /s/NAME.
func (s *session) program() []ServerOp {
	_, target, _ := strings.Cut(s.record.Request, " ")
	target, _, _ = strings.Cut(target, " ")
	target, _, _ = strings.Cut(target, "?")
	if name, ok := strings.CutPrefix(target, "/s/"); ok {
		name, _, _ = strings.Cut(name, "/")
		if sc := s.runOf.server.scenarios[name]; sc != nil {
			return sc.Server
		}
	}
	return s.runOf.scenario.Server
}

const maxRequest = 64 << 10

func (s *session) readRequest() error {
	s.record = &Connection{Port: s.port, Wire: []string{}, Header: [][2]string{}}
	for total := 0; ; {
		line, err := s.reader.ReadString('\n')
		if err != nil {
			return err
		}
		if total += len(line); total > maxRequest {
			return fmt.Errorf("request longer than %d bytes", maxRequest)
		}
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "" && s.record.Request != "":
			return nil
		case s.record.Request == "":
			s.record.Request = line
		default:
			name, value, _ := strings.Cut(line, ":")
			value = strings.TrimSpace(value)
			s.record.Header = append(s.record.Header, [2]string{name, value})
			if strings.EqualFold(name, "Sec-WebSocket-Key") {
				s.key = value
			}
		}
	}
}

// update changes the session's state and wakes whoever waits for it.
func (s *session) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until the state satisfies done, but no longer than limit. It reports whether it does.
func (s *session) await(limit time.Duration, done func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		s.mu.Lock()
		ok, changed := done(), s.changed
		s.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		case <-s.ctx.Done():
			return false
		}
	}
}

func never() bool { return false }

// lingering is how long a session that has half-closed waits for the client to end TCP.
const lingering = 2 * time.Second

// play runs the program.
func (s *session) play(program []ServerOp) {
	finished := false // half-closed
	for _, op := range program {
		if s.ctx.Err() != nil {
			return
		}
		switch op.Name {
		case "accept":
			s.accept(op.Accept)
		case "raw":
			s.write(bytes.ReplaceAll(op.Bytes, []byte("{ACCEPT}"), []byte(s.acceptKey())))
		case "rawrep":
			s.write(bytes.Repeat(op.Bytes, op.N))
		case "drip":
			for _, b := range bytes.ReplaceAll(op.Bytes, []byte("{ACCEPT}"), []byte(s.acceptKey())) {
				s.write([]byte{b})
				s.await(op.Wait, never)
			}
		case "tx":
			s.write(op.Bytes)
		case "txframe":
			s.write(frame(op.Opcode, bytes.Repeat(op.Bytes, op.N)))
		case "sleep":
			s.await(op.Wait, never)
		case "pause":
			s.pause()
		case "hold":
			s.update(func() { s.hold = true })
		case "held":
			s.await(op.Wait, func() bool { return s.paused || s.ended })
		case "resume":
			s.resume()
		case "rx":
			s.await(op.Wait, func() bool { return s.frames >= op.N || s.ended })
		case "rxclose":
			s.awaitClose(op.Wait)
		case "echoclose":
			s.echoClose()
		case "polite":
			s.awaitClose(op.Wait)
			s.echoClose()
			s.closeWrite()
			finished = true
		case "wait":
			s.await(op.Wait, func() bool { return s.ended })
		case "fin":
			s.closeWrite()
			finished = true
		case "close":
			s.tcp.Close()
			return
		case "rst":
			s.tcp.SetLinger(0)
			s.tcp.Close()
			return
		}
	}
	if finished {
		s.await(lingering, func() bool { return s.ended })
	}
}

// write ignores errors: if the client is gone, the program's waits end, and the client's trace has what it saw.
func (s *session) write(b []byte) { s.conn.Write(b) }

func (s *session) awaitClose(limit time.Duration) {
	s.await(limit, func() bool { return s.closing != nil || s.ended })
}

// echoClose answers the client's Close frame, if one came.
func (s *session) echoClose() {
	s.mu.Lock()
	payload := s.closing
	s.mu.Unlock()
	if payload != nil {
		s.write(frame(8, payload))
	}
}

func (s *session) closeWrite() {
	if c, ok := s.conn.(*tls.Conn); ok {
		c.CloseWrite()
	}
	s.tcp.CloseWrite()
}

// pause makes the receiving goroutine stop, even inside a read.
func (s *session) pause() {
	s.update(func() { s.paused = true })
	s.tcp.SetReadDeadline(time.Unix(1, 0))
}

func (s *session) resume() {
	s.tcp.SetReadDeadline(time.Time{})
	s.update(func() { s.paused = false })
}

// Read reads from the connection, waiting while the session is paused.
func (s *session) Read(b []byte) (int, error) {
	for {
		s.mu.Lock()
		paused, hold, over, changed := s.paused, s.hold, s.over, s.changed
		s.mu.Unlock()
		if paused {
			if over {
				return 0, net.ErrClosed // bytes that came during hold remain unread
			}
			select {
			case <-changed:
			case <-s.ctx.Done():
				return 0, s.ctx.Err()
			}
			continue
		}
		if hold {
			if _, err := s.reader.Peek(1); err == nil {
				s.update(func() { s.paused, s.hold = true, false })
				continue
			}
		}
		n, err := s.reader.Read(b)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		return n, err
	}
}

const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, 1.3

func (s *session) acceptKey() string {
	sum := sha1.Sum([]byte(s.key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// accept answers the handshake.
func (s *session) accept(a *Accept) {
	var b strings.Builder
	status := a.Status
	if status == "" {
		status = "HTTP/1.1 101 Switching Protocols"
	}
	b.WriteString(status + "\r\n")
	header := func(name string, values *[]string, standard ...string) {
		if values != nil {
			standard = *values
		}
		for _, v := range standard {
			fmt.Fprintf(&b, "%s: %s\r\n", name, strings.ReplaceAll(v, "{ACCEPT}", s.acceptKey()))
		}
	}
	header("Upgrade", a.Upgrade, "websocket")
	header("Connection", a.Connection, "Upgrade")
	header("Sec-WebSocket-Accept", a.Key, "{ACCEPT}")
	header("Sec-WebSocket-Protocol", a.Protocol, s.firstProtocol()...)
	header("Sec-WebSocket-Extensions", a.Extensions)
	b.WriteString(a.Extra + "\r\n")
	if a.NoReader {
		s.pause()
	}
	s.update(func() {
		if a.Extensions != nil {
			s.answered = strings.Join(*a.Extensions, ",")
		}
	})
	s.write(append([]byte(b.String()), a.Tail...))
}

func (s *session) firstProtocol() []string {
	values := s.record.Values("Sec-WebSocket-Protocol")
	if len(values) == 0 {
		return nil
	}
	first, _, _ := strings.Cut(values[0], ",")
	return []string{strings.TrimSpace(first)}
}

// receive records what the client sends until it ends TCP.
func (s *session) receive() {
	w := wireReader{in: bufio.NewReaderSize(s, 64<<10)}
	w.deflate = func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.Contains(s.answered, "permessage-deflate")
	}
	var err error
	for err == nil {
		var entry string
		var closing []byte
		entry, closing, err = w.next()
		s.update(func() {
			if entry != "" {
				s.record.Wire = append(s.record.Wire, entry)
			}
			s.frames = w.frames
			if closing != nil && s.closing == nil {
				s.closing = closing
			}
		})
	}
	s.update(func() {
		s.ended = true
		s.record.Wire = append(s.record.Wire, w.rest(endOfTCP(err))...)
	})
}

// endOfTCP returns the wire entry for the error that ended reading, "" if the server ended the connection itself.
func endOfTCP(err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "client FIN"
	case errors.Is(err, syscall.ECONNRESET), isConnectionReset(err):
		return "client RST"
	case errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
		return ""
	}
	return "reading failed: " + err.Error()
}

// isConnectionReset knows WSAECONNRESET, which syscall names on Windows only.
func isConnectionReset(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && number == 10054
}

// frame builds an unmasked final frame.
func frame(opcode byte, payload []byte) []byte {
	b := []byte{0x80 | opcode}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

// selfSigned makes a certificate for 127.0.0.1 and localhost that nobody trusts.
func selfSigned() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}
