package engine

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// reading is the right to read from the stream and to parse what comes. One goroutine at a time holds it; incoming
// belongs to the holder. A goroutine of the package holds it while the program does something else. A Read of the
// program that waits claims it if it is free, and a handler is called by the goroutine that has read its message,
// which releases it meanwhile: a change of goroutines costs more than everything else about a small message, and
// made a ping-pong take twice as long.
//
// The right is free while the program handles what it got. If the program comes back for more, that is only a moment.
// Otherwise a timer claims the right for a goroutine, so that control frames are answered whatever the program does.
type reading struct {
	wanted   atomic.Bool // a Read has asked for the right in vain since messages were last handed over
	held     bool        // somebody holds it
	lendable bool        // a Read of the program may hold the right
	stopped  bool        // a read deadline has been set to stop whoever holds it
	watched  bool        // the timer runs
	rests    bool        // a goroutine whose stack has grown gives way to a fresh one: see restAfter
	grown    bool        // the stack of the goroutine that holds the right has grown, by handlers or a control frame
	resting  bool        // the timer runs for restAfter
	number   uint32      // of the last claim
	checked  uint32      // number when the timer last ran
	timer    *time.Timer
	ending   <-chan struct{} // of the context of the Read that holds the right; nil if it has none, or no Read holds it
}

// freeAtMost is how long the right may be free until a goroutine claims it, and half of the longest time that a control
// frame waits for it. A timer that fires more often makes a ping-pong slower: every millisecond, 1.15 times.
const freeAtMost = 12 * time.Millisecond

// restAfter is how long after the last message, or after a control frame, the goroutine that reads gives way to a fresh
// one, if its stack has grown: it would keep 2 KiB and more for as long as it waits. To do so after every message took
// 1.5 times as much processor time for a ping-pong.
const restAfter = 200 * time.Millisecond

// past is a read deadline in the past.
var past = time.Unix(1, 0)

// claimReadingLocked returns a number other than 0 if it has claimed the right to read for its caller, who then has to
// read.
func (e *Endpoint) claimReadingLocked() (number uint32) {
	r := &e.reading
	if r.held || e.readAllLocked() {
		return 0
	}
	r.held, r.grown = true, false
	return r.nextNumber()
}

func (r *reading) nextNumber() uint32 {
	if r.number++; r.number == 0 {
		r.number = 1
	}
	return r.number
}

// releaseReadingLocked gives up the right. Whoever comes first gets it, the timer at the latest. There is one timer for
// many messages, because setting it for each took a fifth of the time of a flood.
func (e *Endpoint) releaseReadingLocked() {
	r := &e.reading
	r.held = false
	if e.readAllLocked() {
		e.incoming.forget()
		return
	}
	if r.watched && !r.resting {
		return
	}
	r.resting = false
	e.setTimerLocked(freeAtMost)
}

// setTimerLocked makes checkReading run after some time.
func (e *Endpoint) setTimerLocked(after time.Duration) {
	r := &e.reading
	r.watched, r.checked = true, r.number
	if r.timer == nil {
		r.timer = time.AfterFunc(after, e.checkReading)
	} else {
		r.timer.Reset(after)
	}
}

// checkReading claims the right for a goroutine if it has been free since the last check, and lets a goroutine that has
// held it all the time rest.
func (e *Endpoint) checkReading() {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.reading
	switch {
	case !r.watched: // the timer was set again when it was about to run
	case e.readAllLocked():
		r.watched = false
	case r.number != r.checked:
		r.checked, r.resting = r.number, false
		r.timer.Reset(freeAtMost)
	case r.held && r.grown && !r.resting:
		r.resting = true
		r.timer.Reset(restAfter)
	default:
		// Drop the timer: most connections are quiet, and a new one is made when it is needed.
		r.watched, r.resting, r.timer = false, false, nil
		if r.held && r.grown {
			r.stopped = true
			e.stream.SetReadDeadline(past)
		}
		e.keepReadingLocked()
	}
}

// keepReadingLocked makes a goroutine read if nobody does, because what has been done changes what happens next.
func (e *Endpoint) keepReadingLocked() {
	if e.claimReadingLocked() != 0 {
		go e.readLoop()
	}
}

// readLoop reads, with the right claimed for it, until the connection is over or somebody else has the right.
func (e *Endpoint) readLoop() {
	for e.awaitResume() {
		next, err := e.receive()
		switch {
		case err != nil && e.mayRest(err):
			e.stream.ExpectWait()
			go e.readLoop()
			return
		case err != nil:
			e.streamEnded(err)
		case next == Deliver:
			e.mu.Lock()
			e.releaseReadingLocked()
			e.mu.Unlock()
			e.owner.Deliver()
			e.mu.Lock()
			mine := e.claimReadingLocked() != 0
			e.reading.grown = mine && e.reading.rests
			e.mu.Unlock()
			if !mine {
				return
			}
		case next == Yield && e.yieldReading():
			return
		}
	}
}

