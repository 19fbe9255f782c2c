//go:build !js

package testserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// shownPayload is the number of bytes of a payload that are reported.
const shownPayload = 1 << 10

// receiveBuffer is small, so that a client notices soon if its frames are not read.
const receiveBuffer = 32 << 10

type peer struct {
	server   *Server
	listener net.Listener
	control  *http.Server

	mu      sync.Mutex
	conns   []*peerConn
	arrived chan struct{} // closed and replaced when conns grows
	ended   bool
}

type peerConn struct {
	*net.TCPConn
	in      *bufio.Reader
	ready   chan struct{} // closed when request or err is set
	request Request
	err     error
	read    sync.Mutex
}

func (s *Server) startPeer(w http.ResponseWriter, r *http.Request) {
	p, err := s.newPeer()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, Peer{
		URL:     "ws://" + p.listener.Addr().String() + "/",
		Control: "http://" + p.control.Addr,
	})
}

func (s *Server) newPeer() (*peer, error) {
	s.mu.Lock()
	s.hosts++
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.77.%d.%d", s.hosts/250%250, s.hosts%250+1)
	}
	s.mu.Unlock()
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		return nil, err
	}
	control, err := net.Listen("tcp", host+":0")
	if err != nil {
		listener.Close()
		return nil, err
	}
	p := &peer{server: s, listener: listener, arrived: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/request", p.onConn(requested))
	mux.HandleFunc("/accept", p.onConn(accepted))
	mux.HandleFunc("/write", p.onConn(written))
	mux.HandleFunc("/frame", p.onConn(framed))
	mux.HandleFunc("/next", p.onConn(next))
	mux.HandleFunc("/message", p.onConn(message))
	mux.HandleFunc("/end", p.onConn(ended))
	mux.HandleFunc("/stop", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, struct{}{})
		go p.end() // after this server has sent the answer
	})
	p.control = &http.Server{Addr: control.Addr().String(), Handler: open(mux), ReadHeaderTimeout: time.Minute}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		listener.Close()
		control.Close()
		return nil, net.ErrClosed
	}
	s.peers[p] = true
	go p.acceptAll()
	go p.control.Serve(control)
	return p, nil
}

// end ends the peer. Answers that are being written are completed.
func (p *peer) end() {
	p.server.mu.Lock()
	delete(p.server.peers, p)
	p.server.mu.Unlock()
	p.listener.Close()
	p.mu.Lock()
	p.ended = true
	conns := p.conns
	p.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	for _, c := range conns {
		<-c.ready
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if p.control.Shutdown(ctx) != nil {
		p.control.Close()
	}
}

func (p *peer) acceptAll() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		tcp := conn.(*net.TCPConn)
		_ = tcp.SetReadBuffer(receiveBuffer) // a larger one only makes tests slower
		c := &peerConn{TCPConn: tcp, in: bufio.NewReader(tcp), ready: make(chan struct{})}
		p.mu.Lock()
		if p.ended {
			p.mu.Unlock()
			tcp.Close()
			return
		}
		p.conns = append(p.conns, c)
		close(p.arrived)
		p.arrived = make(chan struct{})
		p.mu.Unlock()
		go c.readRequest()
	}
}

func (c *peerConn) readRequest() {
	defer close(c.ready)
	text := textproto.NewReader(c.in)
	if c.request.Line, c.err = text.ReadLine(); c.err != nil {
		return
	}
	header, err := text.ReadMIMEHeader()
	c.request.Header, c.err = header, err
}

// acceptKey is the value that proves that the server understood (RFC 6455, section 4.2.2).
func (c *peerConn) acceptKey() string {
	key := textproto.MIMEHeader(c.request.Header).Get("Sec-WebSocket-Key")
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// onConn makes a handler from an operation on a connection. The answer is what the operation returns.
func (p *peer) onConn(do func(*peerConn, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		timeout := time.NewTimer(Wait)
		defer timeout.Stop()
		c := p.await(r, timeout.C)
		if c == nil {
			http.Error(w, "no such connection has come", http.StatusGatewayTimeout)
			return
		}
		result, err := do(c, r)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout():
			http.Error(w, "nothing came: "+err.Error(), http.StatusGatewayTimeout)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			answer(w, result)
		}
	}
}

