//go:build js && wasm

package ws

import (
	"context"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"syscall/js"
	"unsafe"
)

// host has what the package uses of the JavaScript host besides the WebSocket objects. A lookup of a property by name
// costs about 3 us, many times as much as a call of a bound function, so it is done once.
type host struct {
	builtins [builtinCount]js.Value
	bindWith js.Value // (f, ...args) => f.bind(...args)
	mapped   js.Value // (array, f) => array.map(f)

	byteLength js.Value // the getter of ArrayBuffer's byteLength, as a function of the object
	encode     js.Value // TextEncoder's encode and encodeInto, bound; undefined where the host has none
	encodeInto js.Value
	decode     js.Value // TextDecoder's decode, bound; it keeps a byte order mark
	empty      js.Value // ""

	// readBlob is (*Blob).ArrayBuffer once a program has changed a BinaryType. A program that never does is linked without
	// that code.
	readBlob func(*Blob, context.Context) (*ArrayBuffer, error)

	blobBytes int64     // received since the last collection
	small     *staging  // of smallStaging; nil while in use
	large     sync.Pool // of a *staging for longer messages
	scratch   []byte    // for the first bytes of a received message; nil while in use
	batches   sync.Pool // of a *workspace
	noBatches bool      // the host lacks a piece of one
}

// builtin is a function or object that is taken from the host as it is. It is undefined if the host lacks it.
type builtin int

const (
	reflectGet builtin = iota
	reflectSet
	reflectApply
	reflectConstruct
	reflectDefine
	reflectDescriptor
	reflectPrototype
	functionBind
	functionCall
	classArray
	classUint8Array
	classBlob
	setImmediate // not in browsers
	arrayMap
	arrayPush
	arrayShift
	arrayForEach
	arrayJoin
	stringValueOf
	builtinCount
)

var builtinPaths = [builtinCount]string{
	reflectGet: "Reflect.get", reflectSet: "Reflect.set", reflectApply: "Reflect.apply",
	reflectConstruct: "Reflect.construct", reflectDefine: "Reflect.defineProperty",
	reflectDescriptor: "Reflect.getOwnPropertyDescriptor", reflectPrototype: "Reflect.getPrototypeOf",
	functionBind: "Function.prototype.bind", functionCall: "Function.prototype.call",
	classArray: "Array", classUint8Array: "Uint8Array", classBlob: "Blob", setImmediate: "setImmediate",
	arrayMap: "Array.prototype.map", arrayPush: "Array.prototype.push", arrayShift: "Array.prototype.shift",
	arrayForEach: "Array.prototype.forEach", arrayJoin: "Array.prototype.join", stringValueOf: "String.prototype.valueOf",
}

// theHost looks everything up when the first connection or buffer needs it, so importing the package touches no
// globals.
var theHost = sync.OnceValue(newHost)

func newHost() *host {
	h := &host{empty: js.ValueOf("")}
	// Reflect exists: the Go program's own loader, wasm_exec.js, needs it.
	h.builtins[reflectGet] = js.Global().Get("Reflect").Get("get")
	for i, path := range builtinPaths {
		h.builtins[i] = h.at(path)
	}
	bind, call := h.builtins[functionBind], h.builtins[functionCall]
	h.bindWith, _ = h.call(h.builtins[reflectApply], bind, call, []any{bind})
	h.mapped = h.ofReceiver(h.builtins[arrayMap])
	h.byteLength = h.accessor(h.at("ArrayBuffer.prototype"), "byteLength")
	encoder, _ := h.construct(h.at("TextEncoder"))
	h.encode, h.encodeInto = h.bindMethod(encoder, "encode"), h.bindMethod(encoder, "encodeInto")
	decoder, _ := h.construct(h.at("TextDecoder"), "utf-8", map[string]any{"ignoreBOM": true})
	h.decode = h.bindMethod(decoder, "decode")
	return h
}

// string makes a JavaScript string of s, which is valid UTF-8. js.ValueOf would drop a leading byte order mark, and
// would not catch what the host throws if s is too long.
func (h *host) string(s string) (js.Value, error) {
	if h.decode.IsUndefined() || len(s) < longText && !strings.HasPrefix(s, "\uFEFF") {
		return js.ValueOf(s), nil
	}
	v, err := h.lend(h.decode, unsafe.Slice(unsafe.StringData(s), len(s)))
	if len(s) >= longText && (err != nil || h.lost(v)) {
		what := "this JavaScript host has no strings of " + strconv.Itoa(len(s)) + " bytes"
		err = &Exception{Name: "RangeError", Message: what}
	}
	return v, err
}

