//go:build !js

package ws

type arrayBuffer struct {
	data []byte
}

// newArrayBuffer takes ownership of data.
func newArrayBuffer(data []byte) *ArrayBuffer {
	return &ArrayBuffer{arrayBuffer{data: data}}
}

func (b *arrayBuffer) len() int { return len(b.data) }

// The capacity is cut so that an append by the caller cannot write into a neighbour's memory.
func (b *arrayBuffer) bytes() []byte { return b.data[:len(b.data):len(b.data)] }

func (b *arrayBuffer) slice(from, to int) *ArrayBuffer { return newArrayBuffer(b.data[from:to]) }
