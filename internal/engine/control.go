package engine

import (
	"time"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// queueControlLocked queues a control frame ahead of the messages that wait. It is for the time until our Close frame is
// written: afterwards nothing may follow.
func (e *Endpoint) queueControlLocked(op frame.Opcode, payload []byte) {
	ch := e.out.controls
	if ch == nil {
		ch = new(chunk)
		e.out.controls = ch
	}
	if len(ch.buf) > maxControls {
		// Only the latest ping needs an answer (RFC 6455, section 5.5.3).
		ch.buf = ch.buf[:0]
		if ch.ping {
			ch.buf = e.appendFrame(ch.buf, frame.Ping, true, false, nil, frame.NewKey())
		}
	}
	ch.buf = e.appendFrame(ch.buf, op, true, false, payload, frame.NewKey())
	ch.ping = ch.ping || op == frame.Ping
}

// answerPing answers a ping.
func (e *Endpoint) answerPing(payload []byte) {
	e.mu.Lock()
	if e.mayControlLocked() {
		e.queueControlLocked(frame.Pong, payload)
		e.writeControlLocked()
	}
	e.unlock()
}

// writeControlLocked writes control frames at once, if it can be done without waiting.
func (e *Endpoint) writeControlLocked() {
	if !e.writing {
		if !e.flushing {
			e.writeInlineLocked(1)
		}
		e.leaveWritingLocked()
	}
}

// pinger finds out whether the peer is still there (RFC 6455, section 5.5.2). A ping goes out every interval. From the moment
// the network has taken it, something must be received within an interval, be it the pong or anything else.
//
// Time counts only while it says something about the peer. Until the ping has left, a peer that takes bytes lives. Until the
// peer's system has the ping, so does one whose system acknowledges bytes. While the Owner wants nothing received, nothing can
// be. And a process that was stopped itself, or is short of processor time, first looks at what has arrived meanwhile.
type pinger struct {
	interval time.Duration
	timer    *time.Timer
	state    pingState
	due      time.Time // when the timer is to run
	written  int64     // the stream's Written when the ping was queued or last seen to rise
	end      int64     // Written when the ping had been taken
	taken    int64     // the stream's Taken when it was last seen to rise
	received int64     // Endpoint.received when the ping had been taken
	resumes  uint32    // Endpoint.resumes then
	doubted  bool      // the connection is to be failed, unless a last look finds a reason not to
}

// pingState is what has become of the last ping.
type pingState uint8

const (
	pingAnswered pingState = iota // something was received since; or there was none
	pingQueued                    // it has not left
	pingTaken                     // the network has taken it
)

// lastLook is how long after the interval a connection is failed: the goroutine that reads may be about to report what has arrived.
const lastLook = 20 * time.Millisecond

func (e *Endpoint) startPingingLocked() {
	if p := e.pinger; p != nil && e.receiving != over {
		p.due = time.Now().Add(p.interval)
		p.timer = time.AfterFunc(p.interval, e.pingDue)
	}
}

func (p *pinger) restart(d time.Duration) {
	p.due = time.Now().Add(d)
	p.timer.Reset(d)
}

// pingDue runs when the interval is over.
func (e *Endpoint) pingDue() {
	e.mu.Lock()
	defer e.unlock()
	p := e.pinger
	if !e.mayControlLocked() || e.receiving != receiving {
		return
	}
	late := time.Since(p.due) > p.interval/2
	switch {
	case p.state == pingAnswered || e.answeredLocked():
		e.sendPingLocked()
	case late || e.mayBeAliveLocked():
		p.doubted = false
		p.restart(p.interval)
	case !p.doubted || !e.lookedLocked():
		p.doubted = true
		e.keepReadingLocked()
		p.restart(lastLook)
	default:
		e.failLocked(0, "", errPongTimeout)
	}
}

// answeredLocked reports whether something has been received since the network took the ping.
func (e *Endpoint) answeredLocked() bool {
	return e.pinger.state == pingTaken && e.received.Load() != e.pinger.received
}

// mayBeAliveLocked reports whether the interval that is over says nothing about the peer, or says that it lives.
func (e *Endpoint) mayBeAliveLocked() bool {
	p := e.pinger
	if p.state == pingQueued {
		written := e.stream.Written()
		alive := written > p.written
		p.written = written
		return alive
	}
	taken := e.stream.Taken()
	alive := taken > p.taken && p.taken < p.end
	p.taken = max(p.taken, taken)
	paused := e.pausedLocked() || p.resumes != e.resumes
	p.resumes = e.resumes
	return alive || paused
}

// lookedLocked reports whether what has arrived has been looked at.
func (e *Endpoint) lookedLocked() bool {
	return e.pinger.state == pingQueued || e.reading.held && e.stream.Quiet()
}

// sendPingLocked begins another interval.
func (e *Endpoint) sendPingLocked() {
	p := e.pinger
	p.state, p.doubted = pingQueued, false
	p.written = e.stream.Written()
	p.restart(p.interval)
	e.queueControlLocked(frame.Ping, nil)
	e.keepReadingLocked()
	e.writeControlLocked()
}

// pingTakenLocked is called when the network has taken our ping.
func (e *Endpoint) pingTakenLocked() {
	p := e.pinger
	p.state, p.doubted = pingTaken, false
	p.end = e.stream.Written()
	p.taken = e.stream.Taken()
	p.received = e.received.Load()
	p.resumes = e.resumes
	p.restart(p.interval)
}
