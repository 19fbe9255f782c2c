package engine

import (
	"errors"
	"io"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// The reasons why a connection ended that was not closed cleanly, besides the stream's own errors and frame.Error.
var (
	errReplyTimeout = errors.New("ws: the peer did not answer the Close frame in time")
	errStalled      = errors.New("ws: the peer took too little of what was to be sent before the Close frame")
	errPongTimeout  = errors.New("ws: no pong came for a ping")
)

// ErrSlowPeer is the error of a connection that a Send has failed: see Config.SendLimit.
var ErrSlowPeer = errors.New("ws: the peer takes too little: more bytes are unsent than SendBuffer allows")

const (
	codeAbnormal = 1006
	codeProtocol = frame.ProtocolError
	codePolicy   = frame.PolicyViolation
)

// closeFrame is the content of a Close frame.
type closeFrame struct {
	code   uint16
	reason string
}

// StartClosing queues the Close frame behind all messages (RFC 6455, section 7.1.2); code 1005 means one without a
// status. What the stream takes at once is written before it returns. From then on Send refuses messages. StartClosing
// does nothing if a Close frame has been queued before.
func (e *Endpoint) StartClosing(code uint16, reason string) {
	e.mu.Lock()
	defer e.unlock()
	if e.sending == open {
		e.out.close = &closeFrame{code, reason}
		e.setSendingLocked(closeQueued)
		e.startWritingLocked()
	}
}

// Abort ends the connection at once. Nothing is reported to the Owner, which has called it.
func (e *Endpoint) Abort() {
	e.mu.Lock()
	if e.receiving != over {
		e.overLocked()
		go e.stream.Abort() // its error no longer matters
	}
	e.mu.Unlock()
}

// peerClosed takes the peer's Close frame. It is answered at once, whatever the program does.
func (e *Endpoint) peerClosed(payload []byte) {
	code, reason, err := frame.ParseClose(payload)
	if err != nil {
		e.peerFailed(err)
		return
	}
	e.mu.Lock()
	if e.receiving != receiving {
		e.mu.Unlock()
		return
	}
	e.peerClose = &closeFrame{code, reason}
	e.setReceivingLocked(closeReceived)
	if e.sending == open {
		e.out.close = e.peerClose
		e.setSendingLocked(closeQueued)
	}
	e.mu.Unlock()
	e.owner.PeerClosing() // before our Close frame, which may end the connection
	e.mu.Lock()
	e.startWritingLocked()
	e.unlock()
}

// peerFailed fails the connection for what the peer sent.
func (e *Endpoint) peerFailed(err error) {
	code, reason := codeProtocol, ""
	var violation *frame.Error
	if errors.As(err, &violation) {
		code, reason = violation.Code, violation.Reason
	}
	e.mu.Lock()
	e.failLocked(code, reason, err)
	e.unlock()
}

// failLocked fails the connection (RFC 6455, section 7.1.7). A Close frame goes out if there is a code, behind what
// is being written; then the stream is given a little time to bring it to the peer.
func (e *Endpoint) failLocked(code uint16, reason string, cause error) {
	if e.receiving == ignoring || e.receiving == over {
		return
	}
	e.unsaid = &End{Code: codeAbnormal, Failed: true, Err: cause}
	switch {
	case e.sending == closeSent:
		e.setReceivingLocked(ignoring)
		go e.closeWrite()
	case code != 0 && e.sending != broken:
		if e.sending != closeWriting {
			e.out.discardUnbegun()
			e.out.close = &closeFrame{code, reason}
		}
		e.setReceivingLocked(ignoring)
		if e.sending == open {
			e.setSendingLocked(closeQueued)
		}
		e.startWritingLocked()
	default:
		e.overLocked()
		go e.stream.Abort() // its error no longer matters
	}
}

// streamEnded is called when a read has failed, by the goroutine that reads.
func (e *Endpoint) streamEnded(err error) {
	e.mu.Lock()
	e.streamEndedLocked(err)
	e.unlock()
}

func (e *Endpoint) streamEndedLocked(err error) {
	if e.receiving == closeReceived && e.sending != closeSent && e.sending != broken {
		// Our answer to the peer's Close frame still waits behind messages. A peer that has closed only its sending side can
		// still take it.
		e.setReceivingLocked(endReceived)
		return
	}
	e.endLocked(err)
}

// endLocked ends the connection, for err unless there was a closing handshake.
func (e *Endpoint) endLocked(err error) {
	if e.receiving == over {
		return
	}
	if e.receiving != ignoring {
		e.unsaid = e.endOf(err)
	}
	e.overLocked()
	go e.stream.Close() // its error no longer matters
}

// endOf returns the End of a connection that was not failed.
func (e *Endpoint) endOf(err error) *End {
	if e.peerClose != nil {
		return &End{Code: e.peerClose.code, Reason: e.peerClose.reason, Clean: e.sending == closeSent}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &End{Code: codeAbnormal, Err: err}
}

// overLocked marks the connection as over: nothing more will happen.
func (e *Endpoint) overLocked() {
	if e.sending != broken {
		e.sending = broken // without setSendingLocked, which would report the end
		e.out.discard()
	}
	e.setReceivingLocked(over)
}

// forgetLocked stops the timers and gives up memory.
func (e *Endpoint) forgetLocked() {
	e.closing.stop()
	if e.pinger != nil && e.pinger.timer != nil {
		e.pinger.timer.Stop()
	}
	if e.reading.timer != nil {
		e.reading.timer.Stop()
	}
	if !e.reading.held {
		e.incoming.forget()
	}
	e.wakePausedLocked()
}
