package deflate

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"
	"sync"
)

// An Inflater restores the messages that the peer compressed (RFC 7692 section 7.2.2), for one connection. It is
// for one goroutine at a time.
//
// It has its own decoder of DEFLATE (RFC 1951), for two reasons. A message is inflated as it arrives, so that invalid
// or too much text is noticed at once. And a connection keeps only the window between two messages: at most 64 KiB,
// growing from 8 KiB with what is received, and nothing if the peer keeps no context.
//
// As browsers do, it accepts blocks with BFINAL set, messages whose last four bytes have not been removed, and
// distances up to 32 KiB whatever window the peer promised. It refuses truncated messages, from which browsers make
// wrong text.
type Inflater struct {
	keep bool     // the next message may refer to this one
	d    *decoder // while a message is under way
	buf  []byte   // between two messages, if keep: the window
	pos  int      // ... and its end in buf
}

// NewInflater returns an Inflater. takeover says that messages may refer to earlier ones, as negotiated: see Params.
// Nothing more is allocated before the first compressed message.
func NewInflater(takeover bool) *Inflater { return &Inflater{keep: takeover} }

// The errors of a compressed message.
var (
	ErrCorrupt   = errors.New("compressed message that is not DEFLATE data")
	ErrTruncated = errors.New("compressed message that ends too early")
	// ErrEmptyBlocks is the error of a message that is valid but makes no progress: see MaxEmptyBlocks.
	ErrEmptyBlocks = errors.New(
		"compressed message with more than " + strconv.Itoa(MaxEmptyBlocks) + " empty blocks in succession")
)

// MaxEmptyBlocks is the most blocks without content, of whatever kind, that may follow each other in a message. They
// cost the sender next to nothing and could go on forever, because no limit on lengths ends them. A sender that flushes
// makes one after each write.
const MaxEmptyBlocks = 1000

// Inflate consumes the first n bytes of src and returns what they decode to. more means that there may be more to
// return, or to consume, for which the next call will have room. An error is ErrCorrupt or ErrEmptyBlocks; out is then
// what precedes the fault, and Release must be called.
//
// out is valid until the next call of Inflate, End or Release; if Stays reports true, it is valid after End, too.
func (i *Inflater) Inflate(src []byte) (out []byte, n int, more bool, err error) {
	room := maxMatch + slack
	if i.d == nil {
		i.begin()
		room = smallMessage
	}
	d := i.d
	d.makeRoom(room)
	start := d.pos
	n, more, err = d.run(src)
	return d.buf[start:d.pos], n, more, err
}

// Stays reports whether what Inflate returned last stays valid after End, until the next message.
func (i *Inflater) Stays() bool { return i.keep }

// begin begins a message.
func (i *Inflater) begin() {
	d := decoders.Get().(*decoder)
	i.d = d
	if i.keep {
		d.buf, d.pos = i.buf, i.pos
		i.buf = nil
	} else {
		if d.spare == nil {
			d.spare = make([]byte, maxWindow)
		}
		d.buf, d.pos = d.spare, 0
	}
	d.state, d.bits, d.nbits, d.final, d.spoke, d.empty = atHeader, 0, 0, false, false, 0
}

// End ends a message. No output is outstanding, because every symbol has been decoded as soon as its last bit arrived.
// The bytes 00 00 FF FF, which the sender has removed, need not be appended; End only checks that nothing else is
// missing. An error is ErrTruncated; Release must be called.
func (i *Inflater) End() error {
	d := i.d
	if d == nil {
		return nil
	}
	if d.nbits > 0 || d.state != atHeader && d.state != atStoredLength {
		return ErrTruncated
	}
	i.Release()
	return nil
}

// Release gives back what is not needed between two messages, and drops the message under way.
func (i *Inflater) Release() {
	d := i.d
	if d == nil {
		return
	}
	if i.keep {
		i.buf, i.pos = d.buf, d.pos
	}
	d.buf, d.lits, d.dists = nil, nil, nil
	i.d = nil
	decoders.Put(d)
}

