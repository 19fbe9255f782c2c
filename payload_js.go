//go:build js && wasm

package ws

import (
	"context"
	"runtime"
	"syscall/js"
	"unsafe"
)

// payload is a received message that has not been delivered yet: its bytes, or a Blob.
type payload struct {
	data []byte
	blob *receivedBlob
	text bool
}

// receivedBlob is a Blob, or a Uint8Array that a ReadAppend will copy: see heldPayload.
type receivedBlob struct {
	value js.Value
	size  int64
	bytes func(*receivedBlob) []byte // returns the content of a Uint8Array; nil for a Blob
}

func (p payload) size() int64 {
	if p.blob != nil {
		return p.blob.size
	}
	return int64(len(p.data))
}

// shortMessage is the number of bytes up to which the size of a message is determined by copying it, which costs one
// call less.
const shortMessage = 4 << 10

// payload makes a payload from a message event's data. fits is false if limit is not negative and the message is
// larger; then nothing has been copied to Go.
//
// A browser's data is a string, an ArrayBuffer or a Blob. A mock may give other data: arrays of numbers are taken as
// their bytes, and anything else is an empty binary message.
func (h *host) payload(v js.Value, limit int64, blobs bool) (p payload, fits bool) {
	if v.Type() == js.TypeString {
		array := h.encoded(v)
		if array.IsUndefined() {
			return payload{}, false // the host has no memory to encode it
		}
		data, fits := h.copyBytes(array, limit)
		return payload{text: true, data: data}, fits
	}
	if !isObject(v) {
		return payload{}, true
	}
	if blobs {
		if size, ok := h.blobSize(v); ok {
			h.countBlob(size)
			return payload{blob: &receivedBlob{value: v, size: size}}, limit < 0 || size <= limit
		}
	}
	// Long ones are copied too, although the program may only forward them. The host's memory is freed when Go collects
	// garbage, and Go does not collect because of memory that it does not see. Keeping their object for forwarding would
	// keep that memory too.
	if array, thrown := h.construct(h.builtins[classUint8Array], v); thrown == nil {
		data, fits := h.copyBytes(array, limit)
		if len(data) > 0 || !fits {
			return payload{data: data}, fits
		}
	}
	// No bytes: it is empty, or not an ArrayBuffer at all.
	if _, ok := h.blobSize(v); ok && !blobs {
		return h.payload(v, limit, true)
	}
	return payload{}, true
}

// encoded returns a Uint8Array with a string in UTF-8, or undefined if the host has no memory for it.
func (h *host) encoded(v js.Value) js.Value {
	if h.encode.Type() != js.TypeFunction {
		array, _ := h.bytes([]byte(v.String()))
		return array
	}
	array, _ := h.call(h.encode, v)
	return array
}

// copyBytes returns the bytes of a Uint8Array unless they are more than limit.
func (h *host) copyBytes(array js.Value, limit int64) (data []byte, fits bool) {
	if !isObject(array) {
		return nil, true
	}
	// Take it out of host meanwhile: an allocation here may let another goroutine run.
	scratch := h.scratch
	h.scratch = nil
	if scratch == nil {
		scratch = make([]byte, shortMessage)
	}
	n := h.copyToGo(scratch, array)
	if n == len(scratch) {
		n = int(h.getNumber(array, "length"))
	}
	if fits = limit < 0 || int64(n) <= limit; fits {
		data = make([]byte, n)
		if n < len(scratch) {
			copy(data, scratch)
		} else {
			h.copyToGo(data, array)
		}
	}
	h.scratch = scratch
	return data, fits
}

// blobSize returns the size of a Blob, of this realm or another one.
func (h *host) blobSize(v js.Value) (size int64, ok bool) {
	if h.get(v, "slice").Type() != js.TypeFunction || h.get(v, "type").Type() != js.TypeString {
		return 0, false
	}
	n := h.get(v, "size")
	return int64(number(n)), n.Type() == js.TypeNumber
}

// countBlob collects garbage now and then: Go sees only a few bytes of each Blob, and the host keeps the Blob until Go
// has collected them.
func (h *host) countBlob(size int64) {
	if h.blobBytes += size; h.blobBytes >= blobGarbage {
		h.blobBytes = 0
		runtime.GC()
	}
}

// blobGarbage is the number of bytes of Blobs that may be received between two collections.
const blobGarbage = 64 << 20

// message returns what is delivered for p. A Blob that was queued before BinaryType changed has to be read, which takes
// as long as the host takes. If the host cannot read it, the Blob itself is delivered, and its own methods say why.
func (p payload) message(t BinaryType) Message {
	h := theHost()
	if p.blob != nil && p.blob.bytes != nil {
		p.data, p.blob = p.blob.bytes(p.blob), nil
	}
	switch {
	case p.text:
		// The bytes belong to this message alone, and nothing changes them.
		return Text(unsafe.String(unsafe.SliceData(p.data), len(p.data)))
	case p.blob != nil:
		b := &Blob{blob{p.blob.value}}
		if t == BinaryArrayBuffer && h.readBlob != nil {
			if a, err := h.readBlob(b, context.Background()); err == nil {
				return a
			}
		}
		return b
	case t == BinaryBlob:
		if array, thrown := h.bytes(p.data); thrown == nil {
			if value, thrown := h.newBlob("", array); thrown == nil {
				return &Blob{blob{value}}
			}
		}
	}
	return newArrayBuffer(p.data)
}
