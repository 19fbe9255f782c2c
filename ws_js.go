//go:build js && wasm

package ws

import (
	"context"
	"strconv"
	"strings"
	"syscall/js"
	"time"

	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// NativeOptions has no fields here: a browser leaves programs no choice in what it holds.
type NativeOptions struct{}

// JSValue returns the host's WebSocket object. Its binaryType belongs to the Conn; calling its close, or adding listeners, is
// harmless.
func (c *Conn) JSValue() js.Value { return c.ws }

// socket is the browser half of a Conn: the host's WebSocket object.
//
// Messages never enter Go one by one. A builtin, Array.prototype.push bound to events, is the listener that queues
// them; one js.Func wakes the goroutine in pump, which takes the whole queue. No js.Func takes mu or waits for
// anything: hosts may call them from inside close() or send().
type platform struct {
	ws            js.Value
	send          js.Value // bound methods and getters of ws
	getBuffered   js.Value
	getReadyState js.Value
	events        js.Value // array of message events
	take          js.Value // events.splice(0)
	listenOnce    js.Value // ws.addEventListener("message", wakeFunc, {once: true})

	pace       pace
	wake       chan struct{} // something is queued
	lifecycle  chan js.Value // open, error and close events
	batch      []payload     // for drainIncoming
	wakeFunc   js.Func
	eventFunc  js.Func
	taking     bool     // drainIncoming has a batch in its hands
	released   bool     // the host's close event has come
	calls      int      // of the host's send and close that are under way: pump waits for their end
	missed     bool     // pump was woken meanwhile
	watched    bool     // watchBuffered's goroutine runs
	closeLater *closing // close is to be called when bufferedAmount is 0
	sent       int64    // bytes of messages that the host has taken
	sentBlob   bool
	hasSent    bool // bufferedAmount may differ from 0
	hasBlobs   bool // binaryType has been "blob"
}

// target is where a connection goes: an absolute URL, as the host parsed it.
type target struct {
	href   string
	number uint16
}

// Port returns the URL's port, explicit or not.
func (t target) Port() uint16 { return t.number }

// connect constructs the host's object.
func (c *Conn) connect(t target, opts *Options) error {
	h := theHost()
	constructor := js.Global().Get("WebSocket")
	if constructor.Type() != js.TypeFunction {
		return &Exception{Name: "NotSupportedError", Message: "this JavaScript host has no WebSocket"}
	}
	args := []any{t.href}
	if len(opts.Protocols) > 0 {
		protocols := make([]any, len(opts.Protocols))
		for i, p := range opts.Protocols {
			protocols[i] = p
		}
		args = append(args, protocols)
	}
	if thrown := catch(func() { c.ws = constructor.New(args...) }); thrown != nil {
		return exceptionOf(thrown)
	}
	c.url = c.ws.Get("url").String()
	c.binaryTypeChanged(c.binaryType)

	c.send = h.bind(c.ws.Get("send"), c.ws)
	c.getBuffered = h.getter(c.ws, "bufferedAmount")
	c.getReadyState = h.getter(c.ws, "readyState")
	c.events = h.array.New()
	c.take = h.bind(c.events.Get("splice"), c.events, 0)
	c.wake = make(chan struct{}, 1)
	c.lifecycle = make(chan js.Value, 4)
	c.wakeFunc = js.FuncOf(func(js.Value, []js.Value) any {
		c.pace.due = false
		if c.released {
			c.releaseWake()
		}
		c.signal()
		return nil
	})
	c.eventFunc = js.FuncOf(func(_ js.Value, args []js.Value) any {
		select {
		case c.lifecycle <- args[0]:
		default: // a host that fires more than one event of each kind
		}
		c.signal()
		return nil
	})
	c.ws.Call("addEventListener", "message", h.bind(c.events.Get("push"), c.events))
	for _, name := range lifecycleEvents {
		c.ws.Call("addEventListener", name, c.eventFunc)
	}
	c.listenOnce = h.bind(c.ws.Get("addEventListener"), c.ws, "message", c.wakeFunc, h.once)
	c.listen()
	go c.pump()
	return nil
}

var lifecycleEvents = []string{"open", "error", "close"}

func (c *Conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// hostCall calls a function of the host that may fire events before it returns. They are handled afterwards, so that Close leaves the
// state Closing. It returns what the function throws.
func (c *Conn) hostCall(f func()) (thrown *js.Error) {
	c.calls++
	thrown = catch(f)
	if c.calls--; c.calls == 0 && c.missed {
		c.missed = false
		c.signal()
	}
	return thrown
}

// listen makes the next message wake pump.
func (c *Conn) listen() { c.listenOnce.Invoke() }

// pump turns the host's events into the connection's, until the close event.
func (c *Conn) pump() {
	var errored bool
	for range c.wake {
		if c.calls > 0 {
			c.missed = true // a host that fires events inside of a call; hostCall wakes again
			continue
		}
		var closed js.Value
		for len(c.lifecycle) > 0 {
			switch ev := <-c.lifecycle; ev.Get("type").String() {
			case "open":
				if c.opened(c.ws.Get("protocol").String(), c.ws.Get("extensions").String()) {
					go c.deliver()
				}
			case "error":
				errored = true
			case "close":
				closed = ev
			}
		}
		if !closed.IsUndefined() {
			// Every message event comes before the close event, so what is queued now is all there will be.
			c.release()
			c.drainIncoming()
			c.hostClosed(closed, errored)
			return
		}
		if c.released {
			return // abort
		}
		c.wakeAgain(c.events.Length() > 0)
		c.drainIncoming()
	}
}

// pace decides whether a message or a timer wakes pump. The former has the lower latency; the latter takes all the messages
// of one turn of the event loop at once: entering Go costs several times what a small message does.
type pace struct {
	wakes   int     // since start
	start   float64 // of the window in which wakes are counted, in milliseconds
	flood   bool
	due     bool     // wakeNextTurn's wake is still to come
	channel js.Value // MessageChannel, in hosts without setImmediate
	post    js.Value // posts to it
}

const (
	floodWakes  = 16
	floodWindow = 2 // milliseconds
)

// wakeAgain arranges the next wake of pump; found tells whether this one was for any message.
func (c *Conn) wakeAgain(found bool) {
	p := &c.pace
	if p.flood {
		if found {
			c.wakeNextTurn()
			return
		}
		p.flood, p.wakes = false, 0
		c.listen()
		return
	}
	if !found {
		return // a lifecycle event's wake: the listener is still armed
	}
	if p.wakes++; p.wakes >= floodWakes {
		now := theHost().now.Invoke().Float()
		p.flood = now-p.start < floodWindow
		p.start, p.wakes = now, 0
	}
	if p.flood {
		c.wakeNextTurn()
	} else {
		c.listen()
	}
}

// wakeNextTurn wakes pump in a task of its own, after those that are due already.
func (c *Conn) wakeNextTurn() {
	h := theHost()
	c.pace.due = true
	if h.setImmediate.Type() == js.TypeFunction {
		h.setImmediate.Invoke(c.wakeFunc)
		return
	}
	if c.pace.channel.IsUndefined() {
		c.pace.channel = js.Global().Get("MessageChannel").New()
		c.pace.channel.Get("port1").Set("onmessage", c.wakeFunc)
		port := c.pace.channel.Get("port2")
		c.pace.post = h.bind(port.Get("postMessage"), port, 0)
	}
	c.pace.post.Invoke()
}

// drainIncoming posts the messages that are queued.
func (c *Conn) drainIncoming() {
	h := theHost()
	if c.events.Length() == 0 {
		return
	}
	// Until the batch is posted, observe must not take the empty queue to mean that all has been delivered: an
	// allocation in here may let another goroutine run.
	c.taking = true
	events := c.take.Invoke()
	data := h.eventData(events)
	var tooBig bool
	for i := range data.Length() {
		p := h.payload(data.Index(i), c.hasBlobs)
		if tooBig = c.messageLimit >= 0 && p.size() > c.messageLimit; tooBig {
			break
		}
		c.batch = append(c.batch, p)
	}
	if c.received(c.batch) {
		go c.deliver() // pump goes on: a handler may wait for the end of the connection, in Drain
	}
	c.taking = false
	if tooBig {
		c.failTooBig()
	}
	clear(c.batch)
	c.batch = c.batch[:0]
}

// failTooBig fails the connection for a message over the limit. A browser cannot be told to do it, so the peer gets a Close
// frame without code.
func (c *Conn) failTooBig() {
	c.ws.Call("close")
	c.ended(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}, Err: ErrMessageTooBig}, true)
}

