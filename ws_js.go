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

// NativeOptions has no fields here: browsers give programs no choice in these matters.
type NativeOptions struct{}

// JSValue returns the host's WebSocket object. Its binaryType belongs to the Conn and must not be set; calling its
// close and adding listeners is harmless.
func (c *Conn) JSValue() js.Value { return c.ws }

// platform is the browser half of a Conn: the host's WebSocket object, and what receives its events and sends messages.
// No Go lock is held while the host's send or close runs, and no callback of the host waits for one.
type platform struct {
	ws        js.Value
	listeners listeners
	in        inbox
	out       outbox
	hasBlobs  bool // binaryType has been "blob"

	messageLimit int64 // negative: none
}

// target is where a connection goes: an absolute URL, as the host parsed it.
type target struct {
	href   string
	number uint16
}

// Port returns the URL's port, explicit or not.
func (t target) Port() uint16 { return t.number }

// connect constructs the host's object.
func (c *Conn) connect(_ context.Context, t target, opts *Options) error {
	h := theHost()
	constructor := h.at("WebSocket")
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
	object, thrown := h.construct(constructor, args...)
	if thrown != nil {
		return h.exceptionOf(thrown)
	}
	c.ws, c.url = object, t.href
	if url := h.getText(object, "url"); url != "" {
		c.url = url
	}
	c.messageLimit = opts.messageLimit()
	c.setHostBinaryType(binaryTypeOf(c.blobs))
	c.out.send = h.bindMethod(object, "send")
	c.out.getBuffered = h.getter(object, "bufferedAmount")
	c.out.getReadyState = h.getter(object, "readyState")
	c.in = h.newInbox()
	if !c.listen() {
		c.abort()
		return &Exception{Name: "NotSupportedError", Message: "nobody can listen to the WebSocket of this JavaScript host"}
	}
	switch c.hostState() {
	case Open:
		c.alreadyOpen()
	case Closed:
		c.expectClose(closeGrace)
	}
	return nil
}

// listeners has the functions that the host's object calls.
type listeners struct {
	object      js.Value
	byProperty  bool // it has no addEventListener, only onmessage and the like
	all         [5]listener
	turn        js.Value // the callback of wakeNextTurn
	messageFunc js.Func
	eventFunc   js.Func
}

type listener struct {
	event    string
	function js.Value
}

// The order in which they are added: each message is queued before Go is woken. Those of the events follow, open
// first.
const (
	listenerQueue = iota
	listenerWake
	listenerEvents
)

// listen directs the object's events to the inbox, and reports whether that is possible.
func (c *Conn) listen() bool {
	h, l := theHost(), &c.listeners
	l.object = c.ws
	l.byProperty = h.get(c.ws, "addEventListener").Type() != js.TypeFunction
	l.messageFunc = js.FuncOf(func(_ js.Value, args []js.Value) any {
		c.messageCame(argument(args, 0))
		return nil
	})
	l.eventFunc = js.FuncOf(func(_ js.Value, args []js.Value) any {
		c.eventCame(eventKind(number(argument(args, 0))), argument(args, 1))
		return nil
	})
	for i, event := range [len(l.all)]string{"message", "message", "open", "error", "close"} {
		l.all[i] = listener{event, l.ofEvent(h, eventKind(i-listenerEvents))}
	}
	l.turn = l.ofEvent(h, eventTurn)
	l.all[listenerQueue].function = h.bind(h.builtins[arrayPush], c.in.queue)
	l.all[listenerWake].function = l.messageFunc.Value
	for i := range l.all {
		if !(i == listenerQueue && l.byProperty) && !l.add(i) {
			return false
		}
	}
	return true
}

// ofEvent returns a function that calls eventCame with a kind of event.
func (l *listeners) ofEvent(h *host, kind eventKind) js.Value {
	return h.bind(l.eventFunc.Value, js.Undefined(), js.ValueOf(int(kind)))
}

func (l *listeners) add(i int) bool {
	h, one := theHost(), &l.all[i]
	if l.byProperty {
		return h.set(l.object, "on"+one.event, one.function)
	}
	_, err := h.method(l.object, "addEventListener", one.event, one.function)
	return err == nil
}

func (l *listeners) remove(i int) {
	h, one := theHost(), &l.all[i]
	if l.byProperty {
		h.set(l.object, "on"+one.event, js.Null())
		return
	}
	// A listener that the host does not release finds the connection over.
	_, _ = h.method(l.object, "removeEventListener", one.event, one.function)
}

