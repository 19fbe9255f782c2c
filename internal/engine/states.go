package engine

import "github.com/seed2c7e30c3/ws/internal/frame"

// Two enumerations, one for each direction, say how far a connection has come. Each is changed by one function only.
//
//	sending:    open ─→ closeQueued ─→ closeWriting ─→ closeSent        any ─→ broken
//	receiving:  receiving ─→ closeReceived ─→ endReceived ─→ over
//	            receiving, closeReceived ─→ ignoring ─→ over

// sendingState is how far our half of the connection has come.
type sendingState uint8

const (
	// open: messages and control frames may be sent.
	open sendingState = iota

	// closeQueued: our Close frame is to follow the messages that have been accepted. Control frames may still
	// overtake it.
	closeQueued

	// closeWriting: our Close frame is being written. Nothing may follow it (RFC 6455, section 5.5.1).
	closeWriting

	// closeSent: our Close frame has been handed to the network.
	closeSent

	// broken: nothing can be sent any more.
	broken
)

// receivingState is how far the peer's half has come.
type receivingState uint8

const (
	// receiving: messages and control frames are parsed.
	receiving receivingState = iota

	// closeReceived: the peer's Close frame has come. What follows it is ignored.
	closeReceived

	// endReceived: the stream has ended after the peer's Close frame, while ours is still on its way.
	endReceived

	// ignoring: the connection was failed or, at a server, closed, and the Owner told. What arrives is ignored; the peer
	// gets a little time to take our Close frame and to end the stream.
	ignoring

	// over: the end has been reported, and nothing more will happen.
	over
)

func (e *Endpoint) setSendingLocked(s sendingState) {
	e.sending = s
	if s == broken {
		e.out.discard()
	}
	e.stateChangedLocked()
}

func (e *Endpoint) setReceivingLocked(s receivingState) {
	if e.receiving == over {
		return
	}
	e.receiving = s
	if s == over {
		e.forgetLocked()
	}
	e.stateChangedLocked()
}

// stateChangedLocked does everything that follows from the states alone.
func (e *Endpoint) stateChangedLocked() {
	switch {
	case e.receiving == over:
	case e.receiving == endReceived && (e.sending == closeSent || e.sending == broken):
		e.endLocked(nil)
		return
	case e.receiving == closeReceived && e.sending == closeSent && e.role == frame.Server:
		// The server closes TCP first (RFC 6455, section 7.1.1). It still reads: the peer may have sent control frames
		// behind its Close frame, and closing with unread data would drop what is on its way to the peer.
		e.unsaid = e.endOf(nil)
		e.setReceivingLocked(ignoring)
		go e.closeWrite()
		return
	default:
		e.keepReadingLocked()
	}
	e.wakePausedLocked()
	e.watchClosingLocked()
}

// mayControlLocked reports whether control frames may be sent.
func (e *Endpoint) mayControlLocked() bool { return e.sending <= closeQueued }

// closeWaitsLocked reports whether our Close frame has been queued and not yet been handed to the stream.
func (e *Endpoint) closeWaitsLocked() bool {
	return e.sending == closeQueued || e.sending == closeWriting
}

// readAllLocked reports whether there is nothing left to read.
func (e *Endpoint) readAllLocked() bool { return e.receiving == endReceived || e.receiving == over }
