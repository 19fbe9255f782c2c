package frame

import (
	"strings"
	"sync"
	"unsafe"
)

const (
	// firstAllocation is how much the first bytes of an unfinished message may allocate, whatever their header announces.
	firstAllocation = 4 << 10
	// growth limits how much memory one received byte of an unfinished message of one frame may reserve. With four, a
	// third of the length of a large message is copied in all.
	growth = 4
	// headStart is the same as growth up to headStartEnd bytes: a message of 1 MiB whose first 64 KiB have arrived
	// gets all of its memory.
	headStart    = 16
	headStartEnd = 1 << 20

	// minPart is the least size of a part. From largePart bytes on, a part has partSize and comes from a pool; once so
	// much of the message has arrived that a pool should not keep it, pooledEnd, a part has hugePart.
	minPart   = 1 << 10
	largePart = 16 << 10
	partSize  = 64 << 10
	pooledEnd = 32 << 20
	hugePart  = 1 << 20
	// spare is the most bytes at the end of the last part that may be free when the parts are joined.
	spare = 16 << 10
)

// body is the memory of a message under way.
//
// While the length of a message is unknown, it is kept in parts. They are joined when the length is known, or when the
// whole message has arrived. So at any moment the parts and the joined memory together take at most twice the message's
// length, and 1.25 times its length when it is delivered. Moving the message to a larger piece whenever one was full
// took three times its length, and up to twice when delivered. Messages shorter than guessEnd may take that much beyond
// their length.
//
// The length is known from the beginning if the message has one frame that is not compressed. Then its memory grows
// in one piece, which ends with exactly that length.
type body struct {
	data   []byte   // the last part, or the whole
	parts  [][]byte // those that precede it
	before int      // how many bytes these are

	room   []byte // memory of the caller's, where the message may go when its length is known; see Reader.Offer
	inRoom bool   // data is in it
}

// parts is the pool of parts of partSize: with it, fragmented messages of 1 MiB take half the time, those of 16 MiB
// 0.8 times.
var parts = sync.Pool{New: func() any { return new([partSize]byte) }}

func (b *body) len() int { return b.before + len(b.data) }

// free returns the number of bytes that can be added without more memory.
func (b *body) free() int { return cap(b.data) - len(b.data) }

// grow makes room in one piece for n bytes that have arrived, of a message of total bytes. What it allocates is limited
// by what has arrived, or by usual. It reports false if there is no memory.
func (b *body) grow(n int, total int64, usual int) bool {
	if b.moveToRoom(total) {
		return true
	}
	arrived := int64(b.len() + n)
	size := max(growth*arrived, min(headStart*arrived, headStartEnd), firstAllocation, int64(usual))
	switch last := (total + growth - 1) / growth; {
	case size >= total:
		size = total
	case size > last:
		// The step after this one is the last. It copies least, and needs least at once, from a quarter.
		size = last
	}
	return b.join(int(size))
}

// extend begins a part if the previous one is full. wanted is the number of bytes for which room is needed, most the
// number that may still come. It reports false if there is no memory.
func (b *body) extend(wanted, most int64) bool {
	if b.extendInRoom(wanted, most) {
		return true
	}
	if before := b.before / large; before != b.len()/large && !fits(large) {
		return false
	}
	if len(b.data) > 0 {
		b.parts = append(b.parts, b.data)
		b.before += len(b.data)
	}
	switch size := min(max(wanted, int64(b.before/4), minPart), most); {
	case size < largePart:
		b.data = uncleared(int(size))
	case b.before < pooledEnd:
		b.data = parts.Get().(*[partSize]byte)[:0]
	default:
		b.data = uncleared(int(min(most, hugePart)))
	}
	return true
}

// take returns the message, which ends with tail, in memory of its own or in the room. It reports false if there is no
// memory.
func (b *body) take(tail []byte) (whole []byte, own, ok bool) {
	n := b.len() + len(tail)
	free := cap(b.data) - n
	scattered := free < 0 || !b.inRoom && (len(b.parts) > 0 || free > n/4)
	if scattered && !b.moveToRoom(int64(n)) {
		if b.free() > len(tail)+spare {
			// Together with the joined memory it would be more than twice the message.
			last := append(uncleared(len(b.data)), b.data...)
			drop(b.data)
			b.data = last
		}
		if !b.join(n) {
			return nil, false, false
		}
	}
	whole, own = append(b.data, tail...), !b.inRoom
	*b = body{}
	return whole, own, true
}

// moveToRoom moves everything to the caller's memory, if that has room for a message of size bytes.
func (b *body) moveToRoom(size int64) bool {
	if b.inRoom || size > int64(cap(b.room)) || size == 0 {
		return false
	}
	b.gather(b.room[:0:size])
	b.inRoom = true
	return true
}

// extendInRoom is like extend, while the caller's memory has room. When that is full, its content becomes a part.
func (b *body) extendInRoom(wanted, most int64) bool {
	if b.inRoom {
		b.data, b.room, b.inRoom = append(uncleared(len(b.data)), b.data...), nil, false
		return false
	}
	size := int64(b.len())
	if cap(b.room) == 0 || size+wanted > int64(cap(b.room)) {
		return false
	}
	return b.moveToRoom(min(size+most, int64(cap(b.room))))
}

// join moves everything to one piece of the given capacity. It reports false if there is no memory.
func (b *body) join(size int) bool {
	if !fits(size) {
		return false
	}
	b.gather(uncleared(size))
	b.inRoom = false
	return true
}

// gather moves everything to one piece of memory.
func (b *body) gather(whole []byte) {
	for i, part := range b.parts {
		whole = append(whole, part...)
		b.parts[i] = nil // so that it can be collected before the last one is copied
		drop(part)
	}
	whole = append(whole, b.data...)
	if !b.inRoom {
		drop(b.data)
	}
	b.data, b.parts, b.before = whole, nil, 0
}

// drop gives back a part that has been copied.
func drop(part []byte) {
	if cap(part) == partSize {
		parts.Put((*[partSize]byte)(part[:partSize]))
	}
}

// uncleared returns an empty slice of the given capacity, whose memory has not been cleared: only received bytes of it
// will ever be visible. Clearing took 15 % of the time of echoing 16 MiB.
func uncleared(size int) []byte {
	if size == 0 {
		return nil
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), size)[:0]
}