// longText is the length in bytes from which a text may be longer than the host's longest string: 512 MiB in V8, 1 GiB
// in Firefox, 2 GiB in WebKit.
const longText = 256 << 20

// lend calls a function of the host with a Uint8Array that has the bytes of data, which the function must copy before
// it returns. In every host, send does that.
func (h *host) lend(function js.Value, data []byte) (result js.Value, err error) {
	s := h.takeStaging(len(data))
	var array js.Value
	var thrown *js.Error
	if s != nil {
		array = s.view(h, data)
	} else {
		array, thrown = h.bytes(data)
	}
	if thrown == nil {
		result, thrown = h.call(function, array)
	}
	h.giveStaging(s)
	if thrown != nil {
		return js.Undefined(), h.exceptionOf(thrown)
	}
	return result, nil
}

// staging is memory of the host that is reused for one message after another: for an array of 128 KiB, allocation takes
// the host a hundred times as long as filling it.
type staging struct {
	size     int
	array    js.Value      // Uint8Array
	subarray js.Value      // array.subarray, bound to start at 0
	short    [257]js.Value // the subarrays of the first 0, 1, ... bytes that have been needed
	recent   js.Value      // the longer one that was needed last
	length   int           // of recent
}

const (
	// smallStaging is the length of the longest message for which memory is kept for good.
	smallStaging = 64 << 10

	// largeStaging is the length of the longest one for which memory is kept until it was not used between two garbage
	// collections.
	largeStaging = 16 << 20
)

// takeStaging returns nil if n is too large, and if the host has no memory. While in use, the staging is taken out of
// host: the host may call Go, and an allocation may let another goroutine run.
func (h *host) takeStaging(n int) *staging {
	switch {
	case n > largeStaging:
		return nil
	case n > smallStaging:
		if s, _ := h.large.Get().(*staging); s != nil && s.size >= n {
			return s
		}
		return h.newStaging(1 << bits.Len(uint(n-1)))
	}
	s := h.small
	h.small = nil
	if s == nil {
		s = h.newStaging(smallStaging)
	}
	return s
}

func (h *host) giveStaging(s *staging) {
	switch {
	case s == nil:
	case s.size > smallStaging:
		h.large.Put(s)
	default:
		h.small = s
	}
}

func (h *host) newStaging(size int) *staging {
	array, thrown := h.construct(h.builtins[classUint8Array], size)
	if thrown != nil {
		return nil
	}
	s := &staging{size: size, array: array}
	s.subarray = h.bindMethod(array, "subarray", js.ValueOf(0))
	return s
}

// view returns a Uint8Array with the bytes of data. Making one costs the host twenty times as much as filling it, so
// some are kept.
func (s *staging) view(h *host, data []byte) js.Value {
	h.copyToJS(s.array, data)
	n := len(data)
	if n < len(s.short) {
		if s.short[n].IsUndefined() {
			s.short[n], _ = h.call(s.subarray, n)
		}
		return s.short[n]
	}
	if n != s.length {
		s.recent, _ = h.call(s.subarray, n)
		s.length = n
	}
	return s.recent
}

// bytes returns a new Uint8Array with the bytes of data.
func (h *host) bytes(data []byte) (array js.Value, thrown *js.Error) {
	if array, thrown = h.construct(h.builtins[classUint8Array], len(data)); thrown == nil {
		h.copyToJS(array, data)
	}
	return array, thrown
}

// await waits as JavaScript's await does: for a promise, or anything with a method then; any other value is itself the
// result.
func (h *host) await(ctx context.Context, promise js.Value) (js.Value, error) {
	then := h.get(promise, "then")
	if then.Type() != js.TypeFunction {
		return promise, nil
	}
	type result struct {
		value js.Value
		err   error
	}
	settled := make(chan result, 1)
	var fulfilled, rejected js.Func
	settle := func(r result) {
		select {
		case settled <- r:
			// Release only here: after a cancelled wait the promise still settles.
			fulfilled.Release()
			rejected.Release()
		default: // a thenable that settles twice
		}
	}
	fulfilled = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settle(result{value: argument(args, 0)})
		return nil
	})
	rejected = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settle(result{err: h.exceptionOf(&js.Error{Value: argument(args, 0)})})
		return nil
	})
	if _, thrown := h.call(h.builtins[reflectApply], then, promise, []any{fulfilled, rejected}); thrown != nil {
		settle(result{err: h.exceptionOf(thrown)})
	}
	select {
	case r := <-settled:
		return r.value, r.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err()
	}
}

// argument returns an argument of a callback, undefined if it has none.
func argument(args []js.Value, i int) js.Value {
	if i >= len(args) {
		return js.Undefined()
	}
	return args[i]
}
