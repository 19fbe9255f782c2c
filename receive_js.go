//go:build js && wasm

package ws

import (
	"syscall/js"
	"time"
)

// inbox receives messages. A builtin, Array.prototype.push bound to queue, is the listener that queues their events, so
// that Go, whatever wakes it, finds each event there once and in order. Two things wake Go:
//
//   - wakeEach: a second listener, a js.Func, is called after the builtin one. This has the lower latency.
//   - wakePaced: in a flood the second listener is removed, and a separate task takes everything that has come since
//     the last one, all messages of one turn of the event loop at once. Entering Go costs several times as much as a
//     small message.
//
// Nothing depends on when a host, or a framework that wraps its listeners, lets an added or removed listener take
// effect.
type inbox struct {
	queue  js.Value // array of message events
	next   js.Value // takes the first event out of queue and returns its data
	splice js.Value // queue.splice, bound to start at 0

	class js.Value // the prototype of the events of the last batch
	data  js.Value // its getter of data, as a function of the event; undefined if there is no getter

	working bool // a goroutine is in work
	again   bool // more has come since
	pending []hostEvent
	opened  bool // the host's open event has come
	errored bool // the host's error event has come
	end     hostEnd

	payload func(*host, js.Value, int64, bool) (payload, bool) // heldPayload; nil for host.payload

	batch   []payload // for post
	mean    int       // approximate size of a message
	waking  waking
	count   int      // messages since wakePaced was last tried
	untried int      // how many must come before the next try
	flood   int      // messages of the current or last flood
	due     bool     // the wake of wakeNextTurn has not come yet
	noFlood bool     // the host goes on calling removed listeners
	channel js.Value // MessageChannel, in hosts without setImmediate
	turn    js.Value // asks for a wake in a task of its own
}

// hostEnd says how far the host's object has got in closing. expectClose and leaveHost change it.
type hostEnd uint8

const (
	alive         hostEnd = iota
	closeExpected         // the object is CLOSED: its close event should come
	closeMissing          // it has not come in time
	over                  // no event of the host reaches Go any more
)

type waking uint8

const (
	wakeEach waking = iota
	wakePaced
)

// hostEvent is an event other than a message.
type hostEvent struct {
	kind  eventKind
	event js.Value
}

type eventKind int

const (
	eventOpen eventKind = iota
	eventError
	eventClose
	eventTurn // a task that wakeNextTurn has asked for
)

// newInbox makes the queue. next is Reflect.get applied to a list of arguments whose first one is the next event:
// reading it takes the event out of the queue. It throws if the queue is empty, or if the getter of data does.
func (h *host) newInbox() inbox {
	in := inbox{mean: shortMessage, untried: leastUntried}
	in.queue, _ = h.construct(h.builtins[classArray])
	in.splice = h.bindMethod(in.queue, "splice", js.ValueOf(0))
	in.next = h.bind(h.builtins[reflectApply], js.Undefined(), h.builtins[reflectGet], js.Undefined(),
		h.argumentList(h.bind(h.builtins[arrayShift], in.queue), js.ValueOf("data")))
	return in
}

// argumentList returns a list of arguments for Reflect.apply or Reflect.construct. Each is given as a function, which
// is called whenever the list is read, or as the argument itself.
func (h *host) argumentList(arguments ...js.Value) js.Value {
	list, _ := h.construct(h.builtins[classArray])
	for i, argument := range arguments {
		kind := "value"
		if argument.Type() == js.TypeFunction {
			kind = "get"
		}
		_, _ = h.call(h.builtins[reflectDefine], list, i, map[string]any{kind: argument})
	}
	return list
}

// messageCame is called by the host for each message, except in a flood.
func (c *Conn) messageCame(event js.Value) {
	in := &c.in
	if c.listeners.byProperty {
		theHost().method(in.queue, "push", event)
	}
	if in.waking == wakePaced {
		in.noFlood = true // the host does not release listeners: each time it is added, there would be one more
	}
	if in.end == over || in.waking == wakePaced {
		return
	}
	if in.count++; in.count >= in.untried || in.flood >= realFlood || len(in.pending) > 0 {
		c.work()
		return
	}
	c.workOn(c.takeOne)
}

// eventCame is called by the host for each other event.
func (c *Conn) eventCame(kind eventKind, event js.Value) {
	if kind == eventTurn {
		c.turned()
		return
	}
	if c.in.end == over {
		return
	}
	c.in.pending = append(c.in.pending, hostEvent{kind, event})
	c.work()
}

// work takes what the host has reported, in order. One goroutine at a time does that, and it never waits. Any call into
// the host may lead here, because the host may call its listeners during that call.
func (c *Conn) work() { c.workOn(c.takeAll) }

func (c *Conn) workOn(take func()) {
	in := &c.in
	if in.working {
		in.again = true
		return
	}
	if c.out.busy {
		in.again = true // handle what a call of send or close causes after that call
		return
	}
	if !c.mu.TryLock() {
		// The goroutine that holds it continues when this callback has returned.
		time.AfterFunc(0, c.work)
		return
	}
	c.mu.Unlock()
	in.working = true
	take()
	for in.again {
		in.again = false
		c.takeAll()
	}
	in.working = false
}

