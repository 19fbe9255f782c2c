//go:build js && wasm

package ws

import (
	"syscall/js"
	"time"
)

// outbox sends messages and the Close frame. While one goroutine is inside the host's send or close, which may call Go
// again, messages of others are queued, so that the order of the calls is kept. No lock is held inside the host.
type outbox struct {
	send          js.Value // bound methods and getters of the host's object
	getBuffered   js.Value
	getReadyState js.Value

	busy     bool // a goroutine is inside the host
	queue    []departure
	queued   int64 // bytes in queue
	accepted int64 // bytes that transmit has taken
	closed   bool  // startClosing has been called
	aborted  bool  // abort has been called
	last     int64 // the value of hostBuffered then, which no longer changes
	sentBlob bool
	closing  *departure // a call of close that waits for bufferedAmount to be 0
	watched  bool       // watchBuffered's timer runs
}

// departure is a message, or a call of close.
type departure struct {
	value  js.Value // a string or a Blob
	data   []byte   // if there is no value
	size   int64
	close  bool
	code   StatusCode
	reason string
}

// transmit gives a message to the host, in the order of the calls.
func (c *Conn) transmit(m Message) (accepted bool, err error) {
	h, o := theHost(), &c.out
	d := departure{size: messageSize(m)}
	switch m := m.(type) {
	case Text:
		if d.value, err = h.string(string(m)); err != nil {
			return false, err
		}
	case *Blob:
		d.value, o.sentBlob = m.object(), true
	default:
		d.data = bytesOf(m)
	}
	switch {
	case o.closed:
		return false, nil
	case o.busy:
		d.data = append([]byte(nil), d.data...)
		o.queue = append(o.queue, d)
		o.queued += d.size
		o.accepted += d.size
		return true, nil
	}
	if err = c.depart(d); err != nil {
		return false, err
	}
	return true, nil
}

// depart calls the host for d, and then for whatever has been queued meanwhile.
func (c *Conn) depart(d departure) error {
	o := &c.out
	o.busy = true
	o.accepted += d.size
	err := c.give(d)
	if err != nil {
		o.accepted -= d.size
	}
	for len(o.queue) > 0 {
		d := o.queue[0]
		o.queue[0] = departure{}
		o.queue = o.queue[1:]
		o.queued -= d.size
		// Its Send has already returned without an error, which promises nothing about what becomes of a message.
		_ = c.give(d)
	}
	o.busy, o.queue = false, nil
	if c.in.again {
		go c.work()
	}
	return err
}

// give calls the host's send or close.
func (c *Conn) give(d departure) error {
	h := theHost()
	switch {
	case d.close:
		c.callClose(d)
	case d.value.IsUndefined():
		_, err := h.lend(c.out.send, d.data)
		return err
	default:
		if _, thrown := h.call(c.out.send, d.value); thrown != nil {
			return h.exceptionOf(thrown)
		}
	}
	return nil
}

// startClosing calls close after what was sent before.
func (c *Conn) startClosing(code StatusCode, reason string) {
	d := departure{close: true, code: code, reason: reason}
	o := &c.out
	o.closed = true
	switch {
	case o.busy:
		o.queue = append(o.queue, d)
	case c.closeOvertakes():
		o.closing = &d
		c.watchBuffered(0)
	default:
		_ = c.depart(d) // whose close has no error
	}
}

// The arguments of callClose have been checked, but an old host may know fewer codes. Then the code is dropped, so that
// the connection is not left open. If a host cannot even close without arguments, the connection is lost as far as Go
// can tell.
func (c *Conn) callClose(d departure) {
	h := theHost()
	if d.code != StatusNoStatusRcvd {
		if reason, err := h.string(d.reason); err == nil {
			if _, err := h.method(c.ws, "close", int(d.code), reason); err == nil {
				return
			}
		}
	}
	if _, err := h.method(c.ws, "close"); err != nil {
		c.finish(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}}, !c.in.opened)
	}
}

// abandon calls close() without a code: unlike with 1001 or 1008, that throws in no host and no state.
func (c *Conn) abandon() { c.startClosing(StatusNoStatusRcvd, "") }

// A waiting Drain checks bufferedAmount, because a browser has no event for its fall: first after drainFirst, then less
// and less often, finally every drainPoll. Sending 1 MiB and waiting until it has left takes 0.6 times as long as with
// drainPoll alone; in Node, with 64 KiB, 0.5 times.
const (
	drainFirst = time.Millisecond
	drainPoll  = 4 * time.Millisecond
)

// watchBuffered checks bufferedAmount until neither a Drain nor the closing handshake waits any more.
func (c *Conn) watchBuffered(int64) {
	o := &c.out
	if o.watched {
		return
	}
	o.watched = true
	wait := drainFirst
	var look func()
	look = func() {
		if d := o.closing; d != nil && (c.in.end == over || c.hostBuffered() == 0) {
			o.closing = nil
			c.startClosing(d.code, d.reason)
		}
		c.drained()
		c.mu.Lock()
		o.watched = c.draining() || o.closing != nil
		c.mu.Unlock()
		if o.watched {
			wait = min(2*wait, drainPoll)
			time.AfterFunc(wait, look)
		}
	}
	time.AfterFunc(wait, look)
}

func (c *Conn) accepted() int64 { return c.out.accepted }

// handed gives up mu for a moment: reading bufferedAmount may call Go, if a page or a mock has replaced its getter.
func (c *Conn) handed() int64 {
	accepted := c.out.accepted
	c.mu.Unlock()
	buffered := c.hostBuffered()
	c.mu.Lock()
	return accepted - buffered
}

// hostBuffered returns the number of bytes that were passed to transmit and are not yet sent, as far as the host tells.
func (c *Conn) hostBuffered() int64 {
	o := &c.out
	if o.accepted == 0 {
		return 0
	}
	if o.aborted {
		return o.last
	}
	amount, _ := theHost().call(o.getBuffered)
	return max(int64(number(amount)), 0) + o.queued
}

// hostState returns the host's readyState, or Open if it is not a valid state.
func (c *Conn) hostState() ReadyState {
	v, thrown := theHost().call(c.out.getReadyState)
	if state := number(v); thrown == nil && v.Type() == js.TypeNumber && state >= 0 && state <= float64(Closed) {
		return ReadyState(state)
	}
	return Open
}