func (c *Conn) hostClosed(ev js.Value, errored bool) {
	closed := CloseEvent{
		Code:     StatusCode(ev.Get("code").Int()),
		Reason:   ev.Get("reason").String(),
		WasClean: ev.Get("wasClean").Bool(),
	}
	if closed.Code == 0 && !closed.WasClean {
		closed.Code = StatusAbnormalClosure // Deno says 0
	}
	c.closeLater = nil
	c.ended(&CloseError{CloseEvent: closed}, errored)
}

// release undoes what connect has set up. The object stays, for its attributes.
func (c *Conn) release() {
	for _, name := range lifecycleEvents {
		c.ws.Call("removeEventListener", name, c.eventFunc)
	}
	c.ws.Call("removeEventListener", "message", c.wakeFunc)
	c.eventFunc.Release()
	c.released = true
	if !c.pace.due {
		c.releaseWake()
	}
}

// releaseWake releases what the host must not call any more.
func (c *Conn) releaseWake() {
	c.wakeFunc.Release()
	if !c.pace.channel.IsUndefined() {
		c.pace.channel.Get("port1").Call("close")
	}
}

func (c *Conn) transmit(m Message) (bool, error) {
	c.hasSent = true
	if thrown := c.hostCall(func() { c.hostSend(m) }); thrown != nil {
		return false, exceptionOf(thrown)
	}
	c.sent += messageSize(m)
	return true, nil
}

