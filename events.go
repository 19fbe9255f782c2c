package ws

// The receiving half of the state machine. A platform reports what happened on the connection; here that becomes
// readyState, messages for Read, and calls of handlers.
//
// Events are posted, under mu. An event for which no handler is called is applied at once, unless an earlier event is
// still waiting. The others are applied by deliver, one after the other.

// posted are the events that have not been delivered yet, in this order.
type posted struct {
	messages queue
	opened   bool // the connection is open, which comes first
	closing  bool // the peer's Close frame came
	closed   bool // the connection has ended, as Conn.end says
	onError  bool // and OnError has to be called
	onClose  bool // and OnClose
}

func (p *posted) any() bool {
	return p.opened || !p.messages.empty() || p.closing || p.closed || p.onError || p.onClose
}

// forHandlers reports whether a handler has to be called.
func (p *posted) forHandlers() bool {
	return p.opened || !p.messages.empty() || p.onError || p.onClose
}

// setState changes readyState. No other function does.
func (c *Conn) setState(s ReadyState) { c.state.Store(uint32(s)) }

// readyState returns the state as it was last set.
func (c *Conn) readyState() ReadyState { return ReadyState(c.state.Load()) }

// opened makes the connection Open, and reports whether it did: after Close it does not. The caller must then call
// deliver.
func (c *Conn) opened(protocol, extensions string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readyState() != Connecting {
		return false
	}
	c.setState(Open)
	c.protocol, c.extensions = protocol, extensions
	c.established = true
	c.settle()
	c.posted.opened = c.onOpen != nil
	return true
}

// settle says that the attempt to connect is over.
func (c *Conn) settle() {
	if c.connecting != nil {
		close(c.connecting)
		c.connecting = nil
	}
}

// demand says what has to happen after messages have been received.
type demand uint8

const (
	wantMore    demand = iota // nothing special
	wantDeliver               // a call of deliver
	wantPause                 // ReadBuffer is exceeded: receive nothing until resume is called
	wantYield                 // the program takes messages with Read, and will come for the next one
)

// received takes messages that have arrived out of batch, and returns what has to happen next.
func (c *Conn) received(batch *[]payload) demand {
	c.mu.Lock()
	next := c.addReceived(batch)
	c.mu.Unlock() // not deferred, here and below: each defer is 400 bytes of a program for a browser
	return next
}

// addReceived is received, with mu.
func (c *Conn) addReceived(batch *[]payload) demand {
	if c.end != nil || c.dropping {
		clear(*batch)
		*batch = (*batch)[:0]
		return wantMore
	}
	for i := range *batch {
		c.unreadBytes += (*batch)[i].size() + messageOverhead
	}
	if c.onMessage != nil || c.delivering || c.posted.any() {
		c.posted.messages.take(batch)
	} else {
		c.unread.take(batch)
		c.handOut()
	}
	took := c.tookMessage
	c.tookMessage = false
	switch {
	case c.posted.any() && !c.delivering:
		return wantDeliver
	case c.readBuffer >= 0 && c.unreadBytes >= c.readBuffer:
		c.paused = true
		return wantPause
	case took && c.onMessage == nil && c.readersWaiting() == 0:
		return wantYield
	}
	return wantMore
}

// idle says that nothing arrives for the moment. It releases memory that was kept for a flood.
func (c *Conn) idle() {
	c.mu.Lock()
	c.unread.trim()
	c.posted.messages.trim()
	c.mu.Unlock()
}

// peerClosing says that the peer's Close frame has come.
func (c *Conn) peerClosing() {
	c.mu.Lock()
	if c.end == nil {
		c.posted.closing = true
		c.applyPosted()
	}
	c.mu.Unlock()
}

// peerClosed reports whether the connection has ended by a Close frame of the peer.
func (c *Conn) peerClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end != nil && c.end.Code != StatusAbnormalClosure
}

// ended reports how the connection has ended, and whether it was failed.
func (c *Conn) ended(err *CloseError, failed bool) {
	c.mu.Lock()
	c.postEnd(err, failed)
	c.mu.Unlock()
}

// postEnd is ended, with mu. Later calls have no effect. It calls no handler.
func (c *Conn) postEnd(err *CloseError, failed bool) {
	if c.end != nil {
		return
	}
	c.end = err
	if c.endedChan != nil {
		close(c.endedChan)
	}
	// Do this now, because a handler may wait in Drain, and the event waits for the handler.
	c.wakeDrains()
	if released := c.released(); released != nil {
		go func() {
			<-released
			c.mu.Lock()
			defer c.mu.Unlock()
			c.postClosed(failed)
		}()
		return
	}
	c.postClosed(failed)
}