// restLater is called by the goroutine that reads, after a control frame.
func (e *Endpoint) restLater() {
	if !e.reading.rests {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.reading
	r.grown = true
	if r.watched || e.receiving != receiving {
		return
	}
	r.resting = true
	e.setTimerLocked(restAfter)
}

// mayRest reports whether a read has ended because checkReading wants another goroutine to go on, and takes that back.
func (e *Endpoint) mayRest(err error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.reading
	if !r.stopped || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	e.stream.SetReadDeadline(time.Time{})
	r.stopped, r.grown = false, false
	return true
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

// yieldReading leaves reading to a program that takes messages with Reads and will come back for more. Two
// goroutines that compete for a lock would take three times as long for a flood of small messages as one does.
func (e *Endpoint) yieldReading() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.reading
	// A Read that has come for the next message waits for whoever holds the right.
	if r.wanted.Load() || !r.lendable || e.sending != open || e.receiving != receiving || e.low >= 0 {
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
	if e.claimReadingLocked() == 0 {
		e.reading.wanted.Store(true)
		e.mu.Unlock()
		return
	}
	e.reading.ending = ctx.Done()
	e.mu.Unlock()
	in := &e.incoming
	in.ignore = false
	if ctx.Done() != nil {
		if in.watch == nil {
			in.watch = new(watch)
		}
		in.watch.begin(ctx, e)
	}
	// The previous holder may have woken it before the right was claimed, and ctx may have ended before.
	goOn := !w.Woken() && (ctx.Done() == nil || ctx.Err() == nil)
	if goOn {
		in.offer(w.Room())
	}
	for goOn {
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
		goOn = e.lendOnLocked(w)
		if !goOn && !in.lent() {
			e.endLendingLocked()
			e.unlock()
			return
		}
		e.unlock()
	}
	in.takeBack() // without mu: it may have to copy much
	e.mu.Lock()
	e.endLendingLocked()
	e.unlock()
}

// mayLendLocked reports whether a Read of the program may read.
func (e *Endpoint) mayLendLocked() bool {
	return e.reading.lendable && e.sending == open && e.receiving == receiving && !e.pausedLocked()
}

// lendOnLocked reports whether a Read of the program that holds the right goes on reading.
func (e *Endpoint) lendOnLocked(w Waiter) bool {
	stopped := e.reading.stopped // even if the data came before the deadline
	e.resetStopLocked()
	return !stopped && e.mayLendLocked() && !w.Woken()
}

// endLendingLocked releases the right of a Read, or hands it to a goroutine.
func (e *Endpoint) endLendingLocked() {
	e.resetStopLocked()
	e.reading.ending = nil
	if !e.readAllLocked() && !e.mayLendLocked() {
		e.reading.nextNumber()
		go e.readLoop()
		return
	}
	e.releaseReadingLocked()
}

// stopReading stops the Read that holds the right, if that context ends it.
func (e *Endpoint) stopReading(ending <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reading.held && e.reading.ending == ending {
		e.reading.stopped = true
		e.stream.SetReadDeadline(past)
	}
}

// resetStopLocked lets the next read from the stream wait again.
func (e *Endpoint) resetStopLocked() {
	if e.reading.stopped {
		e.reading.stopped = false
		e.stream.SetReadDeadline(time.Time{})
	}
}

// lent reports whether the Read that holds the right has lent its memory or its context.
func (in *incoming) lent() bool { return in.reader.Offered() || in.watch != nil && in.watch.once }

// takeBack gives them back.
func (in *incoming) takeBack() {
	in.reader.Withdraw()
	if in.watch != nil {
		in.watch.pause()
	}
}

// watch stops the Read that holds the right when its context ends. Most programs read with the same context again and
// again. From the second time on, the watch goes on from Read to Read, which allocates nothing.
type watch struct {
	ending <-chan struct{} // of the context of the last Read that had one
	stop   func() bool     // ends the watch; nil while there is none
	once   bool            // the watch ends with the Read
}

// begin watches ctx, which stops Reads of e when it ends.
func (w *watch) begin(ctx context.Context, e *Endpoint) {
	ending := ctx.Done()
	again := w.ending == ending
	if again && w.stop != nil {
		return
	}
	w.end()
	w.ending, w.once = ending, !again
	w.stop = context.AfterFunc(ctx, func() { e.stopReading(ending) })
}

// pause is called when a Read ends.
func (w *watch) pause() {
	if w.once {
		w.stop()
		w.stop, w.once = nil, false
	}
}

// end ends the watch.
func (w *watch) end() {
	if w.stop != nil {
		w.stop()
	}
	*w = watch{}
}

// pausedLocked reports whether the Owner wants nothing now. Once the Owner has closed the connection, its Pause no
// longer counts, because nobody will get what arrives.
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
