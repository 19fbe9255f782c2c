// Package deflate implements permessage-deflate (RFC 7692): its negotiation between client and server, and the
// compression of messages.
//
// It knows neither frames nor which side it is on: a Deflater compresses what one side sends, an Inflater restores what
// the other receives.
package deflate

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// A Deflater compresses the messages of one connection (RFC 7692 section 7.2.1). It is for one goroutine at a time.
//
// It has its own writer of DEFLATE (RFC 1951), for two reasons. For a connection whose messages refer to earlier ones
// it keeps at most 128 KiB; the writers of general packages keep about 800 KiB. And it finds what short messages have
// in common with earlier ones: lines of 100 bytes of JSON shrink to a third, while fast writers do not compress them at
// all. A connection without context keeps nothing.
type Deflater struct {
	keep    bool     // messages may refer to earlier ones
	maxDist int      // how far back
	h       *history // between two messages only if keep
}

// NewDeflater returns a Deflater for the side whose window has 1<<windowBits bytes. windowBits is 8 to 15; other
// numbers count as 15. takeover says that messages may refer to earlier ones. Both values have been negotiated: see
// Params. Nothing more is allocated before the first message.
func NewDeflater(windowBits int, takeover bool) *Deflater {
	if windowBits < minWindowBits || windowBits > maxWindowBits {
		windowBits = maxWindowBits
	}
	return &Deflater{keep: takeover, maxDist: 1 << windowBits}
}

// Takeover reports whether messages may refer to earlier ones.
func (d *Deflater) Takeover() bool { return d.keep }

// WindowBits returns the size of the window, as passed to NewDeflater: 8 to 15.
func (d *Deflater) WindowBits() int { return bits.TrailingZeros(uint(d.maxDist)) }

const (
	// tiny is the length in bytes below which messages are not compressed.
	tiny = 16
	// maxBlock is the longest stretch of a message that is compressed as one block.
	maxBlock = 32 << 10
	// Messages up to shortMessage bytes are searched thoroughly for what they have in common with earlier ones. For longer
	// ones speed matters more. One that refers to no earlier one becomes 0.5 % longer at most without, and an echo of
	// 1 KiB of JSON takes 0.93 of the processor time.
	shortMessage = 2 << 10
)

// Deflate appends the payload of a compressed message to dst, without the last four bytes, as the extension requires.
// It reports false, and appends nothing, if msg is better sent uncompressed: because it is tiny or because compressing
// does not make it shorter. Each message for which it reports true must be sent, in order, since later
// ones may refer to it.
func (d *Deflater) Deflate(dst, msg []byte) ([]byte, bool) {
	if len(msg) < tiny {
		return dst, false
	}
	h := d.h
	if h == nil {
		if d.keep {
			h = newHistory()
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
		h.tokenize(e, start, d.maxDist, d.keep && len(msg) <= shortMessage)
		e.writeBlock(&w, h.buf[start:h.end])
		if len(rest) == 0 {
			// An empty stored block; the four bytes that are left out are its lengths.
			w.write(0, 3)
			w.align()
		}
		if len(w.out)-len(dst) >= len(msg)-len(rest) {
			// The peer will not have this in its window, so it must be forgotten here.
			h.end = max(mark, 0)
			return dst, false
		}
	}
	return w.out, true
}

const (
	hashBits  = 14
	hashBytes = 8 // that must follow a position for it to be searched
)

// history is the end of what the peer has inflated, followed by the block that is being compressed.
//
// The tables say where sequences of 5 and of 8 bytes with a certain hash were last seen, counted from the beginning of
// the stream, modulo 64 KiB. So they need not be renewed when buf moves, which took 10 % of the time of 64 KiB of JSON.
// Their entries are always verified, so they may be out of date, and need not be cleared when history is dropped.
type history struct {
	buf         []byte // of at most 64 KiB
	end         int
	base        uint16 // where buf begins, counted as in the tables
	short, long *hashTable
}

type hashTable [1 << hashBits]uint16

// newHistory allocates the tables separately, because an object that held both would be rounded up by 8 KiB.
func newHistory() *history { return &history{short: new(hashTable), long: new(hashTable)} }

// histories keeps those of connections without context.
var histories = sync.Pool{New: func() any { return newHistory() }}

// makeRoom makes room for n bytes after maxDist bytes of history, and returns by how much it had to move the history.
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
	h.base += uint16(shift)
	return shift
}

const hashFactor = 0x9E3779B97F4A7C15

func hashShort(u uint64) uint64 { return u << 24 * hashFactor >> (64 - hashBits) }

func hashLong(u uint64) uint64 { return u * hashFactor >> (64 - hashBits) }

