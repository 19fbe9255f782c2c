package ws

// The receiving half of the state machine: a platform posts what happened on the socket, and here it becomes state,
// messages for Read, and handler calls.

// posted are the events that are still to be delivered, in this order: the platform may post no message after the peer's
// Close frame, and nothing after the end of the connection.
type posted struct {
	messages queue[payload]
	closing  bool // the peer's Close frame came
	closed   bool // the connection is closed
	failed   bool // it was failed: there is an error event
}

// opened makes the connection Open and reports whether it did: after Close it does not. If run is true the caller must call
// deliverOpen.
func (c *Conn) opened(protocol, extensions string) (ok, run bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != Connecting {
		return false, false
	}
	c.state, c.protocol, c.extensions = Open, protocol, extensions
	c.established = true
	close(c.connecting)
	c.connecting = nil
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

// postMessages, postClosing and postClosed take what happened on the socket, with mu held. They report whether the caller
// must call deliver, without mu: no handler is called in here.
func (c *Conn) postMessages(batch []payload) (run bool) {
	if c.ended || c.closeCalled {
		return false
	}
	for i := range batch {
		c.unreadBytes += batch[i].size() + messageOverhead
	}
	if c.delivering || c.onMessage != nil {
		c.posted.messages.push(batch...)
		return c.startDelivering()
	}
	c.addUnread(batch...)
	return false
}

func (c *Conn) postClosing() (run bool) {
	c.posted.closing = true
	return c.startDelivering()
}

func (c *Conn) postClosed(err *CloseError, failed bool) (run bool) {
	if c.ended {
		return false
	}
	c.ended = true
	c.posted.closed, c.posted.failed, c.lost = true, failed, err
	// At once, because a handler may wait in Drain, and the event waits for the handler.
	c.wakeDrains()
	return c.startDelivering()
}

// startDelivering reports whether the caller must call deliver. Events that no handler is called for are delivered
// right here, unless earlier ones are not through.
func (c *Conn) startDelivering() bool {
	if c.delivering {
		return false
	}
	if c.posted.messages.len() == 0 && !c.closedHandler() {
		c.applyEnd()
		return false
	}
	c.delivering = true
	return true
}

// closedHandler reports whether the end of the connection is posted and has a handler.
func (c *Conn) closedHandler() bool {
	return c.posted.closed && (c.onClose != nil || c.posted.failed && c.onError != nil)
}

// deliver applies the posted events one after another and calls their handlers, until none is left. One goroutine
// at a time is in here: the one that was told to.
func (c *Conn) deliver() {
	c.mu.Lock()
	for {
		if c.posted.messages.len() > 0 {
			c.applyMessage(c.posted.messages.pop())
		} else if !c.applyEnd() {
			break
		}
	}
	c.delivering = false
	c.mu.Unlock()
}

// applyEnd applies what comes after all messages, and reports whether there was something. Like applyMessage it gives up mu
// while a handler runs.
func (c *Conn) applyEnd() bool {
	p := &c.posted
	switch {
	case p.closing:
		p.closing = false
		if c.state == Open {
			c.state = Closing
		}
	case p.closed:
		p.closed = false
		c.applyClosed(c.lost, p.failed)
	default:
		return false
	}
	return true
}

func (c *Conn) applyMessage(p payload) {
	if c.onMessage == nil {
		c.addUnread(p)
		return
	}
	c.messageTaken(p)
	binaryType := c.binaryType
	c.enterHandler()
	c.onMessage(c, p.message(binaryType))
	c.leaveHandler()
}

// addUnread makes messages available to Read.
func (c *Conn) addUnread(batch ...payload) {
	c.unread.push(batch...)
	c.handOut()
}

func (c *Conn) applyClosed(err *CloseError, failed bool) {
	c.state, c.closeErr = Closed, err
	if c.connecting != nil {
		close(c.connecting)
		c.connecting = nil
	}
	if c.done != nil {
		close(c.done)
	}
	c.wakeReads()
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

// dropUnread forgets the messages that neither Read nor a handler has got.
func (c *Conn) dropUnread() {
	for _, q := range []*queue[payload]{&c.unread, &c.posted.messages} {
		q.reset()
		q.trim()
	}
	c.unreadBytes = 0
	c.roomMade()
}

func (c *Conn) messageTaken(p payload) {
	c.unreadBytes -= p.size() + messageOverhead
	c.roomMade()
}
