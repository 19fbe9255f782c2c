package engine

import (
	"time"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// queueControlLocked queues a control frame ahead of the messages that wait. It must not be called once our Close frame
// is being written: nothing may follow that.
func (e *Endpoint) queueControlLocked(op frame.Opcode, payload []byte) {
	ch := e.out.controls
	if ch == nil {
		ch = &chunk{control: true}
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

// pinger finds out whether the peer is still there (RFC 6455, section 5.5.2). A ping goes out every interval. From
// the moment the network has taken it, something must be received within an interval: the pong, or anything else.
//
// Time counts only while it says something about the peer. Until the ping has left, a peer that takes bytes is alive.
// Until the peer's system has the ping, a peer whose system acknowledges bytes is alive. Both are checked several times
// during an interval. While the Owner wants nothing received, nothing can be received, and a peer that waits for that
// takes nothing. And a process that was stopped itself, or is short of processor time, first checks what has arrived
// meanwhile.
type pinger struct {
	interval time.Duration
	timer    *time.Timer
	alive    time.Time     // when the interval began: the ping was sent, or the peer was last seen to take something
	due      time.Duration // when the timer fires, counted from alive
	ping     *sentPing     // nil while none waits for an answer
}

// sentPing is a ping after which nothing has been received yet.
type sentPing struct {
	state    pingState
	doubted  bool   // the connection will be failed, unless a last check finds a reason not to
	resumes  uint32 // Endpoint.resumes when the interval began
	written  int64  // the stream's Written then
	taken    int64  // the stream's Taken then
	end      int64  // the stream's Written when the ping had been taken
	received int64  // Endpoint.received before the ping was handed to the network
}

// pingState says what has happened to a ping.
type pingState uint8

const (
	pingQueued  pingState = iota // it has not left
	pingTaken                    // the network has taken it, but not the peer's system
	pingArrived                  // the peer's system has it, as far as that is known
)

// shortestLook is the shortest time between two checks of what the peer has taken.
const shortestLook = time.Millisecond

// lastLook is how long after the interval a connection is failed: the goroutine that reads may be about to report
// what has arrived.
const lastLook = 20 * time.Millisecond

func (e *Endpoint) startPingingLocked() {
	if p := e.pinger; p != nil && e.receiving != over {
		p.alive, p.due = time.Now(), p.interval
		p.timer = time.AfterFunc(p.interval, e.pingDue)
	}
}

func (p *pinger) set(d time.Duration) {
	p.due = time.Since(p.alive) + d
	p.timer.Reset(d)
}

// wait sets the timer for the end of the interval, or for a check before that.
func (p *pinger) wait() {
	left := max(0, time.Until(p.alive.Add(p.interval)))
	if p.ping != nil && p.ping.state != pingArrived {
		left = min(left, max(p.interval/looks, shortestLook))
	}
	p.set(left)
}

// restart begins the interval again.
func (p *pinger) restart() {
	p.alive = time.Now()
	if p.ping != nil {
		p.ping.doubted = false
	}
	p.wait()
}

// pingDue runs when the interval is over, or when it is time to check.
func (e *Endpoint) pingDue() {
	e.mu.Lock()
	defer e.unlock()
	p := e.pinger
	if !e.mayControlLocked() || e.receiving != receiving {
		return
	}
	late := time.Since(p.alive)-p.due > p.interval/2
	if p.ping != nil && e.answeredLocked() {
		p.ping = nil
	}
	over := time.Since(p.alive) >= p.interval
	switch {
	case p.ping == nil && over:
		e.sendPingLocked()
	case p.ping == nil:
		p.wait()
	case late || e.takesLocked() || e.pausedSincePingLocked():
		p.restart()
	case !over:
		p.wait()
	case !p.ping.doubted || !e.lookedLocked() || e.answeredLocked():
		p.ping.doubted = true
		e.keepReadingLocked()
		p.set(lastLook)
	default:
		e.failLocked(0, "", errPongTimeout)
	}
}

// answeredLocked reports whether something has been received since the ping left.
func (e *Endpoint) answeredLocked() bool {
	ping := e.pinger.ping
	return ping.state >= pingTaken && e.received.Load() != ping.received
}

// takesLocked reports whether the peer has taken something, up to the ping, since the interval began.
func (e *Endpoint) takesLocked() bool {
	ping := e.pinger.ping
	if ping.state == pingArrived {
		return false
	}
	// Both count: the system asks for more only when it has a lot of room, and the peer may take much until then.
	written, taken := e.stream.Written(), e.stream.Taken()
	takes := taken > ping.taken || ping.state == pingQueued && written > ping.written
	ping.written, ping.taken = written, max(ping.taken, taken)
	if ping.state == pingTaken && taken >= ping.end {
		ping.state = pingArrived
	}
	return takes
}

// pausedSincePingLocked reports whether the Owner has wanted nothing received since the interval began.
func (e *Endpoint) pausedSincePingLocked() bool {
	ping := e.pinger.ping
	paused := e.pausedLocked() || ping.resumes != e.resumes
	ping.resumes = e.resumes
	return paused
}

// lookedLocked reports whether everything that has arrived has been handled.
func (e *Endpoint) lookedLocked() bool {
	return e.pinger.ping.state == pingQueued || e.reading.held && e.stream.Quiet()
}

// sendPingLocked sends a ping, which begins another interval.
func (e *Endpoint) sendPingLocked() {
	e.pinger.ping = &sentPing{resumes: e.resumes, written: e.stream.Written(), taken: e.stream.Taken()}
	e.pinger.restart()
	e.queueControlLocked(frame.Ping, nil)
	e.keepReadingLocked()
	e.writeControlLocked()
}

// pingTakenLocked is called when the network has taken our ping.
func (e *Endpoint) pingTakenLocked() {
	if e.receiving == over {
		return // the timer has been stopped
	}
	ping := e.pinger.ping
	ping.state = pingTaken
	ping.end, ping.taken = e.stream.Written(), e.stream.Taken()
	if ping.taken >= ping.end {
		ping.state = pingArrived
	}
	ping.resumes = e.resumes
	e.pinger.restart()
}

// pingLeavesLocked is called before our ping is handed to the network: the pong may come before the write is over.
func (e *Endpoint) pingLeavesLocked() { e.pinger.ping.received = e.received.Load() }
