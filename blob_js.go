//go:build js && wasm

package ws

import (
	"context"
	"syscall/js"

	"github.com/hack-pad/safejs"
)

// blob is a Blob object of the host. In the zero Blob there is none until it is asked for.
type blob struct {
	value js.Value
}

func (b *blob) object() js.Value {
	if b.value.IsUndefined() {
		b.value = theHost().newBlob("")
	}
	return b.value
}

// BlobOf returns a Blob that stands for a JavaScript Blob object, a File for example. Any other value is a "TypeError"
// *Exception.
func BlobOf(v js.Value) (*Blob, error) {
	h := theHost()
	if h.blob.Type() != js.TypeFunction {
		return nil, typeError("the JavaScript value is no Blob: this host has none")
	}
	size := h.accessor(h.blob.Get("prototype"), "size")
	if _, err := safejs.Safe(size).Invoke(v); err != nil { // throws unless v is a Blob
		return nil, typeError("the JavaScript value is no Blob: " + err.Error())
	}
	return &Blob{blob{v}}, nil
}

// JSValue returns the Blob object.
func (b *Blob) JSValue() js.Value { return b.object() }

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
			values[i] = h.bytes(part.data)
		case *Blob:
			values[i] = part.object()
		}
	}
	return &Blob{blob{h.newBlob(typ, values...)}}, nil
}

func (h *host) newBlob(typ string, parts ...any) js.Value {
	return h.blob.New(parts, map[string]any{"type": typ})
}

func (b *blob) size() int64       { return int64(b.object().Get("size").Float()) }
func (b *blob) mediaType() string { return b.object().Get("type").String() }

func (b *blob) slice(from, to int64, typ string) *Blob {
	part := b.object().Call("slice", float64(from), float64(to), typ)
	if part.Get("type").String() != typ {
		part = theHost().newBlob(typ, part) // Bun's slice takes the type over if typ is empty
	}
	return &Blob{blob{part}}
}

func (b *blob) read(ctx context.Context, from, to int64) ([]byte, error) {
	part := b.object()
	if from != 0 || to != b.size() {
		part = part.Call("slice", float64(from), float64(to))
	}
	if part.Get("arrayBuffer").Type() != js.TypeFunction {
		return nil, &Exception{Name: "NotSupportedError", Message: "this JavaScript host cannot read Blobs"}
	}
	var promise js.Value
	if thrown := catch(func() { promise = part.Call("arrayBuffer") }); thrown != nil {
		return nil, exceptionOf(thrown)
	}
	buffer, err := await(ctx, promise)
	if err != nil {
		return nil, err
	}
	h := theHost()
	return h.copy(h.uint8Array.New(buffer)), nil
}