// release undoes what connect has set up. The object remains, for its attributes.
func (c *Conn) release() {
	for i := range c.listeners.all {
		c.listeners.remove(i)
	}
	c.in.queue, c.in.next, c.in.splice = js.Undefined(), js.Undefined(), js.Undefined()
	c.in.class, c.in.data = js.Undefined(), js.Undefined()
	c.in.pending = nil
	c.listeners.all = [len(c.listeners.all)]listener{}
	c.listeners.messageFunc.Release()
	if !c.in.due {
		c.releaseTurn()
	}
}

// releaseTurn releases the function that the last task requested by wakeNextTurn would call.
func (c *Conn) releaseTurn() {
	c.listeners.eventFunc.Release()
	if isObject(c.in.channel) {
		h := theHost()
		_, _ = h.method(h.get(c.in.channel, "port1"), "close")
	}
}

// alreadyOpen handles a mock that opens in its constructor, before listeners can be added.
func (c *Conn) alreadyOpen() {
	c.in.pending = append(c.in.pending, hostEvent{kind: eventOpen})
	go c.work()
}

func (c *Conn) hostOpened() {
	h := theHost()
	c.in.opened = true
	if c.opened(h.getText(c.ws, "protocol"), h.getText(c.ws, "extensions")) {
		go c.deliver()
	}
}

func (c *Conn) hostErrored() {
	c.in.errored = true
	if c.hostState() == Closed {
		c.expectClose(closeGrace)
	} else if !c.in.opened {
		c.expectClose(failureGrace)
	}
}

// expectClose is called when the host's object is CLOSED. The close event has to come in the same task; if it has not
// come by a later one, it never will.
func (c *Conn) expectClose(grace time.Duration) {
	if c.in.end != alive {
		return
	}
	c.in.end = closeExpected
	c.awaitClose(grace/graceParts, graceParts)
}

// awaitClose waits for the close event, several times: if the process is stopped, or Go keeps the host from its tasks,
// one of these times may pass although the event is about to come.
func (c *Conn) awaitClose(part time.Duration, times int) {
	time.AfterFunc(part, func() {
		switch {
		case c.in.end != closeExpected:
		case times > 1:
			c.awaitClose(part, times-1)
		default:
			c.in.end = closeMissing
			c.work()
		}
	})
}

const (
	// closeGrace is how late a close event may be. Some hosts take a task for each event: Bun's object is CLOSED before
	// the task of its close event, which on a busy machine comes many milliseconds later.
	closeGrace = 200 * time.Millisecond

	// graceParts is how many times that has to pass in parts.
	graceParts = 4
)

// failureGrace is how long after the error event of an attempt to connect the close event may come: WebKit waits
// for the end of the TCP connection.
const failureGrace = 10 * time.Second

// endIfClosed ends a connection whose object is CLOSED without a close event.
func (c *Conn) endIfClosed() {
	if c.in.end == closeMissing && (c.closedSilently() || !c.in.opened) {
		c.finish(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}}, c.in.errored || !c.in.opened)
	}
}

func (c *Conn) hostClosed(event js.Value) {
	if c.in.end == over { // the last message was over the limit
		return
	}
	h := theHost()
	closed := CloseEvent{Reason: h.getText(event, "reason"), WasClean: truth(h.get(event, "wasClean"))}
	closed.Code = closeCode(h.get(event, "code"), closed.WasClean)
	c.finish(&CloseError{CloseEvent: c.closedUnopened(closed)}, c.in.errored || !c.in.opened)
}

// failTooBig fails the connection because of a message over the limit, after the messages before it. A browser cannot
// be told to do that, so the peer gets a Close frame without a code.
func (c *Conn) failTooBig() {
	c.post()
	c.abort()
	c.finish(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}, Err: ErrMessageTooBig}, true)
}

// finish ends the connection. From now on no event of the host reaches Go.
func (c *Conn) finish(err *CloseError, failed bool) {
	c.leaveHost()
	c.ended(err, failed)
}

func (c *Conn) leaveHost() {
	if c.in.end != over {
		c.in.end = over
		c.release()
	}
}

// abort closes the host's object. No event of it comes any more, not even one that is fired inside its close.
func (c *Conn) abort() {
	c.leaveHost()
	// Some hosts change bufferedAmount in close: Deno sets it to 0, Bun adds the Close frame.
	c.out.last, c.out.aborted = c.hostBuffered(), true
	c.out.queue, c.out.queued, c.out.closing = nil, 0, nil
	c.out.closed = true
	_, _ = theHost().method(c.ws, "close")
}

