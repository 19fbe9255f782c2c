//go:build js && wasm

package ws

import (
	"context"
	"slices"
	"syscall/js"
)

// request says what a Read asks for. If the next message does not suit it, the message remains the next one.
type request = uint8

const (
	anyMessage request = iota
	onlyText           // ReadText
	inMemory           // ReadBytes: no Blob, whose bytes are in the host
	appended           // ReadAppend: the same
)

// appendTo is the request of a ReadAppend. The message is copied into the program's memory after it has been taken.
func appendTo([]byte) request { return appended }

// suits reports whether a Read with this request can take p.
func (p *payload) suits(r request) bool {
	return r == anyMessage || r == onlyText && p.text || r > onlyText && (p.blob == nil || p.blob.bytes != nil)
}

// takeBytes is take for a message whose bytes are in memory. If the message is a Blob, it reads the bytes first.
func takeBytes(ctx context.Context, c *Conn, r request) (payload, error) {
	if r == appended {
		c.in.payload = (*host).heldPayload
	}
	for {
		p, err := take(ctx, c, r)
		if err != errOtherKind {
			return p, err
		}
		if p, err := takeBlob(ctx, c); p.data != nil || err != nil {
			return p, err
		}
	}
}

// takeBlob reads the next message, which was a Blob a moment ago, and then takes it. It returns no data if another Read
// has taken it meanwhile.
func takeBlob(ctx context.Context, c *Conn) (payload, error) {
	next := nextBlob(c)
	if next == nil {
		return payload{}, nil
	}
	data, err := (&Blob{blob{next.value}}).Bytes(ctx)
	if err != nil {
		return payload{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unread.empty() || c.unread.first().blob != next {
		return payload{}, nil
	}
	c.messageTaken(c.unread.pop())
	if data == nil {
		data = []byte{}
	}
	return payload{data: data}, nil
}

// nextBlob returns the next message if it is a Blob.
func nextBlob(c *Conn) *receivedBlob {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unread.empty() || c.unread.first().suits(inMemory) {
		return nil
	}
	return c.unread.first().blob
}

// heldPayload is host.payload for a program that takes messages with ReadAppend: a long message stays in the host, and
// ReadAppend copies it from there into the program's memory.
func (h *host) heldPayload(v js.Value, limit int64, blobs bool) (p payload, fits bool) {
	array, text := js.Undefined(), v.Type() == js.TypeString
	switch {
	case text:
		array = h.encoded(v)
	case isObject(v) && !blobs:
		array, _ = h.construct(h.builtins[classUint8Array], v)
	}
	if !isObject(array) {
		return h.payload(v, limit, blobs)
	}
	size := int64(h.getNumber(array, "length"))
	if size < shortMessage {
		// An empty one may be something else than it seems.
		if size == 0 && !text {
			return h.payload(v, limit, blobs)
		}
		data, fits := h.copyBytes(array, limit)
		return payload{text: text, data: data}, fits
	}
	// Go sees only a few bytes of it.
	h.countBlob(size)
	return payload{text: text, blob: &receivedBlob{array, size, (*receivedBlob).copy}}, limit < 0 || size <= limit
}

// copy returns the content of a Uint8Array in new memory.
func (b *receivedBlob) copy() []byte { return b.appendTo(nil) }

// appendTo appends the content of a Uint8Array to dst. JavaScript code may have detached its buffer: then it has zeros.
func (b *receivedBlob) appendTo(dst []byte) []byte {
	start, size := len(dst), int(b.size)
	dst = slices.Grow(dst, size)[:start+size]
	n := theHost().copyToGo(dst[start:], b.value)
	clear(dst[start+n:])
	return dst
}

// bytes returns the content of p, to which nothing else refers.
func (p payload) bytes() []byte {
	if p.blob != nil {
		return p.blob.copy()
	}
	return p.data
}

// appendTo appends the content of p to dst.
func (p payload) appendTo(dst []byte) []byte {
	if p.blob != nil {
		return p.blob.appendTo(dst)
	}
	return append(dst, p.data...)
}