// takeOne takes the next message. There is one, except with some mocks.
func (c *Conn) takeOne() {
	if c.receiveNext() {
		c.post()
	}
}

// takeAll takes all messages and all other events.
func (c *Conn) takeAll() {
	in := &c.in
	for in.end != over {
		if len(in.pending) == 0 {
			c.drain()
			c.endIfClosed()
			return
		}
		e := in.pending[0]
		in.pending = in.pending[1:]
		switch e.kind {
		case eventOpen:
			c.hostOpened()
		case eventError:
			c.hostErrored()
		case eventClose:
			// Every message event comes before the close event, so what is queued now is all there will be.
			c.drain()
			c.hostClosed(e.event)
		}
	}
}

// A flood is detected by trying: after a number of messages the next task takes what has come. If that goes on for
// long, it was a flood; if not, the next try comes after twice as many messages. Time is not measured, because how fast
// messages must come to be a flood depends on the host: with 16 in 2 ms as the threshold, a busy Chromium never
// detected one, and its page was occupied four times as long as with raw JavaScript instead of 1.3 times. A try costs
// 30 us.
const (
	leastUntried = 16
	mostUntried  = 64

	// realFlood is the number of messages after which a flood counts as real, so that the next message starts another one
	// at once: servers send in bursts.
	realFlood = 64
)

// drain takes the messages that are queued, and decides what wakes Go next.
func (c *Conn) drain() {
	in := &c.in
	n := in.queue.Length()
	if in.waking == wakeEach && n > 0 && c.floodBegins() && c.wakeNextTurn() {
		in.waking = wakePaced
		c.listeners.remove(listenerWake)
	}
	in.flood += n
	c.receive(n)
}

func (c *Conn) floodBegins() bool {
	in := &c.in
	again := in.flood >= realFlood
	in.flood = 0
	if in.count < in.untried && !again {
		return false
	}
	in.count = 0
	return !in.noFlood && !c.listeners.byProperty && c.canTurn()
}

// turned is called in the task that wakeNextTurn has requested.
func (c *Conn) turned() {
	in := &c.in
	in.due = false
	if in.end == over {
		c.releaseTurn()
		return
	}
	before := in.flood
	c.work()
	more := in.flood > before || in.working
	if in.end == over || more && c.wakeNextTurn() {
		return
	}
	in.waking, in.count = wakeEach, 0
	if in.untried = min(2*in.untried, mostUntried); in.flood >= realFlood {
		in.untried = leastUntried
	}
	c.listeners.add(listenerWake)
}

// canTurn prepares wakeNextTurn, and reports whether the host has what that needs.
func (c *Conn) canTurn() bool {
	in := &c.in
	if !in.turn.IsUndefined() {
		return true
	}
	h := theHost()
	if h.builtins[setImmediate].Type() == js.TypeFunction {
		in.turn = h.bind(h.builtins[setImmediate], js.Undefined(), c.listeners.turn)
		return true
	}
	channel, thrown := h.construct(h.at("MessageChannel"))
	if thrown != nil || !h.set(h.get(channel, "port1"), "onmessage", c.listeners.turn) {
		return false
	}
	in.channel, in.turn = channel, h.bindMethod(h.get(channel, "port2"), "postMessage", js.ValueOf(0))
	return true
}

// wakeNextTurn wakes Go in a separate task, after those that are already due. It reports whether the host will do so.
func (c *Conn) wakeNextTurn() bool {
	_, thrown := theHost().call(c.in.turn)
	c.in.due = thrown == nil
	return c.in.due
}

// receive takes the next n messages.
func (c *Conn) receive(n int) {
	in := &c.in
	for n > 0 && in.end != over {
		size := in.batchSize(n)
		apart := size < leastBatch || in.payload != nil && in.mean > shortMessage // not to copy them twice
		if apart || !c.receiveBatch(size) {
			for range size {
				if !c.receiveNext() && in.end == over {
					return
				}
			}
		}
		n -= size
		c.post()
	}
}

// receiveNext takes one message out of the queue. It reports whether there is one now that post will post.
func (c *Conn) receiveNext() bool {
	data, thrown := theHost().call(c.in.next)
	if thrown != nil {
		return false // a mock called its listeners without an event, or with one that cannot be read
	}
	return c.receiveData(data)
}

// receiveData adds the message with the data of an event to in.batch, unless it is too big.
func (c *Conn) receiveData(data js.Value) bool {
	take := (*host).payload
	if c.in.payload != nil {
		take = c.in.payload
	}
	p, fits := take(theHost(), data, c.messageLimit, c.hasBlobs)
	if !fits {
		c.failTooBig()
		return false
	}
	c.in.mean += (int(p.size()) - c.in.mean) / 4
	c.in.batch = append(c.in.batch, p)
	return true
}

// post gives the messages that have been taken to the portable half.
func (c *Conn) post() {
	if in := &c.in; len(in.batch) > 0 {
		if c.received(&in.batch) == wantDeliver {
			go c.deliver() // a handler may wait for the end of the connection, in Drain
		}
	}
}
