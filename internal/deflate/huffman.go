package deflate

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
)

const (
	litSymbols  = 286
	distSymbols = 30
	minMatch    = 3

	// fewItems is the number of items up to which a block is not worth its own codes, which take about 50 bytes to
	// describe.
	fewItems = 72
)

// A block is a sequence of items. An item is a symbol, and from extraAt the extra bits that follow its code (RFC
// 1951 section 3.2.5). A literal is one item. A match is two, one for its length and one for its distance, whose
// symbols count from firstDist.
//
// So counting and writing do the same for each item. A branch between literals and matches could not be predicted by
// the processor: with it, writing took three times as long.
const (
	firstDist  = 288
	allSymbols = firstDist + distSymbols
	symbolMask = 511
	extraAt    = 16
)

// lengthItems has the item for each length of a match minus 3.
var lengthItems = func() (items [256]uint32) {
	for n := range uint32(256) {
		symbol, extra := lengthSymbol(n)
		items[n] = symbol | n&(1<<extra-1)<<extraAt
	}
	return items
}()

// distItem returns the item for a distance minus 1.
func distItem(n uint32) uint32 {
	symbol, extra := distSymbol(n)
	return firstDist + symbol | n&(1<<extra-1)<<extraAt
}

// lengthSymbol returns the symbol for a length minus 3, and how many of its low bits follow it (RFC 1951 section
// 3.2.5).
func lengthSymbol(n uint32) (symbol, extra uint32) {
	switch {
	case n < 8:
		return 257 + n, 0
	case n == 255:
		return 285, 0
	}
	extra = uint32(bits.Len32(n)) - 3
	return 261 + 4*extra + n>>extra&3, extra
}

// distSymbol returns the symbol for a distance minus 1, and how many of its low bits follow it.
func distSymbol(n uint32) (symbol, extra uint32) {
	if n < 2 {
		return n, 0
	}
	extra = uint32(bits.Len32(n)) - 2
	return 2 + 2*extra + n>>extra&1, extra
}

// extraBits says how many extra bits follow each symbol of an item.
var extraBits = func() (extra [allSymbols]uint8) {
	for symbol := 265; symbol < 285; symbol++ {
		extra[symbol] = uint8((symbol - 261) / 4)
	}
	for symbol := 4; symbol < distSymbols; symbol++ {
		extra[firstDist+symbol] = uint8(symbol/2 - 1)
	}
	return extra
}()

// putLiterals makes an item for each byte and returns the number of items.
func putLiterals(items []uint32, p []byte) int {
	items = items[:len(p)]
	for i, c := range p {
		items[i] = uint32(c)
	}
	return len(p)
}

