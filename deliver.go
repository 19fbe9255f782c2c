package ws

import (
	"context"
	"slices"
)

// The receiving half of the state machine: a platform posts what happened on the socket, and here it becomes state,
// messages for Read, and handler calls.

type eventKind uint8

const (
	messageEvent eventKind = iota
	closingEvent           // the peer's Close frame came
	closedEvent            // the connection is closed
)

type event struct {
	kind    eventKind
	message payload     // of a messageEvent
	closed  *CloseError // of a closedEvent
	failed  bool        // of a closedEvent: the connection was failed, so there is an error event
}

// established makes the connection Open and reports whether it did: after Close it does not. If run is true the caller
// must call deliverOpen.
func (c *Conn) established(protocol, extensions string) (ok, run bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != Connecting {
		return false, false
	}
	c.state, c.protocol, c.extensions = Open, protocol, extensions
	close(c.opened)
	if c.onOpen == nil {
		return true, false
	}
	c.delivering = true
	return true, true
}

// deliverOpen calls OnOpen, and then delivers what has come meanwhile.
func (c *Conn) deliverOpen() {
	c.mu.Lock()
	c.enterHandler()
	c.onOpen(c)
	c.leaveHandler()
	c.mu.Unlock()
	c.deliver()
}

// post takes an event of the socket, with mu held. It reports whether the caller must call deliver, without mu: no handler is
// called in here.
func (c *Conn) post(ev event) (run bool) {
	if c.ended {
		return false
	}
	c.ended = ev.kind == closedEvent
	if ev.kind == messageEvent {
		c.unreadBytes += ev.message.size() + messageOverhead
	}
	if c.delivering {
		c.events.push(ev)
		return false
	}
	if c.hasHandler(ev) {
		c.events.push(ev)
		c.delivering = true
		return true
	}
	c.apply(ev)
	return false
}

func (c *Conn) hasHandler(ev event) bool {
	switch ev.kind {
	case messageEvent:
		return c.onMessage != nil
	case closedEvent:
		return c.onClose != nil || ev.failed && c.onError != nil
	}
	return false
}

// deliver applies the posted events one after another and calls their handlers, until none is left. One goroutine
// at a time is in here: the one that post told to.
func (c *Conn) deliver() {
	c.mu.Lock()
	for c.events.len() > 0 {
		c.apply(c.events.pop())
	}
	c.delivering = false
	c.mu.Unlock()
}

// apply does what an event means, with mu held, which it gives up while a handler runs.
func (c *Conn) apply(ev event) {
	switch ev.kind {
	case messageEvent:
		c.applyMessage(ev.message)
	case closingEvent:
		if c.state == Open {
			c.state = Closing
		}
	case closedEvent:
		c.applyClosed(ev.closed, ev.failed)
	}
}

func (c *Conn) applyMessage(p payload) {
	switch {
	case c.state != Open:
		c.messageTaken(p)
	case c.onMessage != nil:
		c.messageTaken(p)
		binaryType := c.binaryType
		c.enterHandler()
		c.onMessage(c, p.message(binaryType))
		c.leaveHandler()
	default:
		c.unread.push(p)
		c.wakeReader()
	}
}

func (c *Conn) applyClosed(err *CloseError, failed bool) {
	c.state, c.closeErr = Closed, err
	close(c.done)
	for c.readers.len() > 0 {
		c.wakeReader()
	}
	for _, w := range c.drains {
		close(w.fell)
	}
	c.drains = nil
	if failed && c.onError != nil {
		c.enterHandler()
		c.onError(c, err)
		c.leaveHandler()
	}
	if c.onClose != nil {
		c.enterHandler()
		c.onClose(c, err.CloseEvent)
		c.leaveHandler()
	}
}

// enterHandler and leaveHandler surround the call of a handler: mu is not held in it and BufferedAmount does not fall. No
// unlock is deferred around them, because it would hide a handler's panic behind its own.
func (c *Conn) enterHandler() {
	c.held, c.handling = c.trueBuffered(), true
	c.mu.Unlock()
}

func (c *Conn) leaveHandler() {
	c.mu.Lock()
	c.handling = false
}

// dropUnread forgets the messages that Read has not taken; those still among the events are dropped by applyMessage.
func (c *Conn) dropUnread() {
	for c.unread.len() > 0 {
		c.messageTaken(c.unread.pop())
	}
	c.roomMade()
}

func (c *Conn) messageTaken(p payload) {
	c.unreadBytes -= p.size() + messageOverhead
	c.roomMade()
}

// awaitMessage waits, with mu held on entry and return, until Read should look again. Waiting Reads are woken in their
// order, one for each message.
func (c *Conn) awaitMessage(ctx context.Context) error {
	wake := c.spare
	c.spare = nil
	if wake == nil {
		wake = make(chan struct{}, 1)
	}
	c.readers.push(wake)
	c.mu.Unlock()
	var err error
	if ctx.Done() == nil {
		<-wake
	} else {
		select {
		case <-wake:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	c.mu.Lock()
	if err != nil {
		c.giveUp(wake)
	}
	c.spare = wake
	return err
}

// giveUp takes a Read that no longer waits out of the queue. If it was just being woken, the next one is woken instead.
func (c *Conn) giveUp(wake chan struct{}) {
	waiting := c.readers.items[c.readers.head:]
	if i := slices.Index(waiting, wake); i >= 0 {
		c.readers.items = slices.Delete(c.readers.items, c.readers.head+i, c.readers.head+i+1)
		if c.readers.len() == 0 {
			c.readers.reset()
		}
		return
	}
	<-wake
	if c.unread.len() > 0 {
		c.wakeReader()
	}
}

func (c *Conn) wakeReader() {
	if c.readers.len() > 0 {
		c.readers.pop() <- struct{}{}
	}
}

// drainWaiter is a Drain that waits; fell is closed when buffered may be at most max.
type drainWaiter struct {
	max  int64
	fell chan struct{}
}

// drainFell wakes the Drains whose wait is over. The platform calls it, with mu, when buffered has fallen.
func (c *Conn) drainFell() {
	if len(c.drains) == 0 {
		return
	}
	n := c.trueBuffered()
	c.drains = slices.DeleteFunc(c.drains, func(w drainWaiter) bool {
		if n > w.max {
			return false
		}
		close(w.fell)
		return true
	})
}
