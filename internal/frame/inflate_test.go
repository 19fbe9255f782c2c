package frame

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// slowInflater decodes DEFLATE bit by bit, as RFC 1951 describes it. It is as strict as zlib: it refuses incomplete codes but
// for those of one symbol or none, and blocks that cannot end.
type slowInflater struct {
	in      []byte
	at      int // in bits
	text    []byte
	history int // how many bytes of text precede the message
	maxDist int // the largest distance seen
}

// What ends the decoding of a message before the end of its data.
type (
	endOfInput struct{} // more data may continue it
	corrupted  struct{}
)

// slowInflate inflates data, a beginning of a message or, if it has ended, all of it. ok is false if it is corrupt or, having
// ended, truncated. text is what precedes that.
func slowInflate(data, window []byte, ended bool) (text []byte, ok bool) {
	text, _, ok = slowInflateDist(data, window, ended)
	return text, ok
}

func slowInflateDist(data, window []byte, ended bool) (text []byte, maxDist int, ok bool) {
	s := &slowInflater{in: data, text: bytes.Clone(window), history: len(window)}
	complete := true
	defer func() {
		text, maxDist = s.text[s.history:], s.maxDist
		switch recover().(type) {
		case nil:
			ok = true
		case endOfInput:
			ok = !ended || complete
		case corrupted:
			ok = false
		}
	}()
	for s.at < 8*len(data) {
		complete = false
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
	lengthBase := []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits := []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase := []int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
		8193, 12289, 16385, 24577}
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

// inflateAll inflates a message that comes in pieces.
func inflateAll(i *Inflater, data []byte, next func() int) (text []byte, err error) {
	for len(data) > 0 {
		k := min(max(next(), 1), len(data))
		for chunk, full := data[:k], true; full || len(chunk) > 0; {
			out, n, more, err := i.inflate(chunk)
			text = append(text, out...)
			if err != nil {
				i.release()
				return text, err
			}
			chunk, full = chunk[n:], more
		}
		data = data[k:]
	}
	if err := i.end(); err != nil {
		i.release()
		return text, err
	}
	return text, nil
}

func all() int { return 1 << 30 }

// deflated compresses a message with the standard library at a level, or with the fixed codes alone, or stored.
type stdDeflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

func newStdDeflater(level int) *stdDeflater {
	d := new(stdDeflater)
	d.w, _ = flate.NewWriter(&d.out, level)
	return d
}

func (d *stdDeflater) deflate(msg []byte) []byte {
	d.out.Reset()
	d.w.Write(msg)
	d.w.Flush()
	return bytes.Clone(bytes.TrimSuffix(d.out.Bytes(), []byte{0, 0, 0xFF, 0xFF}))
}

// sample makes data of several kinds.
func sample(rng *rand.Rand, kind, size int) []byte {
	var b []byte
	words := strings.Fields(`{"id": "name": "value": true, false, null, "lorem ipsum dolor sit amet", 17, 3.1415, [1,2,3], }`)
	for len(b) < size {
		switch kind % 4 {
		case 0:
			b = append(b, words[rng.IntN(len(words))]...)
		case 1:
			b = append(b, byte(rng.Uint32()))
		case 2:
			b = append(b, bytes.Repeat([]byte{byte(rng.IntN(4))}, 1+rng.IntN(300))...)
		case 3:
			if len(b) > 0 && rng.IntN(4) > 0 {
				from := rng.IntN(len(b))
				b = append(b, b[from:min(len(b), from+rng.IntN(400))]...)
			}
			b = append(b, byte(rng.NormFloat64()*20))
		}
	}
	return b[:size]
}

// TestInflateContext inflates sequences of messages that the standard library has compressed with context.
func TestInflateContext(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		d, i := newStdDeflater(level), NewInflater(DeflateParams{})
		for n := range 40 {
			size := rng.IntN(3000)
			if n%10 == 9 {
				size = rng.IntN(300_000)
			}
			msg := sample(rng, n, size)
			largest := []int{1, 10, 1 << 30}[n%3]
			got, err := inflateAll(i, d.deflate(msg), func() int { return 1 + rng.IntN(largest) })
			if err != nil || !bytes.Equal(got, msg) {
				t.Fatalf("level %d, message %d of %d bytes: got %d bytes, %v", level, n, size, len(got), err)
			}
		}
		if len(i.buf) > maxWindow || i.d != nil {
			t.Errorf("%d bytes kept, decoder %p", len(i.buf), i.d)
		}
	}
}

