package ws

import (
	"errors"
	"io"
)

// ArrayBuffer is an immutable block of bytes: a received binary message, or one made for sending. Natively it is Go
// memory. In a JavaScript host it is a copy of the bytes of an ArrayBuffer object, which is made once and kept together
// with that object. Its methods may be called from several goroutines and do not block.
type ArrayBuffer struct {
	arrayBuffer
}

// NewArrayBuffer returns an ArrayBuffer with a copy of data.
func NewArrayBuffer(data []byte) *ArrayBuffer {
	return newArrayBuffer(append(make([]byte, 0, len(data)), data...))
}

// Len returns the length in bytes (byteLength).
func (b *ArrayBuffer) Len() int { return b.len() }

// Bytes returns the content, which must not be modified: every call returns the buffer's own memory.
func (b *ArrayBuffer) Bytes() []byte { return b.bytes() }

// String returns "ArrayBuffer(3 bytes)", which is what fmt prints. Use Bytes for the content.
func (b *ArrayBuffer) String() string { return sized("ArrayBuffer(", b) }

// Slice returns a new ArrayBuffer with the bytes from start to end (exclusive), as ArrayBuffer.prototype.slice does:
// negative positions count from the end, and positions outside are clamped. The two share memory.
func (b *ArrayBuffer) Slice(start, end int) *ArrayBuffer {
	from, to := clampSlice(int64(start), int64(end), int64(b.len()))
	return b.slice(int(from), int(to))
}

// ReadAt implements io.ReaderAt.
func (b *ArrayBuffer) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("ws: ArrayBuffer.ReadAt: negative offset")
	}
	if off >= int64(b.len()) {
		return 0, io.EOF
	}
	n := copy(p, b.bytes()[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// clampSlice resolves the arguments of slice() on ArrayBuffer and Blob, which the ECMAScript and the File API standard
// define alike.
func clampSlice(start, end, size int64) (from, to int64) {
	clamp := func(pos int64) int64 {
		if pos < 0 {
			return max(size+pos, 0)
		}
		return min(pos, size)
	}
	from, to = clamp(start), clamp(end)
	return from, max(from, to)
}