func (c *Conn) hostSend(m Message) {
	h := theHost()
	switch m := m.(type) {
	case Text:
		c.send.Invoke(h.string(string(m)))
	case Bytes:
		h.invoke(c.send, m)
	case *ArrayBuffer:
		h.invoke(c.send, m.data)
	case *Blob:
		c.sentBlob = true
		c.send.Invoke(m.object())
	}
}

// A Drain that waits looks at bufferedAmount, for whose fall a browser has no event: first after drainFirst, then less and less often, at last
// every drainPoll. Sending 1 MiB and waiting until it has left takes 0.6 times as long as with drainPoll alone, in Node 64 KiB 0.5 times.
const (
	drainFirst = time.Millisecond
	drainPoll  = 4 * time.Millisecond
)

// watchBuffered looks at bufferedAmount until neither a Drain nor the closing handshake waits any more.
func (c *Conn) watchBuffered(int64) {
	if c.watched {
		return
	}
	c.watched = true
	wait := drainFirst
	var look func()
	look = func() {
		c.watched = false
		if c.closeLater != nil && c.hostBuffered() == 0 {
			c.callClose(c.closeLater.code, c.closeLater.reason)
			c.closeLater = nil
		}
		c.mu.Lock()
		again := c.draining() || c.closeLater != nil
		c.watched = again
		c.mu.Unlock()
		c.drained()
		if again {
			wait = min(2*wait, drainPoll)
			time.AfterFunc(wait, look)
		}
	}
	time.AfterFunc(wait, look)
}

// closing is a call of close that waits for bufferedAmount to be 0.
type closing struct {
	code   StatusCode
	reason string
}

// startClosing calls close: at once, unless a Blob is on its way, which Node lets the Close frame overtake and WebKitGTK
// drops. With the Blob gone to the network first, every host keeps the order.
func (c *Conn) startClosing(code StatusCode, reason string) {
	if c.sentBlob && c.hostBuffered() > 0 {
		c.closeLater = &closing{code, reason}
		c.watchBuffered(0)
		return
	}
	c.callClose(code, reason)
}

// callClose's arguments have been checked, but an old host may know fewer codes: then the code is lost rather than the
// connection left open.
func (c *Conn) callClose(code StatusCode, reason string) {
	if code != StatusNoStatusRcvd {
		if thrown := c.hostCall(func() { c.ws.Call("close", int(code), theHost().string(reason)) }); thrown == nil {
			return
		}
	}
	c.abandon()
}