const (
	minWindow = 8 << 10
	maxWindow = 64 << 10
	// smallMessage is the least room for each message, so that most come in one piece, without being copied.
	smallMessage = 4 << 10
	maxDist      = 32 << 10
	maxMatch     = 258
	// slack is how far a match may write beyond its end, because it is copied by words.
	slack = 8
)

// The states of a decoder: what it expects next.
type decoderState uint8

const (
	atHeader decoderState = iota
	atStoredLength
	inStored
	atCounts      // how many code lengths follow, of each kind
	inCodeLengths // lengths of the code that the code lengths are written in
	inLengths     // lengths of the codes for literals, lengths and distances
	inSymbols
)

// decoder is a resumable DEFLATE decoder. It writes behind its window in one buffer, so that references need no
// modulo, and moves the window to the front when the buffer is full.
type decoder struct {
	buf []byte
	pos int // buf[:pos] is decoded; its last 32 KiB are the window

	bits  uint64 // input that is not used yet, next bit lowest; zero above nbits
	nbits uint

	state  decoderState
	final  bool // the block under way has BFINAL set
	stored int  // bytes of a stored block still to come
	spoke  bool // the block under way has had content
	empty  int  // number of blocks right before it without content

	nlit, ndist, ncode int        // of a dynamic block
	have               int        // how many of the lengths below have arrived
	lengths            [320]uint8 // 286 + 30 at most

	lits, dists []uint32 // tables of the block under way
	litTable    [2048]uint32
	distTable   [1024]uint32
	codeTable   [1 << codeBits]uint32

	spare []byte // a buffer for connections that keep none
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// makeRoom makes room for n bytes, at most half of a window.
func (d *decoder) makeRoom(n int) {
	if len(d.buf)-d.pos >= n {
		return
	}
	if len(d.buf) < maxWindow {
		buf := make([]byte, max(minWindow, 2*len(d.buf)))
		copy(buf, d.buf[:d.pos])
		d.buf = buf
		return
	}
	d.pos = copy(d.buf, d.buf[d.pos-maxDist:d.pos])
}

// fill takes bytes from src[i:] until no further one fits and returns the new i.
func (d *decoder) fill(src []byte, i int) int {
	for d.nbits < 56 && i < len(src) {
		d.bits |= uint64(src[i]) << d.nbits
		d.nbits += 8
		i++
	}
	return i
}

func (d *decoder) drop(n uint) {
	d.bits >>= n
	d.nbits -= n
}

func (d *decoder) take(n uint) int {
	v := int(d.bits & (1<<n - 1))
	d.drop(n)
	return v
}

// codeOrder is the order in which the lengths of the code for code lengths are written (RFC 1951 section 3.2.7).
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// run decodes until src is used up or the room is.
func (d *decoder) run(src []byte) (i int, full bool, err error) {
	for {
		i = d.fill(src, i)
		switch d.state {
		case atHeader:
			if d.nbits < 3 {
				return i, false, nil
			}
			d.final = d.take(1) == 1
			switch d.take(2) {
			case 0:
				d.drop(d.nbits & 7)
				d.state = atStoredLength
			case 1:
				d.lits, d.dists = fixed().lits[:], fixed().dists[:]
				d.state = inSymbols
			case 2:
				d.state = atCounts
			default:
				return i, false, ErrCorrupt
			}
		case atStoredLength:
			if d.nbits < 32 {
				return i, false, nil
			}
			d.stored = d.take(16)
			if d.take(16) != d.stored^0xFFFF {
				return i, false, ErrCorrupt
			}
			d.state = inStored
		case inStored:
			var ok bool
			before := d.pos
			i, ok = d.copyStored(src, i)
			d.spoke = d.spoke || d.pos > before
			if !ok {
				return i, d.pos == len(d.buf), nil
			}
			if err := d.endBlock(); err != nil {
				return i, false, err
			}
		case atCounts, inCodeLengths, inLengths:
			var ok bool
			if i, ok, err = d.readTables(src, i); !ok || err != nil {
				return i, false, err
			}
			d.state = inSymbols
		case inSymbols:
			var stop stopReason
			before := d.pos
			i, stop, err = d.decode(src, i)
			d.spoke = d.spoke || d.pos > before
			if err != nil || stop != blockEnd {
				return i, stop == noRoom, err
			}
			if err := d.endBlock(); err != nil {
				return i, false, err
			}
		}
	}
}

func (d *decoder) endBlock() error {
	d.state = atHeader
	if d.spoke {
		d.spoke, d.empty = false, 0
	} else if d.empty++; d.empty > MaxEmptyBlocks {
		return ErrEmptyBlocks
	}
	if d.final {
		// The stream ends with its byte, and another may follow (RFC 7692 section 7.2.3.4). Its window stays.
		d.drop(d.nbits & 7)
	}
	return nil
}

// copyStored copies bytes of a stored block and reports whether it has arrived completely.
func (d *decoder) copyStored(src []byte, i int) (int, bool) {
	for d.stored > 0 && d.nbits > 0 && d.pos < len(d.buf) {
		d.buf[d.pos] = byte(d.take(8))
		d.pos++
		d.stored--
	}
	if d.stored > 0 && d.nbits == 0 {
		n := copy(d.buf[d.pos:], src[i:min(len(src), i+d.stored)])
		i += n
		d.pos += n
		d.stored -= n
	}
	return i, d.stored == 0
}

// readTables reads the codes of a dynamic block (RFC 1951 section 3.2.7) and reports whether they have arrived
// completely.
func (d *decoder) readTables(src []byte, i int) (int, bool, error) {
	if d.state == atCounts {
		if d.nbits < 14 {
			return i, false, nil
		}
		d.nlit, d.ndist, d.ncode = d.take(5)+257, d.take(5)+1, d.take(4)+4
		if d.nlit > 286 || d.ndist > 30 {
			return i, false, ErrCorrupt
		}
		d.have = 0
		clear(d.lengths[:len(codeOrder)])
		d.state = inCodeLengths
	}
	if d.state == inCodeLengths {
		for d.have < d.ncode {
			if i = d.fill(src, i); d.nbits < 3 {
				return i, false, nil
			}
			d.lengths[codeOrder[d.have]] = uint8(d.take(3))
			d.have++
		}
		if !buildTable(d.codeTable[:], d.lengths[:len(codeOrder)], codeBits, fixed().codeEntries[:]) {
			return i, false, ErrCorrupt
		}
		d.have = 0
		d.state = inLengths
	}
	for total := d.nlit + d.ndist; d.have < total; {
		i = d.fill(src, i)
		e := d.codeTable[d.bits&(1<<codeBits-1)]
		length, extra := uint(e&0xFF), uint(e>>8&0x1F)
		value := uint8(e >> 16)
		if length <= d.nbits && value == 16 && d.have == 0 {
			return i, false, ErrCorrupt
		}
		if length+extra > d.nbits {
			return i, false, nil
		}
		d.drop(length)
		if extra == 0 {
			d.lengths[d.have] = value
			d.have++
			continue
		}
		repeat := d.take(extra) + 3
		var what uint8
		switch value {
		case 16:
			what = d.lengths[d.have-1]
		case 18:
			repeat += 8
		}
		if d.have+repeat > total {
			return i, false, ErrCorrupt
		}
		for range repeat {
			d.lengths[d.have] = what
			d.have++
		}
	}
	lits, dists := d.lengths[:d.nlit], d.lengths[d.nlit:d.nlit+d.ndist]
	if lits[endOfBlock] == 0 || !buildTable(d.litTable[:], lits, litBits, fixed().litEntries[:]) ||
		!buildTable(d.distTable[:], dists, distBits, fixed().distEntries[:]) {
		return i, false, ErrCorrupt
	}
	d.lits, d.dists = d.litTable[:], d.distTable[:]
	return i, true, nil
}

type stopReason uint8

const (
	noInput stopReason = iota
	noRoom
	blockEnd
)

// decode decodes symbols of a block up to its end, the end of src or the end of the room.
func (d *decoder) decode(src []byte, i int) (int, stopReason, error) {
	for {
		var stop stopReason
		var err error
		if i, stop, err = d.decodeFast(src, i); err != nil || stop != noInput {
			return i, stop, err
		}
		// Near the end of src or of the room: one symbol, if all of its bits are there.
		if i = d.fill(src, i); len(d.buf)-d.pos < maxMatch+slack {
			return i, noRoom, nil
		}
		e := d.lits[d.bits&(1<<litBits-1)]
		if e&entryTable != 0 {
			e = d.lits[e>>16+uint32(d.bits>>litBits)&(1<<(e>>8&0x1F)-1)]
		}
		used := uint(e & 0xFF)
		if used > d.nbits {
			return i, noInput, nil
		}
		if e&entryLiteral != 0 {
			d.buf[d.pos] = byte(e >> 16)
			d.pos++
			d.drop(used)
			continue
		}
		if e&entrySpecial != 0 {
			if e>>16 != endOfBlock {
				return i, noInput, ErrCorrupt
			}
			d.drop(used)
			return i, blockEnd, nil
		}
		extra := uint(e >> 8 & 0x1F)
		length := int(e>>16) + int(d.bits>>used&(1<<extra-1))
		used += extra
		e = d.dists[d.bits>>used&(1<<distBits-1)]
		if e&entryTable != 0 {
			e = d.dists[e>>16+uint32(d.bits>>(used+distBits))&(1<<(e>>8&0x1F)-1)]
		}
		code := uint(e & 0xFF)
		extra = uint(e >> 8 & 0x1F)
		if used+code+extra > d.nbits {
			return i, noInput, nil
		}
		if e&entrySpecial != 0 {
			return i, noInput, ErrCorrupt
		}
		used += code
		dist := int(e>>16) + int(d.bits>>used&(1<<extra-1))
		used += extra
		if dist > d.pos {
			return i, noInput, ErrCorrupt
		}
		d.drop(used)
		d.pos = copyMatch(d.buf, d.pos, dist, length)
	}
}

// decodeFast decodes as long as there are bits and room for any symbol, so that it need not check for each.
func (d *decoder) decodeFast(src []byte, i int) (int, stopReason, error) {
	if len(src)-i < 8 {
		return i, noInput, nil
	}
	var (
		buf, pos    = d.buf, d.pos
		lits, dists = d.lits, d.dists
		b, n        = d.bits, d.nbits
		stop        = noInput
		err         error
	)
	for len(src)-i >= 8 && len(buf)-pos >= maxMatch+slack {
		// At least 56 bits from here on: three literals take 45, a length and a distance 48.
		b |= load64(src, i) << (n & 63)
		i += int(63-n) >> 3
		n |= 56
		e := lits[b&(1<<litBits-1)]
		if e&entryLiteral != 0 {
			buf[pos] = byte(e >> 16)
			pos++
			b >>= e & 63
			n -= uint(e & 63)
			e = lits[b&(1<<litBits-1)]
			if e&entryLiteral != 0 {
				buf[pos] = byte(e >> 16)
				pos++
				b >>= e & 63
				n -= uint(e & 63)
				e = lits[b&(1<<litBits-1)]
				if e&entryLiteral != 0 {
					buf[pos] = byte(e >> 16)
					pos++
					b >>= e & 63
					n -= uint(e & 63)
				}
			}
			continue
		}
		if e&entryTable != 0 {
			e = lits[(e>>16+uint32(b>>litBits)&(1<<(e>>8&0x1F)-1))&2047]
			if e&entryLiteral != 0 {
				buf[pos] = byte(e >> 16)
				pos++
				b >>= e & 63
				n -= uint(e & 63)
				continue
			}
		}
		b >>= e & 63
		n -= uint(e & 63)
		if e&entrySpecial != 0 {
			if e>>16 == endOfBlock {
				stop = blockEnd
			} else {
				err = ErrCorrupt
			}
			break
		}
		extra := e >> 8 & 0x1F
		length := int(e>>16) + int(b&(1<<extra-1))
		b >>= extra
		n -= uint(extra)
		e = dists[b&(1<<distBits-1)]
		if e&entryTable != 0 {
			e = dists[(e>>16+uint32(b>>distBits)&(1<<(e>>8&0x1F)-1))&1023]
		}
		b >>= e & 63
		n -= uint(e & 63)
		extra = e >> 8 & 0x1F
		dist := int(e>>16) + int(b&(1<<extra-1))
		b >>= extra
		n -= uint(extra)
		if e&entrySpecial != 0 || dist > pos {
			err = ErrCorrupt
			break
		}
		pos = copyMatch(buf, pos, dist, length)
	}
	d.pos, d.bits, d.nbits = pos, b&(1<<n-1), n
	return i, stop, err
}

// copyMatch appends to buf[:pos] the length bytes that begin dist before its end, and returns the new end. It may
// write up to slack bytes more.
func copyMatch(buf []byte, pos, dist, length int) int {
	end := pos + length
	from := pos - dist
	if dist < 8 {
		for ; pos < end; pos++ {
			buf[pos] = buf[from]
			from++
		}
		return end
	}
	for pos < end {
		binary.LittleEndian.PutUint64(buf[pos:pos+8], load64(buf, from))
		pos += 8
		from += 8
	}
	return end
}

// Decoding tables. The lowest bits of the input index the first 1<<primary entries of a table. An entry holds
//
//	bits 0-7    how many bits the code has
//	bits 8-12   how many extra bits follow it
//	bit 13      it is a literal
//	bit 14      it is the end of the block, or no code at all (bits 16-31 are not 256 then)
//	bit 15      the code is longer: bits 16-31 are where its table begins, bits 8-12 how many further bits index it
//	bits 16-31  the literal, or what the extra bits are added to
const (
	entryLiteral = 1 << 13
	entrySpecial = 1 << 14
	entryTable   = 1 << 15

	endOfBlock = 256

	codeBits = 7
	litBits  = 10
	distBits = 8

	maxCode = 15 // bits of the longest code
)

func litEntry(symbol int) uint32 {
	switch {
	case symbol < endOfBlock:
		return uint32(symbol)<<16 | entryLiteral
	case symbol == endOfBlock:
		return endOfBlock<<16 | entrySpecial
	case symbol > 285:
		return entrySpecial
	case symbol == 285:
		return 258 << 16
	}
	return steps(symbol-257, 4, 3)
}

func distEntry(symbol int) uint32 {
	if symbol > 29 {
		return entrySpecial
	}
	return steps(symbol, 2, 1)
}

// steps gives base and extra bits of the n-th value range above base, where the first 2*group ranges have one
// value, and each group of ranges after them has one extra bit more than the group before (the tables of RFC 1951
// section 3.2.5).
func steps(n, group, base int) uint32 {
	extra := max(0, n/group-1)
	value := n
	if extra > 0 {
		value = (n%group + group) << extra
	}
	return uint32(base+value)<<16 | uint32(extra)<<8
}

// buildTable fills a table for a canonical code (RFC 1951 section 3.2.2) given by the length of each symbol's code
// and by its entry without that length. It refuses lengths that no code can have, and incomplete codes, except that a
// block may have a code of a single symbol in one bit, or of no symbol.
func buildTable(table []uint32, lengths []uint8, primary int, entries []uint32) bool {
	var count, next, at [maxCode + 2]int
	for _, l := range lengths {
		count[l]++
	}
	count[0] = 0
	left, longest := 1, 0
	for l := 1; l <= maxCode; l++ {
		left = left<<1 - count[l]
		if left < 0 {
			return false
		}
		if count[l] > 0 {
			longest = l
		}
		next[l+1] = (next[l] + count[l]) << 1
		at[l+1] = at[l] + count[l]
	}
	if left > 0 {
		if longest > 1 || primary == codeBits {
			return false
		}
		table[0] = entrySpecial | uint32(longest)
		table[1] = table[0]
	}
	// Symbols in the order of their codes: by length, then by value.
	var sorted [320]uint16
	for symbol, l := range lengths {
		if l > 0 {
			sorted[at[l]] = uint16(symbol)
			at[l]++
		}
	}
	symbols := sorted[:]
	for l := 1; l <= primary; l++ {
		size := 1 << l
		if l > 1 {
			// What fewer bits decide does not depend on one bit more.
			copy(table[size/2:size], table[:size/2])
		}
		for i, symbol := range symbols[:count[l]] {
			table[reverse(next[l]+i, l)&(size-1)] = entries[symbol] | uint32(l)
		}
		symbols = symbols[count[l]:]
	}
	used, prefix, sub, subBits := 1<<primary, -1, 0, 0
	for l := primary + 1; l <= longest; l++ {
		for i, symbol := range symbols[:count[l]] {
			code := reverse(next[l]+i, l)
			if p := code & (1<<primary - 1); p != prefix {
				// The first code with this beginning is the shortest. Its table is as large as the codes that share
				// the beginning need: those of this length left, and longer ones while these leave space.
				prefix, sub, subBits = p, used, l-primary
				remaining := count[l] - i
				for space := 1 << subBits; remaining < space && primary+subBits < longest; {
					space = (space - remaining) << 1
					subBits++
					remaining = count[primary+subBits]
				}
				used += 1 << subBits
				table[p] = uint32(sub)<<16 | entryTable | uint32(subBits)<<8 | uint32(primary)
			}
			for j := code >> primary; j < 1<<subBits; j += 1 << (l - primary) {
				table[sub+j] = entries[symbol] | uint32(l)
			}
		}
		symbols = symbols[count[l]:]
	}
	return true
}

// reverse turns a code of n bits around: decoders see its first bit as the lowest.
func reverse(code, n int) int { return int(bits.Reverse16(uint16(code)) >> (16 - n)) }

// constantTables are those that depend on no data.
type constantTables struct {
	lits  [1 << litBits]uint32 // of the fixed codes (RFC 1951 section 3.2.6)
	dists [1 << distBits]uint32

	codeEntries [len(codeOrder)]uint32
	litEntries  [288]uint32
	distEntries [32]uint32
}

var fixed = sync.OnceValue(func() *constantTables {
	t := new(constantTables)
	for symbol := range t.codeEntries {
		t.codeEntries[symbol] = uint32(symbol)<<16 | uint32(runExtra(uint16(symbol)))<<8
	}
	for symbol := range t.litEntries {
		t.litEntries[symbol] = litEntry(symbol)
	}
	var dists [32]uint8
	for symbol := range dists {
		t.distEntries[symbol] = distEntry(symbol)
		dists[symbol] = fixedDistLength
	}
	buildTable(t.lits[:], fixedLitLengths(), litBits, t.litEntries[:])
	buildTable(t.dists[:], dists[:], distBits, t.distEntries[:])
	return t
})

const fixedDistLength = 5

func fixedLitLengths() []uint8 {
	var lengths [288]uint8
	for symbol := range lengths {
		switch {
		case symbol < 144, symbol >= 280:
			lengths[symbol] = 8
		case symbol < 256:
			lengths[symbol] = 9
		default:
			lengths[symbol] = 7
		}
	}
	return lengths[:]
}
