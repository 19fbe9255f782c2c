//go:build js && wasm

package ws

import (
	"context"
	"math/bits"
	"runtime"
	"strings"
	"sync"
	"syscall/js"
)

// host has what the package uses of the JavaScript host besides the WebSocket objects. Looking up a property by name costs
// about 3 us, which is many times what a call of a bound function costs, so it is done once.
type host struct {
	array      js.Value
	uint8Array js.Value
	blob       js.Value
	byteLength js.Value // the getter of ArrayBuffer's byteLength, as a function of the object
	once       js.Value // the listener options {once: true}

	bindCall     js.Value // f => Function.prototype.call.bind(f): makes a method a function of its receiver
	setImmediate js.Value // undefined in browsers
	now          js.Value // performance.now, bound

	map_   js.Value // Array.prototype.map as such a function
	data   js.Value // the getter of MessageEvent's data; undefined in hosts where it is no getter
	encode js.Value // TextEncoder's encode, bound
	decode js.Value // TextDecoder's decode, bound; it keeps a byte order mark

	blobBytes int64     // received since the last collection
	small     *staging  // of smallStaging; nil while in use
	large     sync.Pool // of a *staging for longer messages
}

// theHost looks everything up when the first connection or buffer needs it: importing the package touches no globals.
var theHost = sync.OnceValue(newHost)

func newHost() *host {
	global := js.Global()
	function := global.Get("Function").Get("prototype")
	h := &host{
		array:      global.Get("Array"),
		uint8Array: global.Get("Uint8Array"),
		blob:       global.Get("Blob"),
		once:       js.ValueOf(map[string]any{"once": true}),
		data:       js.Null(),

		setImmediate: global.Get("setImmediate"),
	}
	h.bindCall = function.Get("bind").Call("bind", function.Get("call"))
	h.byteLength = h.accessor(global.Get("ArrayBuffer").Get("prototype"), "byteLength")
	h.map_ = h.bindCall.Invoke(h.array.Get("prototype").Get("map"))
	encoder := global.Get("TextEncoder").New()
	h.encode = h.bind(encoder.Get("encode"), encoder)
	performance := global.Get("performance")
	h.now = h.bind(performance.Get("now"), performance)
	decoder := global.Get("TextDecoder").New("utf-8", map[string]any{"ignoreBOM": true})
	h.decode = h.bind(decoder.Get("decode"), decoder)
	return h
}

// bind returns function.bind(args...).
func (h *host) bind(function js.Value, args ...any) js.Value {
	return function.Call("bind", args...)
}

// accessor returns the getter of a property of object as a function of the object, undefined where it is no getter.
func (h *host) accessor(object js.Value, name string) js.Value {
	class := js.Global().Get("Object")
	for p := object; p.Type() == js.TypeObject; p = class.Call("getPrototypeOf", p) {
		descriptor := class.Call("getOwnPropertyDescriptor", p, name)
		if descriptor.Type() != js.TypeObject {
			continue
		}
		if get := descriptor.Get("get"); get.Type() == js.TypeFunction {
			return h.bindCall.Invoke(get)
		}
		break
	}
	return js.Undefined()
}

// getter returns a function that reads a property of object.
func (h *host) getter(object js.Value, name string) js.Value {
	if get := h.accessor(object, name); get.Type() == js.TypeFunction {
		return h.bind(get, js.Null(), object)
	}
	return h.bind(js.Global().Get("Reflect").Get("get"), js.Null(), object, name)
}

// eventData returns the array of the data of an array of message events, which is not empty.
func (h *host) eventData(events js.Value) js.Value {
	if h.data.IsNull() {
		// From an event, because globalThis.MessageEvent is another class than the events' in Node 20.
		h.data = h.accessor(events.Index(0), "data")
	}
	if h.data.Type() == js.TypeFunction {
		return h.map_.Invoke(events, h.data)
	}
	data := h.array.New()
	for i := range events.Length() {
		data.SetIndex(i, events.Index(i).Get("data"))
	}
	return data
}

// string makes a JavaScript string of s, which is valid UTF-8. js.ValueOf would drop a leading byte order mark.
func (h *host) string(s string) js.Value {
	if strings.HasPrefix(s, "\uFEFF") {
		return h.invoke(h.decode, []byte(s))
	}
	return js.ValueOf(s)
}

// invoke calls a function of the host with a Uint8Array that has the bytes of data, which the function must copy before it returns. In every
// host send does.
func (h *host) invoke(function js.Value, data []byte) (result js.Value) {
	n := len(data)
	if n > largeStaging {
		return function.Invoke(h.bytes(data))
	}
	// Taken away meanwhile: an allocation in here may let another goroutine run. If the function throws, it is lost.
	if n > smallStaging {
		s, _ := h.large.Get().(*staging)
		if s == nil || s.size < n {
			s = h.newStaging(1 << bits.Len(uint(n-1)))
		}
		result = function.Invoke(s.view(data))
		h.large.Put(s)
		return result
	}
	s := h.small
	h.small = nil
	if s == nil {
		s = h.newStaging(smallStaging)
	}
	result = function.Invoke(s.view(data))
	h.small = s
	return result
}

// staging is memory of the host that is used again and again for one message after another: an array of 128 KiB takes the host
// a hundred times as long to make as to fill.
type staging struct {
	size     int
	array    js.Value      // Uint8Array
	subarray js.Value      // array.subarray, bound to start at 0
	short    [257]js.Value // the subarrays of the first 0, 1, ... bytes that have been needed
	recent   js.Value      // the longer one that was needed last
	length   int           // of recent
}

