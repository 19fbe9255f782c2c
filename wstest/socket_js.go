package wstest

import (
	"syscall/js"

	"github.com/seed2c7e30c3/ws"
)

// socket is an object that stands in for the host's WebSocket: an EventTarget with plain properties. Its methods are
// builtins of the host, bound to what they change. With a js.Func instead, every other goroutine would run inside a
// call of Send or Close, until all of them wait; a program that ended there would leave the host in the middle of a
// call.
//
//   - send is postMessage of a MessagePort: it copies the data, and the message comes out of the other port in a task
//     of the event loop. So events come when they would in a browser, while every goroutine waits.
//   - close is Array.prototype.push of an object whose length is a setter, which posts the number of the arguments
//     behind what was sent before. The arguments themselves stay in the object.
type socket struct {
	object   js.Value
	port     js.Value // where what send and close post comes out
	closing  js.Value // the arguments of close
	assign   js.Value // (attributes) => sets them
	dispatch js.Value // the object's dispatchEvent, bound
	posted   js.Func  // the port's listener
}

// newSocket returns a socket that is Connecting. sent is called with the argument of send, closed with the arguments of
// close, each in a task.
func newSocket(h *host, sent func(js.Value), closed func(code int, reason string)) *socket {
	channel := h.messageChannel.New()
	s := &socket{object: h.eventTarget.New(), port: channel.Get("port1"), closing: h.object.New()}
	s.assign = h.object.Get("assign").Call("bind", js.Undefined(), s.object)
	s.dispatch = bound(s.object, "dispatchEvent")
	post := bound(channel.Get("port2"), "postMessage")
	define(s.closing, "length", map[string]any{"set": post})
	s.assign.Invoke(map[string]any{
		"url": pairURL, "protocol": "", "extensions": "", "bufferedAmount": 0, "binaryType": "blob",
		"readyState": int(ws.Connecting), "send": post, "close": h.push.Call("bind", s.closing),
	})
	s.posted = js.FuncOf(func(_ js.Value, args []js.Value) any {
		if data := args[0].Get("data"); data.Type() == js.TypeNumber {
			closed(s.closeArguments(data.Int()))
		} else {
			sent(data)
		}
		return nil
	})
	s.port.Set("onmessage", s.posted)
	return s
}

// closeArguments returns the first n arguments of close.
func (s *socket) closeArguments(n int) (code int, reason string) {
	code = int(ws.StatusNoStatusRcvd)
	if v := s.closing.Index(0); n > 0 && v.Type() == js.TypeNumber {
		code = v.Int()
	}
	if v := s.closing.Index(1); n > 1 && v.Type() == js.TypeString {
		reason = v.String()
	}
	return code, reason
}

// change changes attributes, and fire dispatches an event, in this order and when every goroutine waits: each in a
// microtask, so that nothing of Go is in the middle of a call then, and so that nobody sees a readyState whose event is
// still to come.
func (s *socket) change(h *host, attributes map[string]any) {
	h.promise.Call("resolve", attributes).Call("then", s.assign)
}

func (s *socket) fire(h *host, event js.Value) {
	h.promise.Call("resolve", event).Call("then", s.dispatch)
}

// release gives back what the socket has taken from the host. Anything that has not come out of the port yet is lost.
// The port is closed in a microtask too, because Bun runs waiting microtasks inside close.
func (s *socket) release(h *host) {
	s.port.Set("onmessage", js.Null())
	s.posted.Release()
	h.promise.Call("resolve").Call("then", bound(s.port, "close"))
}

// bound returns a method bound to its object.
func bound(object js.Value, name string) js.Value { return object.Get(name).Call("bind", object) }

// host has the objects of the JavaScript host that are used.
type host struct {
	object, promise, eventTarget, event, messageEvent, messageChannel, blob, arrayBuffer js.Value

	push js.Value // Array.prototype.push
}

// newHost returns an error if the host lacks a class.
func newHost() (*host, error) {
	h := new(host)
	for name, class := range map[string]*js.Value{
		"Object": &h.object, "Promise": &h.promise, "EventTarget": &h.eventTarget, "Event": &h.event,
		"MessageEvent": &h.messageEvent, "MessageChannel": &h.messageChannel, "Blob": &h.blob,
		"ArrayBuffer": &h.arrayBuffer,
	} {
		if *class = js.Global().Get(name); class.Type() != js.TypeFunction {
			return nil, unsupported("this JavaScript host has no " + name)
		}
	}
	h.push = js.Global().Get("Array").Get("prototype").Get("push")
	return h, nil
}

func define(object js.Value, name string, descriptor any) bool {
	return js.Global().Get("Reflect").Call("defineProperty", object, name, descriptor).Bool()
}

func unsupported(why string) error {
	return &ws.Exception{Name: "NotSupportedError", Message: "wstest: " + why}
}
