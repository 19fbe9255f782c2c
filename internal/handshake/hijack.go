//go:build !js

package handshake

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// answerTimeout is how long the answer to a request may take to be written.
const answerTimeout = 10 * time.Second

// Accept answers a request to open a WebSocket. Over HTTP/1.1 it takes the connection from net/http, and writes the
// answer itself: whatever is between w and the connection (compression, for example) takes no part in it. The fields of
// w.Header are included.
//
// A Refusal with a Status has been answered; Status 0 means that nothing could be answered.
func Accept(w http.ResponseWriter, r *http.Request, cfg *AcceptConfig) (*Result, *Refusal) {
	n, refusal := cfg.Check(r)
	if refusal != nil {
		refusal.Answer(w)
		return nil, refusal
	}
	if isExtendedConnect(r) {
		return acceptHTTP2(w, r, &n, cfg.Stays)
	}
	conn, early, err := hijack(w)
	switch {
	case errors.Is(err, http.ErrHijacked):
		return nil, &Refusal{Err: err} // whoever has taken it has answered, or will
	case err != nil:
		return nil, refuseUnanswerable(w, err)
	}
	answer := n.appendAnswer(make([]byte, 0, 512), r.Header.Get("Sec-Websocket-Key"), w.Header())
	if err := writeAnswer(conn, answer); err != nil {
		return nil, &Refusal{Err: errors.Join(fmt.Errorf("writing the answer: %w", err), conn.Close())}
	}
	return &Result{
		Stream: conn, Early: early, Local: conn.LocalAddr(), Remote: conn.RemoteAddr(),
		Protocol: n.protocol, Extensions: n.extensions, Deflate: n.deflate, Deflated: n.deflated,
	}, nil
}

// refuseUnanswerable refuses a request because w cannot carry a connection.
func refuseUnanswerable(w http.ResponseWriter, err error) *Refusal {
	refusal := &Refusal{Status: http.StatusInternalServerError, Err: err}
	refusal.Answer(w)
	return refusal
}

// hijack takes the connection and a copy of what net/http has read after the request, so that net/http's buffers can be
// freed.
func hijack(w http.ResponseWriter) (conn net.Conn, early []byte, err error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, errors.ErrUnsupported) {
		err = fmt.Errorf(
			"the connection cannot be taken from a %T; middleware needs a method Unwrap() http.ResponseWriter: %w", w, err)
	}
	switch {
	case err != nil:
		return nil, nil, err
	case conn == nil:
		return nil, nil, fmt.Errorf("the Hijack method of a %T returned no connection", w)
	}
	if buffered != nil && buffered.Reader != nil {
		if n := buffered.Reader.Buffered(); n > 0 {
			early = make([]byte, n)
			if _, err := io.ReadFull(buffered.Reader, early); err != nil {
				return nil, nil, errors.Join(err, conn.Close())
			}
		}
	}
	return conn, early, nil
}

// writeAnswer writes the answer and leaves the connection without deadlines, which the server may have set. A
// connection that takes no deadline has none, so those errors do not matter.
func writeAnswer(conn net.Conn, answer []byte) error {
	_ = conn.SetDeadline(time.Now().Add(answerTimeout))
	_, err := conn.Write(answer)
	_ = conn.SetDeadline(time.Time{})
	return err
}
