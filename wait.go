package ws

import (
	"context"
	"slices"
)

// waiting has the calls that wait: those of Read in the order in which they began, and those of Drain.
type waiting struct {
	readers []*readWaiter
	drains  []*drainWaiter

	// These are from calls that have returned, for the next ones, which then allocate nothing.
	spareReader *readWaiter
	spareDrain  *drainWaiter
}

// readWaiter is a Read that waits. It is woken with a message, or without one at the end of the connection and if the
// next message does not suit it.
type readWaiter struct {
	request request
	wake    chan struct{}
	message payload
	got     bool
}

// drainWaiter is a Drain that waits. It is woken when buffered may be at most max, and at the end of the connection.
type drainWaiter struct {
	max  int64
	wake chan struct{}
}

// Woken reports whether the Read need not wait any more.
func (w *readWaiter) Woken() bool { return len(w.wake) > 0 }

func (c *Conn) waits() *waiting {
	if c.waiting == nil {
		c.waiting = new(waiting)
	}
	return c.waiting
}

// popReader returns the Read that has waited longest, which then no longer waits.
func (w *waiting) popReader() *readWaiter {
	first := w.readers[0]
	w.readers = slices.Delete(w.readers, 0, 1)
	return first
}

// readersWaiting returns how many Reads wait.
func (c *Conn) readersWaiting() int {
	if c.waiting == nil {
		return 0
	}
	return len(c.waiting.readers)
}

// awaitMessage waits, with mu held on entry and return, for the next message; ok is false if it was woken without one.
func (c *Conn) awaitMessage(ctx context.Context, r request) (p payload, ok bool, err error) {
	waits := c.waits()
	w := waits.spareReader
	waits.spareReader = nil
	if w == nil {
		w = &readWaiter{wake: make(chan struct{}, 1)}
	}
	w.request = r
	waits.readers = append(waits.readers, w)
	// While a Read receives, no other goroutine may hand it messages: it would not see them.
	receive := c.readyState() == Open && !c.delivering && !c.posted.any()
	c.mu.Unlock()
	if receive {
		c.receiveFor(ctx, w)
	}
	err = awaitWake(ctx, w.wake)
	c.mu.Lock()
	if err != nil && c.giveUp(w) {
		err = nil
	}
	if receive && c.readersWaiting() > 0 {
		c.keepReceiving()
	}
	p, ok = w.message, w.got
	w.message, w.got, w.request = payload{}, false, anyMessage
	waits.spareReader = w
	return p, ok, err
}

// awaitWake waits until the channel has something or ctx ends.
func awaitWake(ctx context.Context, wake <-chan struct{}) error {
	if ctx.Done() == nil {
		<-wake
		return nil
	}
	select {
	case <-wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// giveUp takes a Read that no longer waits out of the queue. If it has just got a message, it has to return that
// message: the next Read may already be waiting for the network.
func (c *Conn) giveUp(w *readWaiter) (got bool) {
	if i := slices.Index(c.waiting.readers, w); i >= 0 {
		c.waiting.readers = slices.Delete(c.waiting.readers, i, i+1)
		return false
	}
	<-w.wake
	return w.got
}

// handOut gives unread messages to the Reads that wait, in their order.
func (c *Conn) handOut() {
	for !c.unread.empty() && c.readersWaiting() > 0 {
		w := c.waiting.popReader()
		if c.unread.first().suits(w.request) {
			w.message, w.got = c.unread.pop(), true
			c.messageTaken(w.message)
		}
		w.wake <- struct{}{}
	}
}

// wakeReads ends the wait of all Reads without a message.
func (c *Conn) wakeReads() {
	if c.waiting == nil {
		return
	}
	for _, w := range c.waiting.readers {
		w.wake <- struct{}{}
	}
	clear(c.waiting.readers)
	c.waiting.readers = c.waiting.readers[:0]
}

// awaitDrain waits, with mu held on entry and return, until buffered may be at most max.
func (c *Conn) awaitDrain(ctx context.Context, max int64) error {
	waits := c.waits()
	w := waits.spareDrain
	waits.spareDrain = nil
	if w == nil {
		w = &drainWaiter{wake: make(chan struct{}, 1)}
	}
	w.max = max
	waits.drains = append(waits.drains, w)
	c.watchBuffered(c.drainLimit())
	c.mu.Unlock()
	err := awaitWake(ctx, w.wake)
	c.mu.Lock()
	if i := slices.Index(waits.drains, w); i >= 0 {
		waits.drains = slices.Delete(waits.drains, i, i+1)
	} else if err != nil {
		<-w.wake
	}
	waits.spareDrain = w
	return err
}

// wakeDrained wakes the Drains whose wait is over, and asks to be called again for the others.
func (c *Conn) wakeDrained() {
	if !c.draining() {
		return
	}
	n := c.buffered() // once, as it may give up mu
	c.waiting.drains = slices.DeleteFunc(c.waiting.drains, func(w *drainWaiter) bool {
		if !drainedTo(c, w.max, n) {
			return false
		}
		w.wake <- struct{}{}
		return true
	})
	if c.draining() {
		c.watchBuffered(c.drainLimit())
	}
}

// drainedTo reports whether a Drain to max need not wait when n bytes are buffered.
func drainedTo(c *Conn, max, n int64) bool {
	return n <= max && (max > 0 || !closeFrameWaits(c))
}

// drainLimit returns the value to which accepted()-handed() must fall for the first of the waiting Drains.
func (c *Conn) drainLimit() int64 {
	limit := int64(0)
	for _, w := range c.waiting.drains {
		limit = max(limit, w.max-c.refused)
	}
	return limit
}

// draining reports whether a Drain waits.
func (c *Conn) draining() bool { return c.waiting != nil && len(c.waiting.drains) > 0 }

// wakeDrains ends the wait of all Drains.
func (c *Conn) wakeDrains() {
	if !c.draining() {
		return
	}
	for _, w := range c.waiting.drains {
		w.wake <- struct{}{}
	}
	c.waiting.drains = slices.Delete(c.waiting.drains, 0, len(c.waiting.drains))
}
