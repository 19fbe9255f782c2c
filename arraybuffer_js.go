//go:build js && wasm

package ws

import "syscall/js"

// arrayBuffer is bytes, and possibly an ArrayBuffer object with the same ones.
type arrayBuffer struct {
	data  []byte
	value js.Value // what JSValue returns; JavaScript code may have written into it or detached it
}

// newArrayBuffer takes ownership of data.
func newArrayBuffer(data []byte) *ArrayBuffer {
	return &ArrayBuffer{arrayBuffer{data: data}}
}

// ArrayBufferOf returns an ArrayBuffer with a copy of the bytes that a JavaScript ArrayBuffer object has now. Its
// [ArrayBuffer.JSValue] returns that object. Any other value, and a detached object, is a "TypeError" *Exception.
func ArrayBufferOf(v js.Value) (*ArrayBuffer, error) {
	h := theHost()
	if _, thrown := h.call(h.byteLength, v); thrown != nil { // which it does unless v is an ArrayBuffer
		return nil, typeError("the JavaScript value is no ArrayBuffer")
	}
	array, thrown := h.construct(h.builtins[classUint8Array], v)
	if thrown != nil {
		return nil, typeError("the JavaScript value is an ArrayBuffer without bytes: " + h.exceptionOf(thrown).Error())
	}
	data, _ := h.copyBytes(array, -1)
	return &ArrayBuffer{arrayBuffer{data, v}}, nil
}

// JSValue returns a JavaScript ArrayBuffer object with the bytes, always the same one. Whatever JavaScript code does
// with it does not change b.
func (b *ArrayBuffer) JSValue() js.Value {
	if b.value.IsUndefined() {
		h := theHost()
		array, _ := h.bytes(b.data)
		b.value = h.get(array, "buffer")
	}
	return b.value
}

func (b *arrayBuffer) len() int { return len(b.data) }

func (b *arrayBuffer) bytes() []byte { return b.data[:len(b.data):len(b.data)] }

func (b *arrayBuffer) slice(from, to int) *ArrayBuffer { return newArrayBuffer(b.data[from:to]) }
