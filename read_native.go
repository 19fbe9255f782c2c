//go:build !js

package ws

import (
	"context"
	"unsafe"
)

// suits reports whether a Read can have p.
func (p payload) suits(w want) bool { return w != onlyText || p.array == nil }

// takeBytes is take of a message whose bytes are in memory.
func (c *Conn) takeBytes(ctx context.Context, r request) (payload, error) {
	p, _, err := c.take(ctx, r)
	return p, err
}

// bytes returns the content of p, which nobody else has.
func (p payload) bytes() []byte {
	if p.array != nil {
		return p.array.bytes()
	}
	return unsafe.Slice(unsafe.StringData(string(p.text)), len(p.text))
}

// appendTo appends the content of p to dst.
func (p payload) appendTo(dst []byte) []byte {
	return append(dst, p.bytes()...)
}
