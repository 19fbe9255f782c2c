//go:build js && wasm

package ws

import (
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// arrayBuffer is bytes, and possibly an ArrayBuffer object with the same ones.
type arrayBuffer struct {
	data  []byte
	value js.Value // what JSValue returns; JavaScript code may have written into it or detached it
}

// newArrayBuffer takes ownership of data.
func newArrayBuffer(data []byte) *ArrayBuffer {
	return &ArrayBuffer{arrayBuffer{data: data}}
}

// ArrayBufferOf returns an ArrayBuffer with a copy of the bytes that a JavaScript ArrayBuffer object has now; JSValue returns
// that object. Any other value, and a detached object, is a "TypeError" *Exception.
func ArrayBufferOf(v js.Value) (*ArrayBuffer, error) {
	h := theHost()
	_, err := safejs.Safe(h.byteLength).Invoke(v) // throws unless v is an ArrayBuffer
	if err != nil {
		return nil, typeError("the JavaScript value is no ArrayBuffer: " + err.Error())
	}
	array, err := safejs.Safe(h.uint8Array).New(v)
	if err != nil {
		return nil, typeError("the JavaScript value is an ArrayBuffer without bytes: " + err.Error())
	}
	return &ArrayBuffer{arrayBuffer{h.copy(safejs.Unsafe(array)), v}}, nil
}

// JSValue returns an ArrayBuffer object with the bytes, always the same one. What JavaScript code does with it does not
// change b.
func (b *ArrayBuffer) JSValue() js.Value {
	if b.value.IsUndefined() {
		b.value = theHost().bytes(b.data).Get("buffer")
	}
	return b.value
}

func (b *arrayBuffer) len() int { return len(b.data) }

func (b *arrayBuffer) bytes() []byte { return b.data[:len(b.data):len(b.data)] }

func (b *arrayBuffer) slice(from, to int) *ArrayBuffer { return newArrayBuffer(b.data[from:to]) }
