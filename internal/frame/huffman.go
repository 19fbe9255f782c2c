package frame

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
)

const (
	litSymbols  = 286
	distSymbols = 30

	// fewTokens is up to how many tokens a block is not worth codes of its own, which take some 50 bytes to describe.
	fewTokens = 64

	// tokenMatch marks the token of a match: its length minus 3 is in bits 16 to 23, its distance minus 1 below them. Any other
	// token is a literal.
	tokenMatch = 1 << 31
)

// encoder writes the tokens of one block, as RFC 1951 section 3.2 describes it. It holds nothing between two blocks.
type encoder struct {
	tokens   []uint32
	litFreq  [litSymbols]uint32
	distFreq [distSymbols]uint32

	lits, dists codes // made for the block
	header      codeHeader
	tree        huffmanTree
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// begin begins a block.
func (e *encoder) begin() {
	e.tokens = e.tokens[:0]
	clear(e.litFreq[:])
	clear(e.distFreq[:])
}

func (e *encoder) literals(p []byte) {
	for _, c := range p {
		e.tokens = append(e.tokens, uint32(c))
		e.litFreq[c]++
	}
}

// match takes a repetition of 3 to 258 bytes at a distance of 1 to 32768.
func (e *encoder) match(length, dist int) {
	e.tokens = append(e.tokens, tokenMatch|uint32(length-3)<<16|uint32(dist-1))
	symbol, _ := lengthSymbol(uint32(length - 3))
	e.litFreq[symbol]++
	symbol, _ = distSymbol(uint32(dist - 1))
	e.distFreq[symbol]++
}

// lengthSymbol returns the symbol for a length minus 3, and how many of its low bits follow it (RFC 1951 section 3.2.5).
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
	if n < 4 {
		return n, 0
	}
	extra = uint32(bits.Len32(n)) - 2
	return 2 + 2*extra + n>>extra&1, extra
}

// writeBlock writes the tokens, which stand for plain, as the kind of block that takes the fewest bits.
func (e *encoder) writeBlock(w *bitWriter, plain []byte) {
	e.litFreq[endOfBlock]++
	extra := 0
	for symbol := 265; symbol < 285; symbol++ {
		extra += int(e.litFreq[symbol]) * ((symbol - 261) / 4)
	}
	for symbol := 4; symbol < distSymbols; symbol++ {
		extra += int(e.distFreq[symbol]) * (symbol/2 - 1)
	}
	fixed := fixedCodes()
	lits, dists := &fixed.lits, &fixed.dists
	size := 3 + e.cost(lits, dists) + extra
	own := false
	if len(e.tokens) > fewTokens {
		e.makeCodes()
		if s := 3 + e.header.size + e.cost(&e.lits, &e.dists) + extra; s < size {
			lits, dists, size, own = &e.lits, &e.dists, s, true
		}
	}
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
	e.writeTokens(w, lits, dists)
}

// cost returns how many bits the symbols of the block take, without extra bits.
func (e *encoder) cost(lits, dists *codes) (n int) {
	for symbol, f := range e.litFreq {
		n += int(f) * lits.length(symbol)
	}
	for symbol, f := range e.distFreq {
		n += int(f) * dists.length(symbol)
	}
	return n
}

// makeCodes makes codes that suit the block, and their description.
func (e *encoder) makeCodes() {
	var lengths [litSymbols + distSymbols]uint8
	lits := lengths[:litSymbols]
	e.tree.lengths(lits, e.litFreq[:], maxCode)
	e.lits.assign(lits)
	nlit := usedLengths(lits, endOfBlock+1)

	dists := lengths[nlit : nlit+distSymbols]
	clear(dists)
	e.tree.lengths(dists, e.distFreq[:], maxCode)
	if len(e.tree.order) == 0 {
		dists[0] = 1 // some decoders want a code for one distance at least
	}
	e.dists.assign(dists)
	ndist := usedLengths(dists, 1)

	e.header.describe(lengths[:nlit+ndist], nlit, &e.tree)
}

// usedLengths returns how many lengths precede the zeros at the end, and at least least.
func usedLengths(lengths []uint8, least int) int {
	n := len(lengths)
	for n > least && lengths[n-1] == 0 {
		n--
	}
	return n
}