// await waits for the connection that the request names.
func (p *peer) await(r *http.Request, timeout <-chan time.Time) *peerConn {
	n := number(r, "conn", 0)
	for {
		p.mu.Lock()
		arrived := p.arrived
		var c *peerConn
		if n < len(p.conns) {
			c = p.conns[n]
		}
		p.mu.Unlock()
		if c != nil {
			arrived = c.ready
		}
		select {
		case <-arrived:
			if c != nil {
				return c
			}
		case <-timeout:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

func answer(w http.ResponseWriter, result any) {
	w.Header().Set("Content-Type", "application/json")
	// A client that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(result)
}

func requested(c *peerConn, _ *http.Request) (any, error) { return c.request, c.err }

func accepted(c *peerConn, r *http.Request) (any, error) {
	if c.err != nil {
		return nil, c.err
	}
	lines := []string{
		"HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Accept: " + c.acceptKey(),
	}
	if v := r.FormValue("protocol"); v != "" {
		lines = append(lines, "Sec-WebSocket-Protocol: "+v)
	}
	if v := r.FormValue("extensions"); v != "" {
		lines = append(lines, "Sec-WebSocket-Extensions: "+v)
	}
	return c.request, c.send([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
}

func (c *peerConn) send(data []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(Wait)); err != nil {
		return err
	}
	_, err := c.Write(data)
	return err
}

func written(c *peerConn, r *http.Request) (any, error) {
	data, err := hex.DecodeString(r.FormValue("hex"))
	if err != nil {
		return nil, err
	}
	data = append(data, strings.ReplaceAll(r.FormValue("text"), "{ACCEPT}", c.acceptKey())...)
	return struct{}{}, c.send(data)
}

func framed(c *peerConn, r *http.Request) (any, error) {
	first, err := strconv.ParseUint(r.FormValue("first"), 16, 8)
	if err != nil {
		return nil, err
	}
	part, err := hex.DecodeString(r.FormValue("hex"))
	if err != nil {
		return nil, err
	}
	payload := bytes.Repeat(part, number(r, "repeat", 1))
	frame := []byte{byte(first)}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(n))
	}
	return struct{}{}, c.send(append(frame, payload...))
}

func next(c *peerConn, _ *http.Request) (any, error) {
	return c.receive((*peerConn).readFrame)
}

func message(c *peerConn, _ *http.Request) (any, error) {
	return c.receive((*peerConn).readMessage)
}

// receive reads what the client sent, with one of the methods below, and distinguishes an end of TCP from errors.
func (c *peerConn) receive(read func(*peerConn) (Frame, error)) (any, error) {
	c.read.Lock()
	defer c.read.Unlock()
	if err := c.SetReadDeadline(time.Now().Add(Wait)); err != nil {
		return nil, err
	}
	frame, err := read(c)
	var late net.Error
	switch {
	case err == nil, errors.As(err, &late) && late.Timeout():
		return frame, err
	case errors.Is(err, io.EOF):
		return Frame{End: "FIN"}, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("TCP ended inside of a frame")
	case errors.Is(err, net.ErrClosed), errors.Is(err, errNotMasked), errors.Is(err, errNoContinuation):
		return nil, err
	}
	return Frame{End: "RST"}, nil
}

var errNoContinuation = errors.New("the client's message is not continued")

// readMessage reads a message or a control frame.
func (c *peerConn) readMessage() (Frame, error) {
	m, err := c.readFrame()
	for err == nil && m.First&0x80 == 0 {
		var f Frame
		switch f, err = c.readFrame(); {
		case errors.Is(err, io.EOF):
			return m, io.ErrUnexpectedEOF
		case err == nil && f.First&0x7f != 0:
			return m, fmt.Errorf("%w, but by a frame %#02x", errNoContinuation, f.First)
		}
		m.First |= f.First & 0x80
		m.Length += f.Length
		m.Payload = append(m.Payload, f.Payload[:min(len(f.Payload), max(0, shownPayload-len(m.Payload)))]...)
	}
	return m, err
}

var errNotMasked = errors.New("the client's frame is not masked")

// readFrame reads a frame of the client. Its first byte decides about io.EOF and io.ErrUnexpectedEOF.
func (c *peerConn) readFrame() (Frame, error) {
	var head [14]byte
	if _, err := io.ReadFull(c.in, head[:1]); err != nil {
		return Frame{}, err
	}
	if err := c.readFull(head[1:2]); err != nil {
		return Frame{}, err
	}
	if head[1]&0x80 == 0 {
		return Frame{}, errNotMasked
	}
	length := uint64(head[1] & 0x7f)
	var err error
	switch length {
	case 126:
		err = c.readFull(head[2:4])
		length = uint64(binary.BigEndian.Uint16(head[2:4]))
	case 127:
		err = c.readFull(head[2:10])
		length = binary.BigEndian.Uint64(head[2:10])
	}
	if err != nil {
		return Frame{}, err
	}
	key := head[10:14]
	if err := c.readFull(key); err != nil {
		return Frame{}, err
	}
	payload := make([]byte, min(length, shownPayload))
	if err := c.readFull(payload); err != nil {
		return Frame{}, err
	}
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	if n, err := io.CopyN(io.Discard, c.in, int64(length)-int64(len(payload))); err != nil {
		return Frame{}, fmt.Errorf("after %d bytes of the payload: %w", n, unexpected(err))
	}
	return Frame{First: head[0], Length: int(length), Payload: payload}, nil
}

func (c *peerConn) readFull(b []byte) error {
	_, err := io.ReadFull(c.in, b)
	return unexpected(err)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func ended(c *peerConn, r *http.Request) (any, error) {
	switch how := r.FormValue("how"); how {
	case "fin":
		return struct{}{}, c.CloseWrite()
	case "reset":
		if err := c.SetLinger(0); err != nil {
			return nil, err
		}
		return struct{}{}, c.Close()
	case "close":
		return struct{}{}, c.Close()
	default:
		return nil, fmt.Errorf("how=%q is none of fin, reset and close", how)
	}
}
