package netconn

import (
	"context"
	"sync"
	"time"
)

// limit is what ends the calls of one direction: a deadline, which can be moved while calls wait, or Close.
type limit struct {
	mu     sync.Mutex
	timer  *time.Timer
	closed bool
	end    *ending // replaced when a deadline that has passed is moved
}

// ending is the context of all the calls that the same deadline will end. Its Err is context.DeadlineExceeded or, after
// Close, context.Canceled.
type ending struct {
	done chan struct{}
	err  error // set before done is closed
}

func newLimit() *limit { return &limit{end: newEnding()} }

func newEnding() *ending { return &ending{done: make(chan struct{})} }

// current returns the context for a call that begins now.
func (l *limit) current() *ending {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// set moves the deadline to t, or removes it if t is zero. It reports whether the connection is not closed.
func (l *limit) set(t time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	left := time.Until(t)
	if !t.IsZero() && left <= 0 {
		l.end.finish(context.DeadlineExceeded)
		return true
	}
	if l.end.Err() != nil {
		l.end = newEnding()
	}
	if !t.IsZero() {
		l.startTimer(left)
	}
	return true
}

// startTimer ends the calls after left, unless the timer has been stopped or replaced by then: its function may already
// wait for mu when that happens.
func (l *limit) startTimer(left time.Duration) {
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.timer == timer {
			l.end.finish(context.DeadlineExceeded)
		}
	})
	l.timer = timer
}

// close ends all calls, now and later.
func (l *limit) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.closed = true
	if l.end.Err() == context.DeadlineExceeded {
		l.end = newEnding()
	}
	l.end.finish(context.Canceled)
}

// finish ends e, the first time that it is called.
func (e *ending) finish(err error) {
	if e.Err() == nil {
		e.err = err
		close(e.done)
	}
}

// Deadline implements context.Context. It tells none, because it may be moved.
func (e *ending) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (e *ending) Done() <-chan struct{} { return e.done }

// Err implements context.Context.
func (e *ending) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return nil
	}
}

// Value implements context.Context.
func (e *ending) Value(any) any { return nil }
