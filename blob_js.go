//go:build js && wasm

package ws

import (
	"context"
	"syscall/js"
)

// blob is a Blob object of the host. In the zero Blob there is none until it is asked for.
type blob struct {
	value js.Value
}

func (b *blob) object() js.Value {
	if b.value.IsUndefined() {
		b.value, _ = theHost().newBlob("")
	}
	return b.value
}

// BlobOf returns a Blob that stands for a JavaScript Blob object, for example a File. Any other value is a "TypeError"
// *Exception.
func BlobOf(v js.Value) (*Blob, error) {
	h := theHost()
	if h.builtins[classBlob].Type() != js.TypeFunction {
		return nil, typeError("the JavaScript value is no Blob: this host has none")
	}
	size := h.accessor(h.at("Blob.prototype"), "size")
	if _, thrown := h.call(size, v); thrown != nil { // which it does unless v is a Blob
		return nil, typeError("the JavaScript value is no Blob")
	}
	return &Blob{blob{v}}, nil
}

// JSValue returns the JavaScript Blob object.
func (b *Blob) JSValue() js.Value { return b.object() }

func newBlob(typ string, parts []Message) (*Blob, error) {
	h := theHost()
	if h.builtins[classBlob].Type() != js.TypeFunction {
		return nil, &Exception{Name: "NotSupportedError", Message: "this JavaScript host has no Blob"}
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		if b, ok := part.(*Blob); ok {
			values[i] = b.object()
			continue
		}
		array, thrown := h.bytes(bytesOf(part))
		if thrown != nil {
			return nil, h.exceptionOf(thrown)
		}
		values[i] = array
	}
	value, thrown := h.newBlob(typ, values...)
	if thrown != nil {
		return nil, h.exceptionOf(thrown)
	}
	return &Blob{blob{value}}, nil
}

// bytesOf returns the bytes of a message other than a Blob.
func bytesOf(m Message) []byte {
	switch m := m.(type) {
	case Text:
		return []byte(m)
	case Bytes:
		return m
	case *ArrayBuffer:
		return m.data
	}
	return nil
}

func (h *host) newBlob(typ string, parts ...any) (value js.Value, thrown *js.Error) {
	return h.construct(h.builtins[classBlob], parts, map[string]any{"type": typ})
}

func (b *blob) size() int64       { return int64(number(theHost().get(b.object(), "size"))) }
func (b *blob) mediaType() string { return text(theHost().get(b.object(), "type")) }

func (b *blob) slice(from, to int64, typ string) *Blob {
	h := theHost()
	part, err := h.method(b.object(), "slice", float64(from), float64(to), typ)
	if err != nil {
		part, _ = h.newBlob(typ)
	}
	return &Blob{blob{h.withType(part, typ)}}
}

func (b *blob) read(ctx context.Context, from, to int64) ([]byte, error) {
	h := theHost()
	part := b.object()
	if from != 0 || to != b.size() {
		var err error
		if part, err = h.method(part, "slice", float64(from), float64(to)); err != nil {
			return nil, err
		}
	}
	if h.get(part, "arrayBuffer").Type() != js.TypeFunction {
		return nil, &Exception{Name: "NotSupportedError", Message: "this JavaScript host cannot read Blobs"}
	}
	promise, err := h.method(part, "arrayBuffer")
	if err != nil {
		return nil, err
	}
	buffer, err := h.await(ctx, promise)
	if err != nil {
		return nil, err
	}
	array, thrown := h.construct(h.builtins[classUint8Array], buffer)
	if thrown != nil {
		return nil, h.exceptionOf(thrown)
	}
	data, _ := h.copyBytes(array, -1)
	return data, nil
}
