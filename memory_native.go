//go:build !js

package ws

import (
	"sync"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// payload is a received message that has not been delivered yet: text or, if array is not nil, binary.
type payload struct {
	text  Text
	array *ArrayBuffer
	lent  *block // if not nil, text has the bytes of either kind, in memory that must be given back
}

func (p payload) size() int64 {
	if p.array != nil && p.lent == nil {
		return int64(len(p.array.data))
	}
	return int64(len(p.text))
}

// memory allocates what received messages are kept in. It belongs to whoever receives.
type memory struct {
	slab   *slab
	texts  *textSlab
	smalls int // small messages received before slabs were worth it
}

// slab is memory for several small messages: with it a received message of 16 B costs 0.17 allocations instead of
// 2. It takes 256 bytes and no more, because a message that the program keeps keeps its slab.
type slab struct {
	arrays [6]ArrayBuffer
	bytes  [104]byte
	used   struct{ arrays, bytes uint8 }
}

// textSlab is a slab for texts, which have no ArrayBuffer. With the 16 bytes of a Text in a Message a text that is
// kept keeps 256 bytes too.
type textSlab struct {
	bytes [239]byte
	used  uint8
}

// batches are slices for the payloads of one call of received.
var batches = sync.Pool{New: func() any { return new([]payload) }}

const (
	slabMessage = 32 // the length of the longest message that goes into a slab
	slabAfter   = 32 // number of messages before the first slab: most connections are quiet
)

// keep makes a payload from a message. Unless it is Owned, its bytes are about to be overwritten and are copied.
func (m *memory) keep(msg *engine.Message) payload {
	data, text := msg.Payload, msg.Op == frame.Text
	if msg.Owned || m.smalls < slabAfter || len(data) > slabMessage {
		if !msg.Owned {
			m.smalls++
			own := make([]byte, len(data)) // followed directly by copy, so that make need not clear the memory
			copy(own, data)
			data = own
		}
		if text {
			return payload{text: textOf(data)}
		}
		return payload{array: newArrayBuffer(data)}
	}
	if text {
		return payload{text: m.keepText(data)}
	}
	return payload{array: m.keepArray(data)}
}

func (m *memory) keepText(data []byte) Text {
	s := m.texts
	if s == nil || int(s.used)+len(data) > len(s.bytes) {
		s = new(textSlab)
		m.texts = s
	}
	start := int(s.used)
	end := start + copy(s.bytes[start:], data)
	s.used = uint8(end)
	return textOf(s.bytes[start:end:end])
}

func (m *memory) keepArray(data []byte) *ArrayBuffer {
	s := m.slab
	if s == nil || int(s.used.arrays) == len(s.arrays) || int(s.used.bytes)+len(data) > len(s.bytes) {
		s = new(slab)
		m.slab = s
	}
	start := int(s.used.bytes)
	end := start + copy(s.bytes[start:], data)
	s.used.bytes = uint8(end)
	array := &s.arrays[s.used.arrays]
	s.used.arrays++
	array.data = s.bytes[start:end:end]
	return array
}