// abandon calls close(): other than 1001 or 1008 that throws in no host and no state.
func (c *Conn) abandon() { c.hostCall(func() { c.ws.Call("close") }) }

// abort ends the connection. The listeners are removed first, so that nothing that the host still does reaches Go.
func (c *Conn) abort() {
	c.closeLater = nil
	if !c.released {
		c.release()
	}
	c.events.Set("length", 0)
	c.ws.Call("close")
	c.signal() // pump ends
}

func (c *Conn) accepted() int64 { return c.sent }

func (c *Conn) handed() int64 { return c.sent - c.hostBuffered() }

func (c *Conn) hostBuffered() int64 {
	if !c.hasSent {
		return 0
	}
	return int64(c.getBuffered.Invoke().Float())
}

// observe sees that the peer's Close frame has come, for which there is no event: the host's readyState is CLOSING and the
// messages before it have been received.
func (c *Conn) observe() {
	if c.readyState() == Open && !c.taking && c.getReadyState.Invoke().Int() == int(Closing) && c.events.Length() == 0 {
		c.peerClosing()
	}
}

func (c *Conn) binaryTypeChanged(t BinaryType) {
	c.hasBlobs = c.hasBlobs || t == BinaryBlob
	c.ws.Set("binaryType", string(t))
}

// resume has nothing to do: a browser does not stop reading.
func (c *Conn) resume() {}

// receiveFor has nothing to do: a Read can only wait.
func (c *Conn) receiveFor(context.Context, *readWaiter) {}

func (c *Conn) keepReceiving() {}

// resolveURL parses by the host's URL class what the host's WebSocket is to get, because the port has to be known, and because not
// every host's WebSocket takes http URLs.
func resolveURL(url, base string) (target, error) {
	u, ok := parseURL(url, base)
	if !ok {
		return target{}, exception(ErrSyntax, "the URL "+strconv.Quote(url)+" does not parse")
	}
	protocol := u.Get("protocol").String()
	switch protocol {
	case "http:":
		u.Set("protocol", "ws:")
	case "https:":
		u.Set("protocol", "wss:")
	case "ws:", "wss:":
	default:
		return target{}, exception(ErrSyntax, "the URL "+strconv.Quote(url)+" has the scheme "+
			strconv.Quote(strings.TrimSuffix(protocol, ":"))+", not ws, wss, http or https")
	}
	t := target{href: u.Get("href").String()}
	if strings.Contains(t.href, "#") {
		return target{}, exception(ErrSyntax, "the URL "+strconv.Quote(url)+" has a fragment")
	}
	t.number = portOf(u)
	return t, nil
}

func parseURL(url, base string) (u js.Value, ok bool) {
	class := js.Global().Get("URL")
	if class.Type() != js.TypeFunction {
		return js.Undefined(), false
	}
	parse := func(args ...any) bool { return catch(func() { u = class.New(args...) }) == nil }
	// As JavaScript strings, because js.ValueOf would drop a byte order mark that makes the URL invalid.
	h := theHost()
	urlString := h.string(handshake.ScalarValues(url))
	if base == "" {
		if parse(urlString) {
			return u, true
		}
		base = pageURL()
	}
	ok = parse(urlString, h.string(handshake.ScalarValues(base)))
	return u, ok
}

// pageURL returns the URL against which the page or worker resolves others, "" if there is none.
func pageURL() string {
	for _, path := range [][2]string{{"document", "baseURI"}, {"location", "href"}} {
		object := js.Global().Get(path[0])
		if object.Type() != js.TypeObject {
			continue
		}
		if url := object.Get(path[1]); url.Type() == js.TypeString {
			return url.String()
		}
	}
	return ""
}

func portOf(u js.Value) uint16 {
	port := u.Get("port").String()
	if port == "" {
		if u.Get("protocol").String() == "wss:" {
			return 443
		}
		return 80
	}
	var n uint16
	for _, digit := range []byte(port) {
		n = n*10 + uint16(digit-'0')
	}
	return n
}