// encoder writes the items of one block, as RFC 1951 section 3.2 describes it. It holds nothing between two blocks.
type encoder struct {
	items []uint32
	freq  [symbolMask + 1]uint32

	codes  codes // made for the block
	header codeHeader
	tree   huffmanTree
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// begin begins a block of n bytes and returns room for its items, of which there are at most as many as bytes.
func (e *encoder) begin(n int) []uint32 {
	if cap(e.items) <= n {
		e.items = make([]uint32, n+n/4+1) // one more for the end of the block
	}
	return e.items[:cap(e.items)]
}

// writeBlock writes the items, which stand for plain, as the kind of block that takes the fewest bits.
func (e *encoder) writeBlock(w *bitWriter, plain []byte) {
	e.items = append(e.items, endOfBlock)
	codes := fixedCodes()
	size, own := 0, false
	if len(e.items) <= fewItems {
		for _, item := range e.items {
			size += codes.size(item & symbolMask)
		}
	} else {
		e.count()
		var ownSize int
		size, ownSize = e.makeCodes(codes)
		if own = ownSize < size; own {
			codes, size = &e.codes, ownSize
		}
	}
	size += 3
	if storedSize := 3 + 7 + 32 + 8*len(plain); storedSize < size {
		w.stored(plain)
		return
	}
	w.grow(size)
	if own {
		w.write(2<<1, 3)
		e.header.write(w)
	} else {
		w.write(1<<1, 3)
	}
	e.writeItems(w, codes)
}

// count counts the symbols.
func (e *encoder) count() {
	clear(e.freq[:allSymbols])
	for _, item := range e.items {
		e.freq[item&symbolMask]++
	}
}

// makeCodes makes codes that suit the block, and their description, and returns how many bits the block takes with
// other codes and with these.
func (e *encoder) makeCodes(other *codes) (otherSize, ownSize int) {
	var lengths [litSymbols + distSymbols]uint8
	lits := lengths[:litSymbols]
	a, b := e.makeCode(lits, 0, other)
	nlit := usedLengths(lits, endOfBlock+1)

	dists := lengths[nlit : nlit+distSymbols]
	clear(dists)
	c, d := e.makeCode(dists, firstDist, other)
	if len(e.tree.used) == 0 {
		dists[0] = 1 // some decoders require a code for at least one distance
	}
	ndist := usedLengths(dists, 1)

	e.header.describe(lengths[:nlit+ndist], nlit, &e.tree)
	return a + c, e.header.size + b + d
}

// makeCode makes a code for the symbols from first, and sets their lengths.
func (e *encoder) makeCode(lengths []uint8, first int, other *codes) (otherSize, ownSize int) {
	freq := e.freq[first : first+len(lengths)]
	e.tree.lengths(lengths, freq, maxCode)
	own := e.codes[first:]
	assign(own, e.tree.used, lengths, extraBits[first:])
	for _, symbol := range e.tree.used {
		otherSize += int(freq[symbol]) * other.size(uint32(first)+uint32(symbol))
		ownSize += int(freq[symbol]) * int(own[symbol]>>codeSizeAt)
	}
	return otherSize, ownSize
}

// usedLengths returns how many lengths precede the zeros at the end, and at least least.
func usedLengths(lengths []uint8, least int) int {
	n := len(lengths)
	for n > least && lengths[n-1] == 0 {
		n--
	}
	return n
}

// writeItems writes the items in pairs. The room has been made.
func (e *encoder) writeItems(w *bitWriter, codes *codes) {
	out, at, acc, n := w.out[:cap(w.out)], len(w.out), w.acc, w.n
	items := e.items
	for ; len(items) >= 2; items = items[2:] {
		// At most 48 bits, a length and a distance, behind at most 7.
		a, b := items[0], items[1]
		c, d := codes[a&symbolMask], codes[b&symbolMask]
		va := uint64(c&codeMask) | uint64(a>>extraAt)<<(c>>codeLengthAt&codeLengthMask)
		vb := uint64(d&codeMask) | uint64(b>>extraAt)<<(d>>codeLengthAt&codeLengthMask)
		acc |= (va | vb<<(c>>codeSizeAt&63)) << (n & 63)
		n += uint(c>>codeSizeAt + d>>codeSizeAt)
		binary.LittleEndian.PutUint64(out[at:at+8], acc)
		at += int(n >> 3)
		acc >>= n & 56
		n &= 7
	}
	w.out, w.acc, w.n = out[:at], acc, n
	for _, item := range items {
		c := codes[item&symbolMask]
		length := c >> codeLengthAt & codeLengthMask
		w.write(c&codeMask|item>>extraAt<<length, uint(c>>codeSizeAt))
	}
}

// codes says how each symbol of an item is written: in the lower half its code, with the first bit lowest, above it
// how many bits that has, and above that how many there are with the extra bits.
type codes [symbolMask + 1]uint32

const (
	codeLengthAt   = 16
	codeSizeAt     = 24
	codeMask       = 1<<codeLengthAt - 1
	codeLengthMask = 15
)

func (c *codes) size(symbol uint32) int { return int(c[symbol] >> codeSizeAt) }

// assign makes the canonical code with these lengths (RFC 1951 section 3.2.2) for the symbols that are used, in
// ascending order. extra has how many extra bits follow each.
func assign(codes []uint32, used []uint16, lengths, extra []uint8) {
	var next [maxCode + 2]uint16
	for _, symbol := range used {
		next[lengths[symbol]+1]++
	}
	for l := 1; l <= maxCode; l++ {
		next[l+1] = (next[l] + next[l+1]) << 1
	}
	// next[l] is now the first code of l bits.
	for _, symbol := range used {
		l := lengths[symbol]
		codes[symbol] = uint32(bits.Reverse16(next[l])>>(16-l)) | uint32(l)<<codeLengthAt |
			uint32(l+extra[symbol])<<codeSizeAt
		next[l]++
	}
}

var fixedCodes = sync.OnceValue(func() *codes {
	var used [288]uint16
	var dists [distSymbols]uint8
	for symbol := range used {
		used[symbol] = uint16(symbol)
	}
	for symbol := range dists {
		dists[symbol] = fixedDistLength
	}
	c := new(codes)
	assign(c[:], used[:], fixedLitLengths(), extraBits[:])
	assign(c[firstDist:], used[:distSymbols], dists[:], extraBits[firstDist:])
	return c
})

// codeHeader describes the codes of a dynamic block (RFC 1951 section 3.2.7).
type codeHeader struct {
	size        int // in bits
	nlit, ndist int
	runs        []uint16 // the code lengths as symbols, with the extra bits of repetitions from runExtraAt
	freq        [len(codeOrder)]uint32
	lengths     [len(codeOrder)]uint8
	codes       [len(codeOrder)]uint32
	ncode       int
}

const runExtraAt = 8

// runExtra says how many extra bits follow a symbol of the code for code lengths.
func runExtra(symbol uint16) uint {
	switch symbol {
	case 16:
		return 2
	case 17:
		return 3
	case 18:
		return 7
	}
	return 0
}

// describe takes the lengths of the codes, first nlit of literals and lengths, then of distances.
func (h *codeHeader) describe(lengths []uint8, nlit int, tree *huffmanTree) {
	h.nlit, h.ndist = nlit, len(lengths)-nlit
	h.runs = h.runs[:0]
	clear(h.freq[:])
	for i := 0; i < len(lengths); {
		l := lengths[i]
		n := 1
		for i+n < len(lengths) && lengths[i+n] == l {
			n++
		}
		i += n
		if l > 0 {
			h.run(uint16(l), 0)
			n--
		}
		for n >= 3 {
			switch {
			case l > 0:
				k := min(n, 6)
				h.run(16, k-3)
				n -= k
			case n <= 10:
				h.run(17, n-3)
				n = 0
			default:
				k := min(n, 138)
				h.run(18, k-11)
				n -= k
			}
		}
		for range n {
			h.run(uint16(l), 0)
		}
	}
	clear(h.lengths[:])
	tree.lengths(h.lengths[:], h.freq[:], 7)
	assign(h.codes[:], tree.used, h.lengths[:], extraBits[:])
	h.ncode = len(codeOrder)
	for h.ncode > 4 && h.lengths[codeOrder[h.ncode-1]] == 0 {
		h.ncode--
	}
	h.size = 5 + 5 + 4 + 3*h.ncode
	for symbol, f := range h.freq {
		h.size += int(f) * (int(h.lengths[symbol]) + int(runExtra(uint16(symbol))))
	}
}

func (h *codeHeader) run(symbol uint16, extra int) {
	h.runs = append(h.runs, symbol|uint16(extra)<<runExtraAt)
	h.freq[symbol]++
}

func (h *codeHeader) write(w *bitWriter) {
	w.write(uint32(h.nlit-257), 5)
	w.write(uint32(h.ndist-1), 5)
	w.write(uint32(h.ncode-4), 4)
	for _, symbol := range codeOrder[:h.ncode] {
		w.write(uint32(h.lengths[symbol]), 3)
	}
	for _, r := range h.runs {
		symbol := r & (1<<runExtraAt - 1)
		w.write(h.codes[symbol]&codeMask, uint(h.codes[symbol]>>codeSizeAt))
		w.write(uint32(r>>runExtraAt), runExtra(symbol))
	}
}

// huffmanTree finds the lengths of Huffman codes. It holds nothing between two calls but used.
type huffmanTree struct {
	used   []uint16 // the symbols that occur, in ascending order
	order  []uint64 // the same, above them how frequent they are, least frequent first
	weight [litSymbols]uint64
	parent [litSymbols]uint16
	leaf   [litSymbols]uint16

	symbols [litSymbols + 1]uint16 // where used is
}

// lengths sets the length of the code of each symbol that occurs, of one bit at least and limit at most. The others
// keep theirs. Of two or more symbols the code is complete; a symbol that is alone shares its code of one bit with
// none.
func (t *huffmanTree) lengths(lengths []uint8, freq []uint32, limit int) {
	const symbolBits = 16
	found := 0
	for symbol, f := range freq {
		// A branch on whether a symbol occurs could not be predicted. A symbol that does not occur is overwritten by the next
		// one.
		t.symbols[found] = uint16(symbol)
		if f > 0 {
			found++
		}
	}
	t.used = t.symbols[:found]
	t.order = t.order[:0]
	for _, symbol := range t.used {
		t.order = append(t.order, uint64(freq[symbol])<<symbolBits|uint64(symbol))
	}
	n := len(t.order)
	if n <= 1 {
		for _, o := range t.order {
			lengths[o&(1<<symbolBits-1)] = 1
		}
		return
	}
	slices.Sort(t.order)

	// Join the two lightest nodes until one is left. Both leaves and joined nodes come in ascending order of weight.
	leaf, node := 0, 0
	lightest := func(next int) uint64 {
		if leaf < n && (node == next || t.order[leaf]>>symbolBits <= t.weight[node]) {
			t.leaf[leaf] = uint16(next)
			leaf++
			return t.order[leaf-1] >> symbolBits
		}
		t.parent[node] = uint16(next)
		node++
		return t.weight[node-1]
	}
	for next := range n - 1 {
		t.weight[next] = lightest(next)
		t.weight[next] += lightest(next)
	}

	// Count the leaves of each depth, with those that are too deep at the limit.
	var count [32]int
	t.weight[n-2] = 0 // from here on the depth of a node
	for i := n - 3; i >= 0; i-- {
		t.weight[i] = t.weight[t.parent[i]] + 1
	}
	excess := -1 << limit
	for _, p := range t.leaf[:n] {
		depth := min(int(t.weight[p])+1, limit)
		count[depth]++
		excess += 1 << (limit - depth)
	}
	// If there are more codes at the limit than there is room for, make room for each by moving a shorter one down a step.
	for ; excess > 0; excess-- {
		l := limit - 1
		for count[l] == 0 {
			l--
		}
		count[l]--
		count[l+1] += 2
		count[limit]--
	}
	i := 0
	for l := limit; l > 0; l-- {
		for range count[l] {
			lengths[t.order[i]&(1<<symbolBits-1)] = uint8(l)
			i++
		}
	}
}

// bitWriter appends bits to bytes, the first bit lowest.
type bitWriter struct {
	out []byte
	acc uint64 // bits that do not fill a byte yet, and how many: 7 at most
	n   uint
}

// grow makes room for n bits and 8 bytes behind them.
func (w *bitWriter) grow(n int) { w.out = slices.Grow(w.out, n/8+16) }

// write appends the n lowest bits of v, which has none above them.
func (w *bitWriter) write(v uint32, n uint) {
	w.acc |= uint64(v) << w.n
	w.n += n
	for w.n >= 8 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
		w.n -= 8
	}
}

// align fills the last byte with zeros.
func (w *bitWriter) align() {
	if w.n > 0 {
		w.write(0, 8-w.n)
	}
}

// stored appends a stored block (RFC 1951 section 3.2.4).
func (w *bitWriter) stored(plain []byte) {
	w.write(0, 3)
	w.align()
	w.out = binary.LittleEndian.AppendUint16(w.out, uint16(len(plain)))
	w.out = binary.LittleEndian.AppendUint16(w.out, ^uint16(len(plain)))
	w.out = append(w.out, plain...)
}
