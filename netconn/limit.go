package netconn

import (
	"context"
	"slices"
	"sync"
	"time"
)

// limit ends the calls of one direction: by a deadline, which can be moved while calls wait, or by Close.
type limit struct {
	mu     sync.Mutex
	due    time.Time   // the deadline, zero if there is none
	timer  *time.Timer // runs until due; one for all deadlines, because each call may be given one of its own
	closed bool
	end    *ending // replaced when a deadline that has passed is moved
}

// ending is the context of all the calls that the same deadline will end. Its Err is context.DeadlineExceeded or, after
// Close, context.Canceled.
type ending struct {
	done chan struct{}
	err  error // set before done is closed

	mu    sync.Mutex
	after []*afterFunc // nil after the end
}

// afterFunc is a function to be called at the end.
type afterFunc struct{ call func() }

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
	if t.IsZero() {
		l.due = t
		l.stopTimer()
		l.renew()
		return true
	}
	left := time.Until(t)
	l.due = time.Now().Add(left) // on the monotonic clock, which cannot be set
	if left <= 0 {
		l.stopTimer()
		l.end.finish(context.DeadlineExceeded)
		return true
	}
	l.renew()
	if l.timer == nil {
		l.timer = time.AfterFunc(left, l.expire)
	} else {
		l.timer.Reset(left)
	}
	return true
}

// renew makes room for calls after a deadline that has passed.
func (l *limit) renew() {
	if l.end.Err() != nil {
		l.end = newEnding()
	}
}

func (l *limit) stopTimer() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// expire ends the calls, unless the deadline has been moved while it waited for mu.
func (l *limit) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.due.IsZero() {
		return
	}
	if left := time.Until(l.due); left > 0 {
		l.timer.Reset(left)
		return
	}
	l.end.finish(context.DeadlineExceeded)
}

// close ends all calls, now and later. It returns the deadline, and whether it is the first call.
func (l *limit) close() (due time.Time, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return time.Time{}, false
	}
	l.stopTimer()
	l.closed = true
	l.renew()
	l.end.finish(context.Canceled)
	return l.due, true
}

// finish ends e, the first time that it is called.
func (e *ending) finish(err error) {
	if e.Err() != nil {
		return
	}
	e.err = err
	close(e.done)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.after {
		go f.call()
	}
	e.after = nil
}

// Deadline implements context.Context. It reports no deadline, because the deadline may be moved.
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

// AfterFunc is called by context.AfterFunc for a context that is not of package context. Without it, every call that
// waits costs a goroutine.
func (e *ending) AfterFunc(call func()) (stop func() bool) {
	f := &afterFunc{call}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Err() != nil {
		go call()
		return func() bool { return false }
	}
	e.after = append(e.after, f)
	return func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		i := slices.Index(e.after, f)
		if i >= 0 {
			e.after = slices.Delete(e.after, i, i+1)
		}
		return i >= 0
	}
}
