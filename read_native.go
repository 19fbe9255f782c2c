//go:build !js

package ws

import (
	"context"
	"unsafe"
)

// suits reports whether a Read can have p.
func (p payload) suits(w want) bool { return w != onlyText || p.array == nil }

// Room implements engine.Waiter.
func (w *readWaiter) Room() []byte { return w.room }

// takeBytes is take of a message whose bytes are in memory.
func (c *Conn) takeBytes(ctx context.Context, r request) (payload, error) {
	if r.want == appended && !c.lending.Load() {
		c.lending.Store(true)
	}
	p, _, err := c.take(ctx, r)
	return p, err
}

// content returns the bytes of p, in memory that may be lent.
func (p payload) content() []byte {
	if p.array != nil && p.lent == nil {
		return p.array.bytes()
	}
	return unsafe.Slice(unsafe.StringData(string(p.text)), len(p.text))
}

// bytes returns the content of p, which nobody else has.
func (p payload) bytes() []byte { return p.own().content() }

// appendTo appends the content of p to dst.
func (p payload) appendTo(dst []byte) []byte {
	data := p.content()
	switch start := len(dst); {
	case p.lent != nil:
		dst = append(dst, data...)
		p.lent.giveBack()
		return dst
	case len(data) > 0 && len(data) <= cap(dst)-start && &data[0] == &dst[:start+1][start]:
		return dst[:start+len(data)] // receivedInto has put it there
	case start == 0 && len(data) > cap(dst):
		return data
	}
	return append(dst, data...)
}