func (e *encoder) writeTokens(w *bitWriter, lits, dists *codes) {
	// The room has been made; each round writes at most 48 bits behind at most 7.
	out, at, acc, n := w.out[:cap(w.out)], len(w.out), w.acc, w.n
	for _, t := range e.tokens {
		if t < tokenMatch {
			c := lits[t&0xFF]
			acc |= uint64(c&codeMask) << n
			n += uint(c >> codeLengthAt)
		} else {
			length := t >> 16 & 0xFF
			symbol, extra := lengthSymbol(length)
			c := lits[symbol]
			acc |= uint64(c&codeMask) << n
			n += uint(c >> codeLengthAt)
			acc |= uint64(length&(1<<extra-1)) << n
			n += uint(extra)
			dist := t & 0x7FFF
			symbol, extra = distSymbol(dist)
			c = dists[symbol]
			acc |= uint64(c&codeMask) << n
			n += uint(c >> codeLengthAt)
			acc |= uint64(dist&(1<<extra-1)) << n
			n += uint(extra)
		}
		binary.LittleEndian.PutUint64(out[at:], acc)
		at += int(n >> 3)
		acc >>= n &^ 7
		n &= 7
	}
	w.out, w.acc, w.n = out[:at], acc, n
	end := lits[endOfBlock]
	w.write(end&codeMask, uint(end>>codeLengthAt))
}

// codes says how each symbol is written: in the lower half its code, with the first bit lowest, above it how many bits that has.
type codes [288]uint32

const (
	codeLengthAt = 16
	codeMask     = 1<<codeLengthAt - 1
)

func (c *codes) length(symbol int) int { return int(c[symbol] >> codeLengthAt) }

// assign makes the canonical code with these lengths (RFC 1951 section 3.2.2).
func (c *codes) assign(lengths []uint8) {
	var next [maxCode + 2]uint16
	for _, l := range lengths {
		next[l+1]++
	}
	next[1] = 0
	for l := 1; l <= maxCode; l++ {
		next[l+1] = (next[l] + next[l+1]) << 1
	}
	// next[l] is now the first code of l bits.
	for symbol, l := range lengths {
		if l == 0 {
			c[symbol] = 0
			continue
		}
		c[symbol] = uint32(bits.Reverse16(next[l])>>(16-l)) | uint32(l)<<codeLengthAt
		next[l]++
	}
}

type fixedCodePair struct{ lits, dists codes }

var fixedCodes = sync.OnceValue(func() *fixedCodePair {
	var dists [distSymbols]uint8
	for symbol := range dists {
		dists[symbol] = fixedDistLength
	}
	c := new(fixedCodePair)
	c.lits.assign(fixedLitLengths())
	c.dists.assign(dists[:])
	return c
})

// codeHeader describes the codes of a dynamic block (RFC 1951 section 3.2.7).
type codeHeader struct {
	size        int // in bits
	nlit, ndist int
	runs        []uint16 // the code lengths as symbols, with the extra bits of repetitions from runExtraAt
	freq        [len(codeOrder)]uint32
	lengths     [len(codeOrder)]uint8
	codes       codes
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
	h.codes.assign(h.lengths[:])
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
		w.write(h.codes[symbol]&codeMask, uint(h.codes.length(int(symbol))))
		w.write(uint32(r>>runExtraAt), runExtra(symbol))
	}
}

// huffmanTree finds the lengths of Huffman codes. It holds nothing between two calls but order.
type huffmanTree struct {
	order  []uint64 // the symbols in use, above them how frequent they are, least frequent first
	weight [litSymbols]uint64
	parent [litSymbols]uint16
	leaf   [litSymbols]uint16
}

// lengths sets the length of the code of each symbol that occurs, of one bit at least and limit at most. The others keep theirs.
// Of two or more symbols the code is complete; a symbol that is alone shares its code of one bit with none.
func (t *huffmanTree) lengths(lengths []uint8, freq []uint32, limit int) {
	const symbolBits = 16
	t.order = t.order[:0]
	for symbol, f := range freq {
		if f > 0 {
			t.order = append(t.order, uint64(f)<<symbolBits|uint64(symbol))
		}
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
	// Where there are more codes at the limit than there is room for, make room for each by moving one from above a step down.
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