// TestInflateTable checks messages that browsers were seen to accept, and others that must fail.
func TestInflateTable(t *testing.T) {
	for _, c := range []struct {
		name, data, text string
		err              error
	}{
		{"fixed", "ca48cdc9c957c840270100", "hello hello hello hello", nil},
		{"empty", "00", "", nil},
		{"empty payload", "", "", nil},
		{"stored", "000500faff68656c6c6f00", "hello", nil},
		{"BFINAL", "cb48cdc9c957c840900000", "hello hello hello", nil},
		{"BFINAL at the end", "cb48cdc9c957c8409000", "hello hello hello", nil},
		{"two BFINAL", "cb48cdc9c957c8409000cb48cdc9c957c840900000", "hello hello hellohello hello hello", nil},
		{"tail not removed", "ca48cdc9c957c8402701000000ffff", "hello hello hello hello", nil},
		{"tail twice", "ca48cdc9c957c8402701000000ffff000000ffff", "hello hello hello hello", nil},
		{"truncated", "ca48cdc9c957c84027", "hello hello hello hel", errTruncated},
		{"truncated stored", "000500faff6865", "he", errTruncated},
		{"half a tail", "ca48cdc9c957c84027010000", "hello hello hello hello", errTruncated},
		{"truncated dynamic", "04", "", errTruncated},
		{"block type 3", "06", "", errCorrupt},
		{"stored with wrong complement", "000500faf0", "", errCorrupt},
		{"distance before the beginning", "4a04220000", "a", errCorrupt},
		{"too many literals", "fcff00", "", errCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, err := hex.DecodeString(c.data)
			if err != nil {
				t.Fatal(err)
			}
			for _, keep := range []bool{true, false} {
				for _, size := range []int{1, 1 << 30} {
					i := NewInflater(DeflateParams{ServerNoContextTakeover: !keep})
					got, err := inflateAll(i, data, func() int { return size })
					if c.name == "truncated" {
						// How much of it comes does not matter.
						got, c.text = nil, ""
					}
					if string(got) != c.text || err != c.err {
						t.Errorf("got %q, %v; want %q, %v", got, err, c.text, c.err)
					}
				}
			}
		})
	}
}

// TestInflateNoContext checks that nothing of one message can be referred to by another, of any connection.
func TestInflateNoContext(t *testing.T) {
	d := newStdDeflater(6)
	msg := []byte(strings.Repeat("the quick brown fox ", 50))
	first, second := d.deflate(msg), d.deflate(msg)
	i := NewInflater(DeflateParams{ServerNoContextTakeover: true})
	if got, err := inflateAll(i, first, all); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if i.buf != nil || i.d != nil {
		t.Error("the Inflater kept memory")
	}
	if got, err := inflateAll(i, second, all); err != errCorrupt {
		t.Fatalf("got %q, %v", got, err)
	}
}

// TestInflateBomb checks that a message that inflates to very much stops at the limit.
func TestInflateBomb(t *testing.T) {
	const limit = 1 << 20
	bomb := newStdDeflater(9).deflate(make([]byte, 16<<20))
	stream := serverFrame(0xC2, bomb)
	if len(bomb) > limit/8 {
		t.Fatalf("%d bytes", len(bomb))
	}
	r := NewReader(limit, NewInflater(DeflateParams{}))
	_, n, err := r.Next(stream)
	if e, ok := err.(*Error); !ok || e.Code != MessageTooBig || n != len(stream) {
		t.Fatalf("%d bytes used, %v", n, err)
	}
	fits := newStdDeflater(9).deflate(make([]byte, limit))
	r = NewReader(limit, NewInflater(DeflateParams{}))
	ev, _, err := r.Next(serverFrame(0xC2, fits))
	if err != nil || len(ev.Payload) != limit || cap(ev.Payload) > 2*limit {
		t.Fatalf("%d bytes in %d, %v", len(ev.Payload), cap(ev.Payload), err)
	}
}

func TestInflateAllocations(t *testing.T) {
	d := newStdDeflater(6)
	rng := rand.New(rand.NewPCG(2, 2))
	var stream []byte
	for range 100 {
		stream = append(stream, serverFrame(0xC1, d.deflate(sample(rng, 0, 1000)))...)
	}
	d = newStdDeflater(6)
	r := NewReader(-1, NewInflater(DeflateParams{}))
	readAll := func() {
		for rest := stream; len(rest) > 0; {
			ev, n, err := r.Next(rest)
			if err != nil || len(ev.Payload) != 1000 {
				t.Fatal(len(ev.Payload), err)
			}
			rest = rest[n:]
		}
	}
	readAll()
	// The pool of decoders may be emptied in between, and drops a quarter under the race detector.
	if n := testing.AllocsPerRun(10, readAll); n > 50 {
		t.Errorf("%v allocations for 100 messages", n)
	}
}

