package frame

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// A Deflater compresses the messages of one connection (RFC 7692 section 7.2.1). It is for one goroutine at a time.
//
// It writes DEFLATE (RFC 1951) by itself, for two reasons. What it keeps for a connection whose messages refer to earlier ones is
// at most 128 KiB, where the writers of general packages keep some 800 KiB. And it finds in short messages what they have in
// common with earlier ones: lines of 100 bytes of JSON shrink to a third, which fast writers do not compress at all. A
// connection without context keeps nothing.
type Deflater struct {
	keep    bool     // messages may refer to earlier ones
	maxDist int      // how far back
	h       *history // between two messages only if keep
}

// NewDeflater returns a Deflater for what was negotiated. It allocates nothing more before the first message.
func NewDeflater(p DeflateParams) *Deflater {
	bits := p.ClientMaxWindowBits
	if bits < minWindowBits || bits > maxWindowBits {
		bits = maxWindowBits
	}
	return &Deflater{keep: !p.ClientNoContextTakeover, maxDist: 1 << bits}
}

const (
	// tiny is the length in bytes below which messages go as they are.
	tiny = 16
	// maxBlock is the longest stretch of a message that is compressed as one block.
	maxBlock = 32 << 10
)

// Deflate appends the payload of a compressed message to dst, without the last four bytes, as the extension wants it. It reports
// false, having appended nothing, if msg is better sent as it is: because it is tiny or because compressing does not make it
// shorter. Each message for which it reports true must be sent, in order, since later ones may refer to it.
func (d *Deflater) Deflate(dst, msg []byte) ([]byte, bool) {
	if len(msg) < tiny {
		return dst, false
	}
	h := d.h
	if h == nil {
		if d.keep {
			h = new(history)
			d.h = h
		} else {
			h = histories.Get().(*history)
			defer histories.Put(h)
			h.end = 0
		}
	}
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	w := bitWriter{out: dst}
	mark := h.end
	for rest := msg; len(rest) > 0; {
		block := rest[:min(len(rest), maxBlock)]
		rest = rest[len(block):]
		mark -= h.makeRoom(len(block), d.maxDist)
		start := h.end
		h.end += copy(h.buf[start:], block)
		h.tokenize(e, start, d.maxDist)
		e.writeBlock(&w, h.buf[start:h.end])
		if len(rest) == 0 {
			// An empty stored block, whose lengths are the four bytes that are left out.
			w.write(0, 3)
			w.align()
		}
		if len(w.out)-len(dst) >= len(msg)-len(rest) {
			// The server will not have this in its window, so it must be forgotten here.
			h.end = max(mark, 0)
			return dst, false
		}
	}
	return w.out, true
}

const (
	minMatch  = 4
	hashBits  = 14
	hashBytes = 8 // that must follow a position for it to be looked at
)

// history is the end of what the server has inflated, followed by the block that is being compressed.
type history struct {
	buf []byte // of at most 64 KiB, so that 16 bits hold a position
	end int
	// short and long say where in buf the beginnings of 4 and of 8 bytes with a certain hash were last seen. What they say is
	// always verified, so it may be out of date, and need not be cleared when history is dropped.
	short, long [1 << hashBits]uint16
}

// histories keeps those of connections without context.
var histories = sync.Pool{New: func() any { return new(history) }}

// makeRoom makes room for n bytes behind maxDist bytes of history, and returns by how much it had to move these.
func (h *history) makeRoom(n, maxDist int) (shift int) {
	if h.end+n <= len(h.buf) {
		return 0
	}
	if size := max(minWindow, 1<<bits.Len(uint(h.end+n-1))); size <= maxWindow {
		buf := make([]byte, size)
		copy(buf, h.buf[:h.end])
		h.buf = buf
		return 0
	}
	shift = h.end - maxDist
	h.end = copy(h.buf, h.buf[shift:h.end])
	for i, p := range h.short {
		h.short[i] = uint16(max(0, int(p)-shift))
	}
	for i, p := range h.long {
		h.long[i] = uint16(max(0, int(p)-shift))
	}
	return shift
}

func hashShort(u uint64) uint32 { return uint32(u) * 0x9E3779B1 >> (32 - hashBits) }

func hashLong(u uint64) uint64 { return u * 0x9E3779B97F4A7C15 >> (64 - hashBits) }

// tokenize finds repetitions in buf[from:end] and gives e the tokens.
func (h *history) tokenize(e *encoder, from, maxDist int) {
	e.begin()
	buf := h.buf[:h.end]
	literals := from // where those not yet given to e begin
	for at := from; at < len(buf)-hashBytes; {
		here := binary.LittleEndian.Uint64(buf[at:])
		short, long := &h.short[hashShort(here)], &h.long[hashLong(here)]
		nearest, candidate := int(*short), int(*long)
		*short, *long = uint16(at), uint16(at)
		if candidate >= at || at-candidate > maxDist || binary.LittleEndian.Uint64(buf[candidate:]) != here {
			candidate = nearest
			if candidate >= at || at-candidate > maxDist || binary.LittleEndian.Uint32(buf[candidate:]) != uint32(here) {
				// The longer nothing has been found, the larger the steps.
				at += 1 + (at-literals)>>6
				continue
			}
			// A short match may hide a long one that begins a byte later.
			if next := binary.LittleEndian.Uint64(buf[at+1:]); at+1 < len(buf)-hashBytes {
				long := &h.long[hashLong(next)]
				if c := int(*long); c <= at && at+1-c <= maxDist && binary.LittleEndian.Uint64(buf[c:]) == next {
					*long = uint16(at + 1)
					at++
					candidate = c
				}
			}
		}
		start, dist := at, at-candidate
		for start > max(literals, dist, at-(maxMatch-minMatch)) && buf[start-1] == buf[start-1-dist] {
			start--
		}
		at += minMatch
		at += matchLength(buf[at:min(len(buf), start+maxMatch)], buf[at-dist:])
		e.literals(buf[literals:start])
		e.match(at-start, dist)
		literals = at
		// Every second position is enough: each of them would gain 1 % of length for 12 % of time.
		for p := start + 1; p < min(at, len(buf)-hashBytes); p += 2 {
			u := binary.LittleEndian.Uint64(buf[p:])
			h.short[hashShort(u)] = uint16(p)
			h.long[hashLong(u)] = uint16(p)
		}
	}
	e.literals(buf[literals:])
}

// matchLength returns how many bytes at the beginning of a and b are the same. b is not shorter than a.
func matchLength(a, b []byte) (n int) {
	b = b[:len(a)]
	for ; len(a)-n >= 8; n += 8 {
		if diff := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); diff != 0 {
			return n + bits.TrailingZeros64(diff)>>3
		}
	}
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}
