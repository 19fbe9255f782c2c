//go:build !js

package handshake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// WebSockets over HTTP/2 (RFC 8441), the server's end. The opening handshake is a request with the method CONNECT; the
// bodies of the request and of the response are the two directions of the connection.

// isExtendedConnect reports whether a request is a CONNECT with a :protocol. net/http lets such a request through if
// the program has enabled that.
func isExtendedConnect(r *http.Request) bool {
	return r.ProtoMajor == 2 && r.Method == http.MethodConnect && r.Header[":protocol"] != nil
}

func checkExtendedConnect(r *http.Request) *Refusal {
	if protocol, err := single(r.Header, ":protocol"); err != nil || protocol != "websocket" {
		return refuse(http.StatusNotImplemented, ":protocol is %q, not websocket", r.Header[":protocol"])
	}
	if refusal := checkVersion(r); refusal != nil {
		delete(refusal.Header, "Connection") // RFC 9113, section 8.2.2
		delete(refusal.Header, "Upgrade")
		return refusal
	}
	if r.Body == nil { // no request of a server
		return &Refusal{Status: http.StatusInternalServerError, Err: errors.New("the request has no Body to read from")}
	}
	return nil
}

// takenMark is put into the header of an answer that has been sent, because its stream is a connection now. A mark in
// the request would be missing in the copies that http.Request.WithContext has made. It is not the name of a field.
const takenMark = ":taken"

// acceptHTTP2 answers a request that has been checked. stays is AcceptConfig.Stays.
func acceptHTTP2(w http.ResponseWriter, r *http.Request, n *negotiated, stays bool) (*Result, *Refusal) {
	inner := writerBelow(w)
	header := inner.Header()
	if _, taken := header[takenMark]; taken {
		return nil, &Refusal{Err: http.ErrHijacked}
	}
	if !canFlush(inner) {
		return nil, refuseUnanswerable(w, fmt.Errorf("a %T cannot flush what is written to it", inner))
	}
	maps.Copy(header, w.Header()) // middleware may have a header of its own
	for name := range header {
		if !mayAnswer(name) {
			delete(header, name)
		}
	}
	if n.protocol != "" {
		header["Sec-Websocket-Protocol"] = []string{n.protocol}
	}
	if n.extensions != "" {
		header["Sec-Websocket-Extensions"] = []string{n.extensions}
	}
	s := &http2Stream{
		body:     r.Body,
		w:        inner,
		control:  http.NewResponseController(inner),
		handler:  r.Context(),
		finished: make(chan struct{}),
	}
	if stays {
		// The request's context does not tell anything then, and it may end before: the server's BaseContext when the
		// server is to stop, or a time that middleware has set.
		s.handler = context.Background()
	}
	// The server's timeouts are for requests. A writer that does not support deadlines has none.
	_ = s.control.SetReadDeadline(time.Time{})
	_ = s.control.SetWriteDeadline(time.Time{})
	inner.WriteHeader(http.StatusOK)
	err := s.control.Flush()
	header[takenMark] = nil
	if err != nil {
		return nil, &Refusal{Err: fmt.Errorf("writing the answer: %w", err)}
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return &Result{
		Stream: s, Finished: s.finished, Local: local, Remote: remoteAddr(r),
		Protocol: n.protocol, Extensions: n.extensions, Deflate: n.deflate, Deflated: n.deflated,
	}, nil
}

// remoteAddr returns the client's address as net/http reports it, or nil.
func remoteAddr(r *http.Request) net.Addr {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil
	}
	return net.TCPAddrFromAddrPort(address)
}

// writerBelow returns the ResponseWriter below all middleware that has Unwrap: what is written are the bytes of a
// connection, which must not be compressed or buffered.
func writerBelow(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		inner := wrapper.Unwrap()
		if inner == nil {
			return w
		}
		w = inner
	}
}

func canFlush(w http.ResponseWriter) bool {
	switch w.(type) {
	case http.Flusher, interface{ FlushError() error }:
		return true
	}
	return false
}

// http2Stream is one stream of an HTTP/2 connection. It lives as long as the handler of its request: when that returns,
// net/http ends the stream, and uses the memory behind w for another one. So nothing may be written after that; if the
// handler waits for finished, nothing is.
type http2Stream struct {
	body    io.ReadCloser
	w       http.ResponseWriter
	control *http.ResponseController
	handler context.Context // ends when the handler has returned, or before

	mu       sync.Mutex // held while w is in use
	closed   bool
	finished chan struct{} // closed when w is not used any more
}

func (s *http2Stream) Read(p []byte) (int, error) { return s.body.Read(p) }

func (s *http2Stream) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.handler.Err() != nil {
		return 0, net.ErrClosed
	}
	defer func() {
		// A handler that returns too early takes w away in the middle of this. net/http panics then.
		if recover() != nil {
			n, err = 0, errHandlerReturned
		}
	}()
	if n, err = s.w.Write(p); err == nil {
		err = s.control.Flush()
	}
	return n, err
}

var errHandlerReturned = errors.New("ws: the handler of an HTTP/2 request returned before the connection had ended")

// Close ends the stream, as far as it can be ended before the handler returns. A Write that waits for the client is
// ended by resetting the stream.
func (s *http2Stream) Close() error {
	if !s.mu.TryLock() {
		if s.handler.Err() == nil {
			s.interruptWrite()
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	close(s.finished)
	return s.body.Close()
}

// interruptWrite ends a Write that waits for the client. If it fails, Close has to do without it. Like a Write, it
// panics if the handler returns meanwhile.
func (s *http2Stream) interruptWrite() {
	defer func() { _ = recover() }()
	_ = s.control.SetWriteDeadline(time.Unix(1, 0))
}
