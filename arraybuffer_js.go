//go:build js && wasm

package ws

import "syscall/js"

// arrayBuffer has at least one of value, an ArrayBuffer object, and data, its bytes. The other is made when asked for.
type arrayBuffer struct {
	value js.Value
	data  []byte
}

// newArrayBuffer takes ownership of data.
func newArrayBuffer(data []byte) *ArrayBuffer {
	return &ArrayBuffer{arrayBuffer{data: data}}
}

// ArrayBufferOf returns an ArrayBuffer that stands for a JavaScript ArrayBuffer object. What JavaScript code writes into the
// object before its bytes are first asked for is seen, later changes are not. Any other value is a "TypeError" *Exception.
func ArrayBufferOf(v js.Value) (*ArrayBuffer, error) {
	if v.Type() != js.TypeObject || !v.InstanceOf(js.Global().Get("ArrayBuffer")) {
		return nil, typeError("the JavaScript value is no ArrayBuffer")
	}
	return &ArrayBuffer{arrayBuffer{value: v}}, nil
}

// JSValue returns the ArrayBuffer object, which is made on the first call if b did not come from JavaScript.
func (b *ArrayBuffer) JSValue() js.Value {
	if !b.hasValue() {
		b.value = theHost().bytes(b.data).Get("buffer")
	}
	return b.value
}

func (b *arrayBuffer) hasValue() bool { return !b.value.IsUndefined() }

func (b *arrayBuffer) len() int {
	if b.data == nil && b.hasValue() {
		return b.value.Get("byteLength").Int()
	}
	return len(b.data)
}

func (b *arrayBuffer) bytes() []byte {
	if b.data == nil && b.hasValue() {
		h := theHost()
		b.data = h.copy(h.uint8Array.New(b.value))
	}
	return b.data[:len(b.data):len(b.data)]
}

func (b *arrayBuffer) slice(from, to int) *ArrayBuffer {
	if b.data == nil && b.hasValue() {
		return &ArrayBuffer{arrayBuffer{value: b.value.Call("slice", from, to)}}
	}
	return newArrayBuffer(b.data[from:to])
}