// isServer is false: the host has no servers.
func (c *Conn) isServer() bool { return false }

// observe notices that the peer's Close frame has come, for which there is no event: the host's readyState is CLOSING
// and the messages before it have been received. It also notices an object that is CLOSED without an event.
func (c *Conn) observe() {
	if c.in.working || c.in.end == over || c.readyState() == Closed {
		return
	}
	switch c.hostState() {
	case Closing:
		if c.readyState() == Open && c.in.queue.Length() == 0 {
			c.peerClosing()
		}
	case Closed:
		c.expectClose(closeGrace)
	}
}

func (c *Conn) binaryTypeChanged(t BinaryType) {
	theHost().readBlob = (*Blob).ArrayBuffer
	c.setHostBinaryType(t)
}

func (c *Conn) setHostBinaryType(t BinaryType) {
	c.hasBlobs = c.hasBlobs || t == BinaryBlob
	theHost().set(c.ws, "binaryType", string(t))
}

// resume has nothing to do: a browser does not stop reading.
func (c *Conn) resume() {}

// receiveFor has nothing to do: here a Read can only wait.
func (c *Conn) receiveFor(context.Context, *readWaiter) {}

func (c *Conn) keepReceiving() {}

func (c *Conn) released() <-chan struct{} { return nil }

// closeFrameWaits is false: a host does not tell what becomes of its Close frame.
func closeFrameWaits(*Conn) bool { return false }

// dialError returns the error of a Dial whose connection did not open. A browser gives no cause, so the error names the
// URL and says where the cause may be found.
func (c *Conn) dialError(end *CloseError) error { return &dialError{handshake.ShowURL(c.url), end} }

type dialError struct {
	url   string
	cause *CloseError
}

func (e *dialError) Error() string {
	cause := strings.TrimPrefix(e.cause.Error(), "ws: ")
	if e.cause.Err == nil {
		cause += " (JavaScript is not told why: see the console and the server's log)"
	}
	return "ws: the connection to " + e.url + " did not open: " + cause
}

func (e *dialError) Unwrap() error { return e.cause }

// resolveURL parses the URL with the host's URL class before the host's WebSocket gets it, because the port has to be
// known, and because not every host's WebSocket takes http URLs.
func resolveURL(url, base string) (target, error) {
	h := theHost()
	u, ok := parseURL(url, base)
	if !ok && base == "" && pageURL() == "" {
		return target{}, badURL(url, "does not parse; without a page, a relative URL needs Options.BaseURL")
	}
	if !ok {
		return target{}, badURL(url, "does not parse")
	}
	protocol := h.getText(u, "protocol")
	switch protocol {
	case "http:":
		h.set(u, "protocol", "ws:")
	case "https:":
		h.set(u, "protocol", "wss:")
	case "ws:", "wss:":
	default:
		scheme := strconv.Quote(strings.TrimSuffix(protocol, ":"))
		return target{}, badURL(url, "has the scheme "+scheme+", not ws, wss, http or https")
	}
	t := target{href: h.getText(u, "href")}
	if strings.Contains(t.href, "#") {
		return target{}, badURL(url, "has a fragment")
	}
	t.number = portOf(u)
	return t, nil
}

func badURL(url, what string) error {
	return exception(ErrSyntax, "the URL "+handshake.ShowInput(url)+" "+what)
}

func parseURL(url, base string) (u js.Value, ok bool) {
	h := theHost()
	class := h.at("URL")
	parse := func(args ...string) bool {
		values := make([]any, len(args))
		for i, arg := range args {
			// Pass a JavaScript string, because js.ValueOf would drop a byte order mark, which makes the URL invalid.
			value, err := h.string(handshake.ScalarValues(arg))
			if err != nil {
				return false
			}
			values[i] = value
		}
		var thrown *js.Error
		u, thrown = h.construct(class, values...)
		return thrown == nil
	}
	if base == "" {
		if parse(url) {
			return u, true
		}
		base = pageURL()
	}
	ok = parse(url, base)
	return u, ok
}

// pageURL returns the URL against which the page or worker resolves relative ones, or "" if there is none.
func pageURL() string {
	h := theHost()
	if url := text(h.at("document.baseURI")); url != "" {
		return url
	}
	return text(h.at("location.href"))
}

func portOf(u js.Value) uint16 {
	h := theHost()
	port := h.getText(u, "port")
	if port == "" {
		if h.getText(u, "protocol") == "wss:" {
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
