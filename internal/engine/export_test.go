package engine

import (
	"time"
	"unsafe"
)

// What the tests of package engine_test inspect, and what they do instead of a timer. Those tests are not in package
// engine because they use internal/netio, which imports it.

var (
	ErrReplyTimeout = errReplyTimeout
	ErrStalled      = errStalled
	ErrPongTimeout  = errPongTimeout
)

// ReadingRight is how the right to read is held.
type ReadingRight struct {
	Held, Stopped, Watched bool
	Number                 uint32
}

func (e *Endpoint) Right() ReadingRight {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.reading
	return ReadingRight{r.held, r.stopped, r.watched, r.number}
}

// LendReading claims the right to read for a Read whose context ends with that channel. It reports whether it was free.
func (e *Endpoint) LendReading(ending <-chan struct{}) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.claimReadingLocked() == 0 {
		return false
	}
	e.reading.ending = ending
	return true
}

// DropReading gives the right to read up and stops the timer that would claim it. It reports false if somebody
// holds the right, or the timer is running its function.
func (e *Endpoint) DropReading() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.reading
	return !r.held && (r.timer == nil || r.timer.Stop())
}

// NewUnread returns an Endpoint that nobody reads, whose right to read is free and claimed by no timer.
func NewUnread(owner Owner, stream Stream, config *Config) *Endpoint {
	e := New(owner, stream, config)
	e.reading.held = false
	e.reading.timer = time.AfterFunc(time.Hour, func() {})
	return e
}

// HoldReading and FreeReading are the beginning and the end of holding the right to read.
func (e *Endpoint) HoldReading() {
	e.mu.Lock()
	e.reading.held = true
	e.mu.Unlock()
}

func (e *Endpoint) FreeReading() {
	e.mu.Lock()
	e.reading.held = false
	e.mu.Unlock()
}

// WantReading is a Read that asks for the right to read in vain.
func (e *Endpoint) WantReading() {
	e.reading.wanted.Store(true)
}

func (e *Endpoint) StopReading(ending <-chan struct{}) { e.stopReading(ending) }
func (e *Endpoint) YieldReading() bool                 { return e.yieldReading() }

// PingDue ends the interval of a ping.
func (e *Endpoint) PingDue() { e.pingDueLate(0) }

// PingDueLate is PingDue in a process that has been stopped for a while.
func (e *Endpoint) PingDueLate() { e.pingDueLate(e.pinger.interval) }

func (e *Endpoint) pingDueLate(late time.Duration) {
	e.mu.Lock()
	if e.pinger.timer != nil {
		e.pinger.timer.Stop()
	}
	e.pinger.due = e.pinger.interval
	e.pinger.alive = time.Now().Add(-late - e.pinger.due)
	e.mu.Unlock()
	e.pingDue()
}

// Writing reports whether somebody writes.
func (e *Endpoint) Writing() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.writing
}

// StartPinging is Start without reading.
func (e *Endpoint) StartPinging() {
	e.mu.Lock()
	e.startPingingLocked()
	e.mu.Unlock()
}

// Paused reports whether reading is paused.
func (e *Endpoint) Paused() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pausedLocked()
}

// ReplyExtensions returns how often the time for the peer's Close frame has begun again.
func (e *Endpoint) ReplyExtensions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing == nil {
		return 0
	}
	return e.closing.extensions
}

// Queued returns how much memory is kept for what waits to be written.
func (e *Endpoint) Queued() (memory int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for ch := e.out.chunks.first; ch != nil; ch = ch.next {
		memory += cap(ch.buf) + int(unsafe.Sizeof(*ch))
	}
	return memory
}
