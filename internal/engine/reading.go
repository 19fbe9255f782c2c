package engine

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// reading is the right to read from the stream and to parse what comes. One goroutine at a time holds it; incoming
// belongs to the holder. A goroutine of the package holds it while the program does something else. A Read of the
// program that waits claims it if it is free, and a handler is called by the goroutine that has read its message,
// which releases it meanwhile: a change of goroutines costs more than everything else about a small message, and
// made a ping-pong take twice as long.
//
// The right is free while the program is busy with what it got. That is for a moment if it comes back for more.
// Otherwise a timer claims the right for a goroutine, so that control frames are answered whatever the program
// does.
type reading struct {
	lendable bool   // a Read of the program may hold the right
	held     bool   // somebody holds it
	wanted   bool   // a Read has asked for it in vain since the holder last looked
	stopped  bool   // a read deadline has been set to stop the Read that holds it
	watched  bool   // the timer runs
	number   uint32 // of the last claim
	checked  uint32 // number when the timer last ran
	timer    *time.Timer
}

// freeAtMost is how long the right may be free until a goroutine claims it, and half of the longest time that a
// control frame waits for it. A timer that is due more often makes a ping-pong slower: every millisecond 1.15
// times.
const freeAtMost = 12 * time.Millisecond

// past is a read deadline that is over.
var past = time.Unix(1, 0)

// claimReadingLocked returns a number other than 0 if it has got the right to read for its caller, who now has to read.
func (e *Endpoint) claimReadingLocked() (number uint32) {
	r := &e.reading
	if r.held || e.readAllLocked() {
		return 0
	}
	r.held = true
	return r.nextNumber()
}

func (r *reading) nextNumber() uint32 {
	if r.number++; r.number == 0 {
		r.number = 1
	}
	return r.number
}

// releaseReadingLocked gives up the right to whoever comes first, at last to the timer. There is one timer for many
// messages, because setting it for each took a fifth of the time of a flood.
func (e *Endpoint) releaseReadingLocked() {
	r := &e.reading
	r.held = false
	if e.readAllLocked() {
		e.incoming.forget()
		return
	}
	if r.watched {
		return
	}
	r.watched, r.checked = true, r.number
	if r.timer == nil {
		r.timer = time.AfterFunc(freeAtMost, e.checkReading)
	} else {
		r.timer.Reset(freeAtMost)
	}
}

// checkReading claims the right for a goroutine if it has been free since the last check.
func (e *Endpoint) checkReading() {
	e.mu.Lock()
	r := &e.reading
	switch {
	case e.readAllLocked():
		r.watched = false
	case r.number != r.checked:
		r.checked = r.number
		r.timer.Reset(freeAtMost)
	default:
		// The timer goes: most connections are quiet, and another one is made when it is needed.
		r.watched, r.timer = false, nil
		e.keepReadingLocked()
	}
	e.mu.Unlock()
}

// keepReadingLocked makes a goroutine read if nobody does, because what has been done changes what happens next.
func (e *Endpoint) keepReadingLocked() {
	if e.claimReadingLocked() != 0 {
		go e.readLoop()
	}
}

// readLoop reads, with the right claimed for it, until the connection is over or the right is another's.
func (e *Endpoint) readLoop() {
	for e.awaitResume() {
		next, err := e.receive()
		switch {
		case err != nil:
			e.streamEnded(err)
		case next == Deliver:
			e.mu.Lock()
			e.releaseReadingLocked()
			e.mu.Unlock()
			e.owner.Deliver()
			e.mu.Lock()
			mine := e.claimReadingLocked() != 0
			e.mu.Unlock()
			switch {
			case !mine:
				return
			case e.role == frame.Server && len(e.incoming.rest) == 0 && !e.stream.Arrived():
				// The handlers have made the stack of this goroutine grow, which it would keep while it waits: 2 KiB and more of a
				// server's connection.
				go e.readLoop()
				return
			}
		case next == Yield && e.yieldReading():
			return
		}
	}
}

// awaitResume waits while the Owner's Pause lasts. It returns false, with the right to read given up, when the
// connection is over.
func (e *Endpoint) awaitResume() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.pausedLocked() {
		e.waitResumedLocked()
	}
	if e.readAllLocked() {
		e.releaseReadingLocked()
		return false
	}
	e.incoming.ignore = e.receiving != receiving
	return true
}

// yieldReading leaves reading to a program that is taking messages by Reads and will come back for more. Two
// goroutines that compete for a lock would take three times as long for a flood of small messages as one does.
func (e *Endpoint) yieldReading() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.reading
	wanted := r.wanted
	r.wanted = false
	if wanted || !r.lendable || e.sending != open || e.receiving != receiving || e.low >= 0 {
		return false
	}
	e.releaseReadingLocked()
	return true
}

// readUntil is ReadUntil.
func (e *Endpoint) readUntil(ctx context.Context, w Waiter) {
	e.mu.Lock()
	if !e.mayLendLocked() {
		e.mu.Unlock()
		return
	}
	number := e.claimReadingLocked()
	if number == 0 {
		e.reading.wanted = true
		e.mu.Unlock()
		return
	}
	e.incoming.ignore = false
	e.mu.Unlock()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { e.stopReading(number) })
		defer stop()
	}
	if w.Woken() { // before the right was claimed: the holder before has brought the message
		e.mu.Lock()
		e.lentLocked(w)
		e.mu.Unlock()
		return
	}
	for {
		next, err := e.receive()
		if next == Deliver {
			go e.owner.Deliver()
		}
		e.mu.Lock()
		if err != nil && e.reading.stopped && errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		if err != nil {
			e.streamEndedLocked(err)
		}
		goOn := e.lentLocked(w)
		e.unlock()
		if !goOn {
			return
		}
	}
}

// mayLendLocked reports whether a Read of the program may read.
func (e *Endpoint) mayLendLocked() bool {
	return e.reading.lendable && e.sending == open && e.receiving == receiving && !e.pausedLocked()
}

// lentLocked reports whether a Read of the program that holds the right goes on reading. If not, it releases the
// right or hands it to a goroutine.
func (e *Endpoint) lentLocked(w Waiter) (goOn bool) {
	r := &e.reading
	stopped := r.stopped // whether or not the deadline came before the data
	if stopped {
		e.stream.SetReadDeadline(time.Time{})
		r.stopped = false
	}
	switch {
	case e.readAllLocked():
		e.releaseReadingLocked()
	case !e.mayLendLocked():
		r.nextNumber()
		go e.readLoop()
	case stopped || w.Woken():
		e.releaseReadingLocked()
	default:
		return true
	}
	return false
}

// stopReading stops the Read that has claimed the right with that number, if it still holds it.
func (e *Endpoint) stopReading(number uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reading.held && e.reading.number == number {
		e.reading.stopped = true
		e.stream.SetReadDeadline(past)
	}
}

// pausedLocked reports whether the Owner wants nothing now. An Owner that has closed the connection takes its Pause
// back: nobody will get what arrives.
func (e *Endpoint) pausedLocked() bool { return e.pauses != e.resumes && e.receiving == receiving }

func (e *Endpoint) waitResumedLocked() {
	if e.resumed == nil {
		e.resumed = sync.NewCond(&e.mu)
	}
	e.resumed.Wait()
}

func (e *Endpoint) wakePausedLocked() {
	if e.resumed != nil && !e.pausedLocked() {
		e.resumed.Broadcast()
	}
}