// postClosed posts the events of the end. It needs mu.
func (c *Conn) postClosed(failed bool) {
	p := &c.posted
	p.closed, p.onError, p.onClose = true, failed && c.onError != nil, c.onClose != nil
	if !c.applyPosted() {
		go c.deliver()
	}
}

// drained wakes the Drains whose wait is over.
func (c *Conn) drained() {
	c.mu.Lock()
	c.wakeDrained()
	c.mu.Unlock()
}

// applyPosted applies what has been posted if no handler has to be called for it and no goroutine delivers. It reports
// whether nothing is left to be delivered.
func (c *Conn) applyPosted() bool {
	if c.delivering {
		return true
	}
	if c.posted.forHandlers() {
		return false
	}
	for c.applyNext() {
	}
	return true
}

// deliver applies what has been posted, event after event, and calls the handlers, until nothing is left. Several
// goroutines may call it: one of them delivers, the others return at once.
func (c *Conn) deliver() {
	c.mu.Lock()
	if c.delivering || !c.posted.any() {
		c.mu.Unlock()
		return
	}
	c.delivering = true
	complete := false
	defer func() {
		if complete {
			return
		}
		if thrown := recover(); thrown != nil {
			panic(thrown) // deliver no further event: the program ends
		}
		c.handlerExited()
	}()
	for c.applyNext() {
	}
	c.delivering = false
	c.mu.Unlock()
	complete = true
}

// handlerExited continues after a handler that has ended its goroutine, with runtime.Goexit or a test's Fatal.
func (c *Conn) handlerExited() {
	c.mu.Lock()
	c.handling, c.delivering = false, false
	c.mu.Unlock()
	go c.deliver()
}

// applyNext applies the first event, and reports whether there was one. It gives up mu while a handler runs.
func (c *Conn) applyNext() bool {
	p := &c.posted
	switch {
	case p.opened:
		p.opened = false
		c.enterHandler()
		c.onOpen(c)
		c.leaveHandler()
	case !p.messages.empty():
		c.applyMessage(p.messages.pop())
	case p.closing:
		p.closing = false
		if c.readyState() == Open {
			c.setState(Closing)
		}
	case p.closed:
		p.closed = false
		c.applyClosed()
	case p.onError:
		p.onError = false
		c.enterHandler()
		c.onError(c, c.end)
		c.leaveHandler()
	case p.onClose:
		p.onClose = false
		c.enterHandler()
		c.onClose(c, c.end.CloseEvent)
		c.leaveHandler()
	default:
		return false
	}
	return true
}

func (c *Conn) applyMessage(p payload) {
	if c.onMessage == nil {
		c.unread.push(p)
		c.handOut()
		return
	}
	c.messageTaken(p)
	binaryType := binaryTypeOf(c.blobs)
	c.enterHandler()
	c.onMessage(c, p.message(binaryType))
	c.leaveHandler()
}

func (c *Conn) applyClosed() {
	c.setState(Closed)
	c.settle()
	if c.done != nil {
		close(c.done)
	}
	c.wakeReads()
	c.unread.trim()
	c.posted.messages.trim()
}

// enterHandler and leaveHandler surround the call of a handler: mu is not held in it and BufferedAmount does not fall.
func (c *Conn) enterHandler() {
	c.handedBefore, c.handling = c.handed(), true
	c.mu.Unlock()
}

func (c *Conn) leaveHandler() {
	c.mu.Lock()
	c.handling = false
}

// dropUnread drops the messages that neither Read nor a handler has got, and those that are still to come.
func (c *Conn) dropUnread() {
	c.dropping = true
	for _, q := range []*queue{&c.unread, &c.posted.messages} {
		q.reset()
		q.trim()
	}
	c.unreadBytes = 0
	c.resumeIfRoom()
}

// messageTaken is called when Read or a handler gets a message.
func (c *Conn) messageTaken(p payload) {
	c.unreadBytes -= p.size() + messageOverhead
	c.tookMessage = true
	if c.paused {
		c.resumeIfRoom()
	}
}

func (c *Conn) resumeIfRoom() {
	if c.paused && (c.dropping || c.unreadBytes < c.readBuffer) {
		c.paused = false
		c.resume()
	}
}
