// Package deflatetest has helpers for tests of permessage-deflate: a decoder that is obviously correct, the standard
// library's writer as a server would use it, and sample data of several kinds.
package deflatetest

import "bytes"

// slowInflater decodes DEFLATE bit by bit, as RFC 1951 describes it. It is as strict as zlib: it refuses incomplete
// codes, except those of one symbol or none, and blocks that cannot end. Like Inflater, it takes at most 1000 empty
// blocks in succession.
type slowInflater struct {
	in      []byte
	at      int // in bits
	text    []byte
	history int // how many bytes of text precede the message
	maxDist int // the largest distance seen
}

// The reasons why decoding a message stops before the end of its data.
type (
	endOfInput struct{} // more data may continue it
	corrupted  struct{}
	endless    struct{} // another empty block
)

// Fault says what is wrong with a message.
type Fault uint8

// The faults.
const (
	None    Fault = iota
	Corrupt       // or truncated
	EmptyBlocks
)

// Inflate inflates data, which is the beginning of a message or, if ended is set, all of it. text is what precedes the
// fault.
func Inflate(data, window []byte, ended bool) (text []byte, fault Fault) {
	text, _, fault = InflateDist(data, window, ended)
	return text, fault
}

// InflateDist is like Inflate, and also returns the largest distance that it has seen.
func InflateDist(data, window []byte, ended bool) (text []byte, maxDist int, fault Fault) {
	s := &slowInflater{in: data, text: bytes.Clone(window), history: len(window)}
	complete := true
	defer func() {
		text, maxDist = s.text[s.history:], s.maxDist
		switch recover().(type) {
		case endOfInput:
			if ended && !complete {
				fault = Corrupt
			}
		case corrupted:
			fault = Corrupt
		case endless:
			fault = EmptyBlocks
		}
	}()
	empty := 0
	for s.at < 8*len(data) {
		complete = false
		before := len(s.text)
		final, kind := s.bit(), s.number(2)
		switch kind {
		case 0:
			s.align()
			complete = s.at == 8*len(data)
			n := s.number(16)
			complete = false
			if s.number(16) != n^0xFFFF {
				panic(corrupted{})
			}
			for range n {
				s.text = append(s.text, byte(s.number(8)))
			}
		case 1:
			var lits, dists []int
			for i := range 288 {
				lits = append(lits, []int{8, 9, 7, 8}[btoi(i > 143)+btoi(i > 255)+btoi(i > 279)])
			}
			for range 32 {
				dists = append(dists, 5)
			}
			s.symbols(newSlowCode(lits, true), newSlowCode(dists, true))
		case 2:
			s.symbols(s.codes())
		default:
			panic(corrupted{})
		}
		if final == 1 {
			s.align()
		}
		if empty++; len(s.text) > before {
			empty = 0
		} else if empty > 1000 {
			panic(endless{})
		}
	}
	return
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *slowInflater) bit() int {
	if s.at >= 8*len(s.in) {
		panic(endOfInput{})
	}
	b := int(s.in[s.at/8]) >> (s.at % 8) & 1
	s.at++
	return b
}

func (s *slowInflater) number(bits int) (n int) {
	for i := range bits {
		n |= s.bit() << i
	}
	return n
}

func (s *slowInflater) align() { s.at = (s.at + 7) / 8 * 8 }

// slowCode finds the symbol for a length and a code of that length.
type slowCode map[[2]int]int

func newSlowCode(lengths []int, mayBeIncomplete bool) slowCode {
	c := slowCode{}
	code, left, longest := 0, 1, 0
	for l := 1; l <= 15; l++ {
		code <<= 1
		left <<= 1
		for symbol, length := range lengths {
			if length == l {
				c[[2]int{l, code}] = symbol
				code++
				left--
				longest = l
			}
		}
		if left < 0 {
			panic(corrupted{})
		}
	}
	if left > 0 && (!mayBeIncomplete || longest > 1) {
		panic(corrupted{})
	}
	return c
}

func (s *slowInflater) symbol(c slowCode) int {
	if len(c) == 0 {
		panic(corrupted{})
	}
	code := 0
	for l := 1; l <= 15; l++ {
		code = code<<1 | s.bit()
		if symbol, ok := c[[2]int{l, code}]; ok {
			return symbol
		}
		if len(c) == 1 {
			break
		}
	}
	panic(corrupted{})
}

func (s *slowInflater) codes() (lits, dists slowCode) {
	nlit, ndist, ncode := s.number(5)+257, s.number(5)+1, s.number(4)+4
	if nlit > 286 || ndist > 30 {
		panic(corrupted{})
	}
	meta := make([]int, 19)
	for _, i := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:ncode] {
		meta[i] = s.number(3)
	}
	code := newSlowCode(meta, false)
	var lengths []int
	for len(lengths) < nlit+ndist {
		symbol, repeat := s.symbol(code), 1
		value := symbol
		switch symbol {
		case 16:
			if len(lengths) == 0 {
				panic(corrupted{})
			}
			value, repeat = lengths[len(lengths)-1], 3+s.number(2)
		case 17:
			value, repeat = 0, 3+s.number(3)
		case 18:
			value, repeat = 0, 11+s.number(7)
		}
		for range repeat {
			lengths = append(lengths, value)
		}
	}
	if len(lengths) > nlit+ndist || lengths[256] == 0 {
		panic(corrupted{})
	}
	return newSlowCode(lengths[:nlit], true), newSlowCode(lengths[nlit:], true)
}

func (s *slowInflater) symbols(lits, dists slowCode) {
	lengthBase := []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163,
		195, 227, 258}
	lengthBits := []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase := []int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
		3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distBits := []int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	for {
		symbol := s.symbol(lits)
		switch {
		case symbol < 256:
			s.text = append(s.text, byte(symbol))
			continue
		case symbol == 256:
			return
		case symbol > 285:
			panic(corrupted{})
		}
		length := lengthBase[symbol-257] + s.number(lengthBits[symbol-257])
		symbol = s.symbol(dists)
		if symbol > 29 {
			panic(corrupted{})
		}
		dist := distBase[symbol] + s.number(distBits[symbol])
		if dist > len(s.text) {
			panic(corrupted{})
		}
		s.maxDist = max(s.maxDist, dist)
		for range length {
			s.text = append(s.text, s.text[len(s.text)-dist])
		}
	}
}
