package engine

import (
	"cmp"
	"time"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// Timeouts limit how long a closing connection waits for its peer. The zero value of a field means the default.
type Timeouts struct {
	// Stall limits the time in which the peer takes nothing of what waits to be written, including the Close frame: 120 s.
	// A peer that takes something more often may take as long as it wants, if it takes leastRate.
	Stall time.Duration

	// Reply limits the time from the moment the peer has our Close frame until its own comes. A client waits 60 s, and
	// starts again while data keeps arriving, up to replyExtensions times. A server waits 10 s and no longer.
	Reply time.Duration

	// Disconnect limits the time until the stream ends, after both Close frames or after the connection was failed: 2 s.
	// The server has to close first (RFC 6455, section 7.1.1).
	Disconnect time.Duration
}

// defaultTimeouts returns the defaults of a client or of a server.
var defaultTimeouts = [...]Timeouts{
	frame.Client: {Stall: 120 * time.Second, Reply: 60 * time.Second, Disconnect: 2 * time.Second},
	frame.Server: {Stall: 120 * time.Second, Reply: 10 * time.Second, Disconnect: 2 * time.Second},
}

// orDefaults returns t with the defaults of a role filled in.
func (t *Timeouts) orDefaults(role frame.Side) *Timeouts {
	defaults := &defaultTimeouts[role]
	if *t == (Timeouts{}) {
		return defaults // one for all connections
	}
	return &Timeouts{
		Stall:      cmp.Or(t.Stall, defaults.Stall),
		Reply:      cmp.Or(t.Reply, defaults.Reply),
		Disconnect: cmp.Or(t.Disconnect, defaults.Disconnect),
	}
}

const (
	// leastRate is how many bytes a minute a peer has to take of what was queued before our Close frame.
	leastRate = 64 << 10

	// replyExtensions is how often a client's Timeouts.Reply begins again.
	replyExtensions = 4

	// looks is how often during a stage the timer checks whether the peer has taken something.
	looks = 8
)

// closeStage says what a closing connection waits for.
type closeStage uint8

const (
	notClosing     closeStage = iota
	awaitingTaken             // that the peer takes what waits to be written
	awaitingReply             // that the peer's Close frame comes
	awaitingStream            // that the stream ends
)

// closeTimer limits the time of each stage.
type closeTimer struct {
	stage      closeStage
	timer      *time.Timer
	due        time.Time // when the timer fires
	began      time.Time // the stage
	progressed time.Time // when the peer was last seen to take something
	taken      int64     // the stream's Taken then
	first      int64     // the stream's Taken when the stage began
	onItsWay   time.Time // when our Close frame was last seen not to have reached the peer's system
	arrived    bool      // our Close frame has reached it, and the timer is set for the end of the stage
	received   int64     // Endpoint.received then
	extensions int       // of Timeouts.Reply
	writeErr   error     // why sending is broken, if a write failed
}

func (t *closeTimer) stop() {
	if t != nil && t.timer != nil {
		t.timer.Stop()
	}
}

// stageLocked derives from the states what the connection waits for.
func (e *Endpoint) stageLocked() closeStage {
	switch {
	case e.receiving == over:
		return notClosing
	case e.receiving == ignoring, e.sending == broken:
		return awaitingStream
	case e.sending == closeQueued, e.sending == closeWriting:
		return awaitingTaken
	case e.sending == closeSent && e.receiving == receiving:
		return awaitingReply
	case e.sending == closeSent:
		return awaitingStream
	}
	return notClosing
}

// watchClosingLocked sets the timer for a stage that has begun.
func (e *Endpoint) watchClosingLocked() {
	stage := e.stageLocked()
	if e.closing == nil {
		if stage == notClosing {
			return
		}
		e.closing = new(closeTimer)
	}
	t := e.closing
	if stage == t.stage {
		return
	}
	now := time.Now()
	t.stage, t.began, t.progressed, t.onItsWay, t.arrived = stage, now, now, now, false
	t.first = e.stream.Taken()
	t.taken = t.first
	switch {
	case stage == notClosing:
		t.stop()
	case stage == awaitingTaken:
		t.set(e, e.timeouts.Stall/looks)
	case e.sending == closeSent && e.receiving != ignoring:
		t.set(e, e.stageTimeLocked()/looks)
	default:
		t.arrived = true // or never will
		t.set(e, e.stageTimeLocked())
	}
}

// stageTimeLocked is the time of a stage that does not wait for bytes to be taken.
func (e *Endpoint) stageTimeLocked() time.Duration {
	if e.closing.stage == awaitingReply {
		return e.timeouts.Reply
	}
	return e.timeouts.Disconnect
}

func (t *closeTimer) set(e *Endpoint, d time.Duration) {
	t.due = time.Now().Add(d)
	if t.timer == nil {
		t.timer = time.AfterFunc(d, e.closeDue)
	} else {
		t.timer.Reset(d)
	}
}

// closeDue runs when the time of a stage is over, or when it is time to check.
func (e *Endpoint) closeDue() {
	e.mu.Lock()
	defer e.unlock()
	t := e.closing
	if t.stage == notClosing || e.receiving == over {
		return
	}
	if left := time.Until(t.due); left > 0 {
		t.timer.Reset(left) // the stage has changed while this run waited for mu
		return
	}
	cause := e.closeCauseLocked()
	if cause == nil {
		return
	}
	if e.receiving != ignoring {
		e.unsaid = e.endOf(cause)
	}
	e.overLocked()
	go e.stream.Abort() // its error no longer matters
}

// closeCauseLocked returns why the connection has to be ended now, or sets the timer again and returns nil.
func (e *Endpoint) closeCauseLocked() error {
	t := e.closing
	stalled := e.stalledLocked()
	if t.stage == awaitingTaken {
		if stalled {
			return errStalled
		}
		t.set(e, e.timeouts.Stall/looks)
		return nil
	}
	d := e.stageTimeLocked()
	if !t.arrived {
		// The peer's time begins when its system has our Close frame.
		switch {
		case e.stream.Taken() == e.stream.Written():
			t.arrived = true
			t.received = e.received.Load()
			t.set(e, max(0, time.Until(t.onItsWay.Add(d))))
			return nil
		case !stalled:
			t.onItsWay = time.Now()
			t.set(e, d/looks)
			return nil
		}
	} else if received := e.received.Load(); t.stage == awaitingReply && received != t.received && e.mayExtendLocked() {
		t.extensions++
		t.received = received
		t.set(e, d)
		return nil
	}
	if t.writeErr != nil {
		return t.writeErr
	}
	return errReplyTimeout
}

// mayExtendLocked reports whether Timeouts.Reply may begin again.
func (e *Endpoint) mayExtendLocked() bool {
	return e.role == frame.Client && e.closing.extensions < replyExtensions
}

// stalledLocked looks at how much the peer has taken, and reports whether it is too little.
func (e *Endpoint) stalledLocked() bool {
	t := e.closing
	now := time.Now()
	if taken := e.stream.Taken(); taken > t.taken {
		t.taken, t.progressed = taken, now
	}
	allowed := e.timeouts.Stall + time.Duration(float64(t.taken-t.first)/leastRate*float64(time.Minute))
	return now.Sub(t.progressed) >= e.timeouts.Stall || now.Sub(t.began) >= allowed
}