// jsonMessages makes messages of JSON text of a size.
func jsonMessages(count, size int) (messages [][]byte) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range count {
		msg := []byte{'['}
		for len(msg) < size {
			msg = append(msg, jsonRecord(rng)...)
		}
		messages = append(messages, msg[:size])
	}
	return messages
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 64 << 10} {
		messages := jsonMessages(max(4, (128<<10)/size), size)
		for _, level := range []int{1, 6} {
			d := newStdDeflater(level)
			var data [][]byte
			compressed := 0
			for _, m := range messages {
				data = append(data, d.deflate(m))
				compressed += len(data[len(data)-1])
			}
			b.Run(fmt.Sprintf("%d/level%d", size, level), func(b *testing.B) {
				text := make([]byte, 0, size)
				b.ReportMetric(float64(compressed)/float64(size*len(data)), "ratio")
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var i *Inflater
				for k := 0; b.Loop(); k++ {
					if k%len(data) == 0 {
						i = NewInflater(DeflateParams{})
					}
					text = text[:0]
					for chunk, full := data[k%len(data)], true; full || len(chunk) > 0; {
						out, n, more, err := i.inflate(chunk)
						if err != nil {
							b.Fatal(err)
						}
						text = append(text, out...)
						chunk, full = chunk[n:], more
					}
					if err := i.end(); err != nil || len(text) != size {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("%d/level%d/std", size, level), func(b *testing.B) {
				text := make([]byte, size)
				r := flate.NewReader(nil)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var window []byte
				for k := 0; b.Loop(); k++ {
					if k%len(data) == 0 {
						window = window[:0]
					}
					in := append(data[k%len(data)][:len(data[k%len(data)]):len(data[k%len(data)])], "\x00\x00\xff\xff"...)
					r.(flate.Resetter).Reset(bytes.NewReader(in), window)
					if _, err := io.ReadFull(r, text); err != nil {
						b.Fatal(err)
					}
					window = append(window, text...)
					if n := len(window) - 32768; n > 0 {
						window = window[:copy(window, window[n:])]
					}
				}
			})
		}
	}
}

// jsonRecord makes a line of JSON as an application might send it.
func jsonRecord(rng *rand.Rand) string {
	names := []string{"alice", "bob", "carol", "dave", "eve", "mallory", "trent", "peggy"}
	return fmt.Sprintf(`{"id":%d,"user":"%s","time":"2025-%02d-%02dT%02d:%02d:%02dZ","price":%.2f,"tags":["%s","%s"],"active":%v},`,
		rng.IntN(1e6), names[rng.IntN(8)], 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60),
		rng.Float64()*1000, names[rng.IntN(8)], names[rng.IntN(8)], rng.IntN(2) == 0)
}

// FuzzInflate inflates arbitrary data in arbitrary pieces and compares with the bit-by-bit decoder, and what both take for
// complete with the standard library.
func FuzzInflate(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 3))
	for level := flate.HuffmanOnly; level <= 9; level += 2 {
		for kind := range 4 {
			f.Add(newStdDeflater(level).deflate(sample(rng, kind, 300)), []byte{}, uint64(level))
		}
	}
	window := sample(rng, 3, 500)
	d := newStdDeflater(9)
	d.deflate(window)
	f.Add(d.deflate(window), window, uint64(1))
	f.Fuzz(func(t *testing.T, data, window []byte, seed uint64) {
		if len(data) > 1<<13 || len(window) > 1<<13 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		i := NewInflater(DeflateParams{})
		if _, err := inflateAll(i, newStdDeflater(1).deflate(window), all); err != nil {
			t.Fatal(err)
		}
		want, ok := slowInflate(data, window, true)
		got, err := inflateAll(i, data, func() int { return 1 + rng.IntN(1+rng.IntN(100)) })
		if (err == nil) != ok {
			t.Fatalf("got %v, want %v", err, ok)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got %d bytes, want %d", len(got), len(want))
		}
		if !ok || len(window)+len(want) > 32768 {
			return
		}
		in := bytes.NewReader(append(bytes.Clone(data), "\x00\x00\xff\xff"...))
		var std []byte
		for in.Len() > 0 {
			more, err := io.ReadAll(flate.NewReaderDict(in, append(window[:len(window):len(window)], std...)))
			std = append(std, more...)
			if err != nil {
				break // the tail, when it was not missing
			}
		}
		if !bytes.Equal(std, want) {
			t.Fatalf("the standard library got %d bytes, want %d", len(std), len(want))
		}
	})
}
