//go:build js && wasm

package ws

import (
	"context"
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// blob is a Blob object of the host.
type blob struct {
	value js.Value
}

// BlobOf returns a Blob that stands for a JavaScript Blob object, a File for example. Any other value is a "TypeError"
// *Exception.
func BlobOf(v js.Value) (*Blob, error) {
	if class := theHost().blob; v.Type() != js.TypeObject || class.Type() != js.TypeFunction || !v.InstanceOf(class) {
		return nil, typeError("the JavaScript value is no Blob")
	}
	return &Blob{blob{v}}, nil
}

// JSValue returns the Blob object.
func (b *Blob) JSValue() js.Value { return b.value }

func newBlob(typ string, parts []Message) (*Blob, error) {
	h := theHost()
	if h.blob.Type() != js.TypeFunction {
		return nil, &Exception{Name: "NotSupportedError", Message: "this JavaScript host has no Blob"}
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		switch part := part.(type) {
		case Text:
			values[i] = h.bytes([]byte(part))
		case Bytes:
			values[i] = h.bytes(part)
		case *ArrayBuffer:
			values[i] = part.JSValue()
		case *Blob:
			values[i] = part.value
		}
	}
	return &Blob{blob{h.newBlob(typ, values...)}}, nil
}

func (h *host) newBlob(typ string, parts ...any) js.Value {
	return h.blob.New(parts, map[string]any{"type": typ})
}

func (b *blob) size() int64       { return int64(b.value.Get("size").Float()) }
func (b *blob) mediaType() string { return b.value.Get("type").String() }

func (b *blob) slice(from, to int64, typ string) *Blob {
	part := b.value.Call("slice", float64(from), float64(to), typ)
	if part.Get("type").String() != typ {
		part = theHost().newBlob(typ, part) // Bun's slice takes the type over if typ is empty
	}
	return &Blob{blob{part}}
}

func (b *blob) read(ctx context.Context, from, to int64) ([]byte, error) {
	part := b.value
	if from != 0 || to != b.size() {
		part = b.value.Call("slice", float64(from), float64(to))
	}
	promise, err := safejs.Safe(part).Call("arrayBuffer")
	if err != nil {
		return nil, exceptionOf(err)
	}
	buffer, err := await(ctx, safejs.Unsafe(promise))
	if err != nil {
		return nil, err
	}
	h := theHost()
	return h.copy(h.uint8Array.New(buffer)), nil
}