// load64 slices with both bounds. With one alone the compiler adds instructions, and 64 KiB of JSON take 10 %
// longer to compress and 15 % longer to inflate.
func load64(p []byte, at int) uint64 { return binary.LittleEndian.Uint64(p[at : at+8]) }

// tokenize finds repetitions in buf[from:end] and passes the items to e.
//
// The thorough search also looks for sequences of 8 bytes, whose repetitions it prefers, and enters every second
// position of a match, while the fast search enters four. On long JSON the fast search takes 62 % of the time, for 0.5
// % to 5 % more bytes.
func (h *history) tokenize(e *encoder, from, maxDist int, thorough bool) {
	buf := h.buf[:h.end:h.end]
	items := e.begin(len(buf) - from)
	n := 0
	base := h.base
	at := from
	literals := from // where those behind the last match begin, each of which has its item
	last := len(buf) - hashBytes
	for {
		var dist, candidate int
		var diff uint64
		for {
			if at >= last {
				n += putLiterals(items[n:], buf[at:])
				e.items = items[:n]
				return
			}
			here := load64(buf, at)
			pos := base + uint16(at)
			entry := &h.short[hashShort(here)]
			dist = int(pos - *entry)
			*entry = pos
			candidate = at - dist
			// The processor can predict neither whether the candidate is in the window nor whether its bytes are the same, and a
			// wrong prediction costs more than everything else here. So both are checked in one branch, which takes 18 % less
			// time. A negative candidate is compared with the beginning of buf, which does no harm.
			diff = here ^ load64(buf, candidate&^(candidate>>(bits.UintSize-1)))
			if thorough {
				entry := &h.long[hashLong(here)]
				d := int(pos - *entry)
				*entry = pos
				if c := at - d; c >= 0 && uint(d-1) < uint(maxDist) && load64(buf, c) == here {
					dist, candidate, diff = d, c, 0
				}
			}
			if uint32(diff) == 0 && candidate >= 0 && uint(dist-1) < uint(maxDist) {
				break
			}
			items[n] = uint32(byte(here)) // a literal, unless a match is found to reach back to it
			n++
			at++
			// The longer nothing has been found, the larger the steps.
			if skip := (at - literals) >> 6; skip > 0 {
				skip = min(skip, last-at)
				n += putLiterals(items[n:], buf[at:at+skip])
				at += skip
			}
		}
		length := bits.TrailingZeros64(diff) >> 3
		if length == 8 {
			length += matchLength(buf[at+8:min(len(buf), at+maxMatch)], buf[candidate+8:])
		} else if at+1 < last {
			// A short match may hide a long one that begins a byte later: text comes out 1.5 % shorter, in the same time.
			next := load64(buf, at+1)
			entry := h.short[hashShort(next)]
			if thorough {
				entry = h.long[hashLong(next)]
			}
			d := int(base + uint16(at+1) - entry)
			if c := at + 1 - d; c >= 0 && uint(d-1) < uint(maxDist) && load64(buf, c) == next {
				items[n] = uint32(buf[at])
				n++
				at++
				dist, candidate = d, c
				length = 8 + matchLength(buf[at+8:min(len(buf), at+maxMatch)], buf[c+8:])
			}
		}
		// The match may have begun earlier, among what has been taken for literals.
		start := at
		at += length
		for start > max(literals, dist, at-maxMatch) && buf[start-1] == buf[start-1-dist] {
			start--
			n--
		}
		items[n] = lengthItems[uint8(at-start-minMatch)]
		items[n+1] = distItem(uint32(dist - 1))
		n += 2
		literals = at
		if thorough {
			// Every position would make messages of 100 bytes to 1 KiB 1 % shorter, for 12 % more time.
			for p := start + 1; p < min(at, last); p += 2 {
				u := load64(buf, p)
				pos := base + uint16(p)
				h.short[hashShort(u)], h.long[hashLong(u)] = pos, pos
			}
		} else if at < last {
			h.insert(start + 1)
			h.insert(start + 3)
			h.insert(at - 4)
			h.insert(at - 2)
		}
	}
}

// insert enters the beginning of 5 bytes at p.
func (h *history) insert(p int) { h.short[hashShort(load64(h.buf, p))] = h.base + uint16(p) }

// matchLength returns how many bytes at the beginning of a and b are the same. b is not shorter than a.
func matchLength(a, b []byte) (n int) {
	b = b[:len(a)]
	for ; len(a)-n >= 8; n += 8 {
		if diff := load64(a, n) ^ load64(b, n); diff != 0 {
			return n + bits.TrailingZeros64(diff)>>3
		}
	}
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}
