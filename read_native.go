//go:build !js

package ws

import (
	"context"
	"unsafe"
)

// request says what a Read asks for. If the next message does not suit it, the message remains the next one.
type request struct {
	text bool
	lent bool   // the Read copies the bytes, so they may be in lent memory
	room []byte // where they may go: the memory between the length, 0, and the capacity
}

var (
	anyMessage request               // Read
	inMemory   request               // ReadBytes
	onlyText   = request{text: true} // ReadText
)

// appendTo is the request of a ReadAppend.
func appendTo(dst []byte) request { return request{lent: true, room: dst[len(dst):]} }

// suits reports whether a Read with this request can take p.
func (p *payload) suits(r request) bool { return !r.text || p.array == nil }

// Room implements engine.Waiter.
func (w *readWaiter) Room() []byte { return w.request.room }

// takeBytes is take for a message whose bytes are in memory.
func takeBytes(ctx context.Context, c *Conn, r request) (payload, error) {
	if r.lent && !c.lending.Load() {
		c.lending.Store(true)
	}
	return take(ctx, c, r)
}

// content returns the bytes of p, in memory that may be lent.
func (p payload) content() []byte {
	if p.array != nil && p.lent == nil {
		return p.array.bytes()
	}
	return unsafe.Slice(unsafe.StringData(string(p.text)), len(p.text))
}

// bytes returns the content of p, to which nothing else refers.
func (p payload) bytes() []byte { return p.own().content() }

// appendTo appends the content of p to dst.
func (p payload) appendTo(dst []byte) []byte {
	data := p.content()
	switch start := len(dst); {
	case p.lent != nil:
		dst = append(dst, data...)
		p.lent.giveBack(1)
		return dst
	case len(data) > 0 && len(data) <= cap(dst)-start && &data[0] == &dst[:start+1][start]:
		return dst[:start+len(data)] // receivedInto has put it there
	case start == 0 && len(data) > cap(dst):
		return data
	}
	return append(dst, data...)
}