const (
	// smallStaging is the longest message for which memory is kept for good.
	smallStaging = 64 << 10

	// largeStaging is the longest one for which it is kept until it has not been used from one garbage collection to the next.
	largeStaging = 16 << 20
)

func (h *host) newStaging(size int) *staging {
	s := &staging{size: size, array: h.uint8Array.New(size)}
	s.subarray = h.bind(s.array.Get("subarray"), s.array, 0)
	return s
}

// view returns a Uint8Array with the bytes of data. Making one costs the host twenty times what filling it does, so some are kept.
func (s *staging) view(data []byte) js.Value {
	js.CopyBytesToJS(s.array, data)
	n := len(data)
	if n < len(s.short) {
		if s.short[n].IsUndefined() {
			s.short[n] = s.subarray.Invoke(n)
		}
		return s.short[n]
	}
	if n != s.length {
		s.recent, s.length = s.subarray.Invoke(n), n
	}
	return s.recent
}

// bytes returns a new Uint8Array with the bytes of data.
func (h *host) bytes(data []byte) js.Value {
	array := h.uint8Array.New(len(data))
	js.CopyBytesToJS(array, data)
	return array
}

// copy returns the bytes of a Uint8Array.
func (h *host) copy(array js.Value) []byte {
	data := make([]byte, array.Length())
	js.CopyBytesToGo(data, array)
	return data
}

// payload is a received message that has not been delivered: data, possibly with the ArrayBuffer it comes from, or a Blob.
type payload struct {
	text  bool
	blob  bool
	data  []byte
	value js.Value
	bytes int64
}

func (p payload) size() int64 { return p.bytes }

// payload makes one of a message event's data.
func (h *host) payload(v js.Value, mayBeBlob bool) payload {
	if v.Type() == js.TypeString {
		data := h.copy(h.encode.Invoke(v))
		return payload{text: true, data: data, bytes: int64(len(data))}
	}
	if mayBeBlob && v.InstanceOf(h.blob) {
		size := int64(v.Get("size").Float())
		h.countBlob(size)
		return payload{blob: true, value: v, bytes: size}
	}
	// Long ones are copied too, although they may be forwarded only: the host's memory is freed when Go collects garbage, and Go
	// does not collect for what it does not see. Keeping their object for forwarding would keep that memory too.
	data := h.copy(h.uint8Array.New(v))
	return payload{data: data, bytes: int64(len(data))}
}

// countBlob collects garbage now and then: Go sees a few bytes of each Blob, and the host keeps it until Go has collected.
func (h *host) countBlob(size int64) {
	if h.blobBytes += size; h.blobBytes >= blobGarbage {
		h.blobBytes = 0
		runtime.GC()
	}
}

// blobGarbage is how many bytes of Blobs may be received between two collections.
const blobGarbage = 64 << 20

// message makes of p what is delivered. A Blob that was queued before BinaryType changed has to be read; that takes as long
// as the host takes. If the host cannot read it the Blob itself is delivered, whose own methods say why.
func (p payload) message(t BinaryType) Message {
	switch {
	case p.text:
		return Text(p.data)
	case p.blob && t == BinaryBlob:
		return &Blob{blob{p.value}}
	case p.blob:
		b := &Blob{blob{p.value}}
		if a, err := b.ArrayBuffer(context.Background()); err == nil {
			return a
		}
		return b
	}
	if t == BinaryBlob {
		h := theHost()
		return &Blob{blob{h.newBlob("", h.bytes(p.data))}}
	}
	return newArrayBuffer(p.data)
}

// await waits for a promise.
func await(ctx context.Context, promise js.Value) (js.Value, error) {
	type result struct {
		value js.Value
		err   error
	}
	settled := make(chan result, 1)
	var fulfilled, rejected js.Func
	settle := func(r result) any {
		settled <- r
		// Only here: after a cancelled wait the promise still settles.
		fulfilled.Release()
		rejected.Release()
		return nil
	}
	fulfilled = js.FuncOf(func(_ js.Value, args []js.Value) any { return settle(result{value: args[0]}) })
	rejected = js.FuncOf(func(_ js.Value, args []js.Value) any {
		return settle(result{err: exceptionOf(&js.Error{Value: args[0]})})
	})
	promise.Call("then", fulfilled, rejected)
	select {
	case r := <-settled:
		return r.value, r.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err()
	}
}

// exceptionOf makes an Exception of what JavaScript threw, if that has a name, as every error object has.
func exceptionOf(thrown *js.Error) error {
	if thrown.Value.Type() != js.TypeObject {
		return &hostError{thrown}
	}
	name, message := thrown.Value.Get("name"), thrown.Value.Get("message")
	if name.Type() != js.TypeString || message.Type() != js.TypeString {
		return &hostError{thrown}
	}
	return &Exception{Name: name.String(), Message: message.String()}
}

// hostError is something thrown that is no error object. Its own Error method panics for such a thing.
type hostError struct{ thrown *js.Error }

func (e *hostError) Error() string { return "ws: the JavaScript host threw " + e.thrown.Value.String() }
func (e *hostError) Unwrap() error { return *e.thrown }

// catch returns what call throws in JavaScript, nil if nothing; other panics go on. It is used instead of safejs wherever
// every program comes through, because safejs formats stack traces: with it, and so with fmt, the smallest program for a browser
// is 13 % larger.
func catch(call func()) (thrown *js.Error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(js.Error)
			if !ok {
				panic(r)
			}
			thrown = &e
		}
	}()
	call()
	return nil
}
