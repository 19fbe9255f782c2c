package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// TestDeflateRoundTrip compresses sequences of messages with every window and both kinds of context, and decodes
// them with the bit-by-bit decoder, which notices distances beyond the window.
func TestDeflateRoundTrip(t *testing.T) {
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		for _, keep := range []bool{true, false} {
			rng := rand.New(rand.NewPCG(uint64(bits), 1))
			d := NewDeflater(bits, keep)
			var window []byte
			compressed := 0
			for n := range 60 {
				size := rng.IntN(2000)
				if n%20 == 19 {
					size = rng.IntN(150_000)
				}
				msg := deflatetest.Sample(rng, n, size)
				out, ok := d.Deflate([]byte("before"), msg)
				if !bytes.HasPrefix(out, []byte("before")) || !ok && len(out) != 6 {
					t.Fatalf("%d bits, message %d: %q, %v", bits, n, out[:6], ok)
				}
				if !ok {
					continue
				}
				compressed++
				data := out[6:]
				if len(data) >= len(msg) {
					t.Errorf("%d bits, message %d: %d bytes compressed to %d", bits, n, len(msg), len(data))
				}
				got, dist, fault := deflatetest.InflateDist(data, window, true)
				if fault != deflatetest.None || !bytes.Equal(got, msg) {
					t.Fatalf("%d bits, keep %v, message %d of %d bytes: got %d bytes, %v", bits, keep, n, len(msg), len(got), fault)
				}
				if dist > 1<<bits {
					t.Fatalf("%d bits, message %d: distance %d", bits, n, dist)
				}
				if keep {
					window = append(window, got...)
					window = window[max(0, len(window)-32768):]
				}
			}
			if compressed < 20 {
				t.Errorf("%d bits, keep %v: only %d messages compressed", bits, keep, compressed)
			}
		}
	}
}

// TestDeflateBoundaries compresses messages of lengths around those at which the code behaves differently, with every
// window and both kinds of context, of text that compresses well, badly and not at all. It decodes them with the
// standard library, which is told no more than the window, and with Inflater.
func TestDeflateBoundaries(t *testing.T) {
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		window := 1 << bits
		var sizes []int
		for _, boundary := range []int{
			tiny, tiny + hashBytes, 258 + 4, window, shortMessage, minWindow, maxBlock - window, maxBlock, maxWindow - window,
			maxWindow,
		} {
			for size := max(1, boundary-2); size <= boundary+2; size++ {
				sizes = append(sizes, size)
			}
		}
		for _, keep := range []bool{true, false} {
			rng := rand.New(rand.NewPCG(uint64(bits), 8))
			rng.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
			// Repeated at exactly the distance that is the last allowed, the first forbidden, and that of the end of the tables.
			repeat := map[int][]byte{}
			for _, period := range []int{window - 1, window, window + 1, maxWindow} {
				repeat[period] = deflatetest.Sample(rng, 1, period)
			}
			d := NewDeflater(bits, keep)
			i := NewInflater(keep)
			var history []byte
			for n, size := range sizes {
				var msg []byte
				switch period := []int{window - 1, window, window + 1, maxWindow}[n/5%4]; n % 5 {
				case 4:
					msg = bytes.Repeat(repeat[period], size/period+1)[:size]
				default:
					msg = deflatetest.Sample(rng, n%5, size)
				}
				out, ok := d.Deflate(nil, msg)
				if !ok {
					continue
				}
				if got := stdInflate(t, out, history); !bytes.Equal(got, msg) {
					t.Fatalf("%d bits, keep %v, message %d of %d bytes: standard library got %d bytes", bits, keep, n, size, len(got))
				}
				if got, err := inflateAll(i, out, all); err != nil || !bytes.Equal(got, msg) {
					t.Fatalf("%d bits, keep %v, message %d of %d bytes: got %d bytes, %v", bits, keep, n, size, len(got), err)
				}
				if keep {
					history = append(history, msg...)
					history = history[max(0, len(history)-window):]
				}
			}
		}
	}
}

// stdInflate inflates a message with the standard library.
func stdInflate(t *testing.T, data, history []byte) []byte {
	t.Helper()
	const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff" // what the extension omits, and an empty last block
	got, err := io.ReadAll(flate.NewReaderDict(io.MultiReader(bytes.NewReader(data), strings.NewReader(tail)), history))
	if err != nil {
		t.Fatalf("standard library: %v", err)
	}
	return got
}

// TestDeflateMemory checks what a connection keeps, whatever it has sent.
func TestDeflateMemory(t *testing.T) {
	d := NewDeflater(15, true)
	rng := rand.New(rand.NewPCG(9, 9))
	for _, size := range []int{100, 1000, 30_000, 65_536, 1_000_000, 100} {
		d.Deflate(nil, deflatetest.Sample(rng, 0, size))
		if kept := cap(d.h.buf) + 2*(len(d.h.short)+len(d.h.long)); kept > 128<<10 {
			t.Errorf("%d bytes kept after %d", kept, size)
		}
	}
}

// TestDeflateIdentical checks that a message that is sent again and again comes out as little more than references
// to the last.
func TestDeflateIdentical(t *testing.T) {
	msg := deflatetest.Sample(rand.New(rand.NewPCG(10, 10)), 0, 2000)
	d := NewDeflater(15, true)
	d.Deflate(nil, msg)
	for n := range 50 {
		if out, ok := d.Deflate(nil, msg); !ok || len(out) > len(msg)/20 {
			t.Fatalf("repetition %d: %d bytes, %v", n, len(out), ok)
		}
	}
}

// TestItems checks the item of each length and each distance against what Inflater makes of its symbol and its
// extra bits.
func TestItems(t *testing.T) {
	value := func(item, entry uint32, extra uint8) int {
		if extraBits[item&symbolMask] != extra || item>>extraAt >= 1<<extra {
			t.Errorf("item %#x: %d extra bits, want %d", item, extraBits[item&symbolMask], extra)
		}
		return int(entry>>16 + item>>extraAt)
	}
	for length := minMatch; length <= maxMatch; length++ {
		item := lengthItems[length-minMatch]
		if symbol := int(item & symbolMask); symbol <= endOfBlock || symbol >= litSymbols {
			t.Fatalf("length %d: symbol %d", length, symbol)
		}
		entry := litEntry(int(item & symbolMask))
		if got := value(item, entry, uint8(entry>>8&0x1F)); got != length {
			t.Errorf("length %d is written as %d", length, got)
		}
	}
	for dist := 1; dist <= maxDist; dist++ {
		item := distItem(uint32(dist - 1))
		symbol := int(item&symbolMask) - firstDist
		if symbol < 0 || symbol >= distSymbols {
			t.Fatalf("distance %d: symbol %d", dist, symbol)
		}
		entry := distEntry(symbol)
		if got := value(item, entry, uint8(entry>>8&0x1F)); got != dist {
			t.Errorf("distance %d is written as %d", dist, got)
		}
	}
}

// TestMatchLength compares with an obviously correct implementation.
func TestMatchLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	for range 20_000 {
		a := make([]byte, rng.IntN(40))
		b := make([]byte, len(a)+rng.IntN(10))
		want := rng.IntN(len(a) + 1)
		if want < len(a) {
			a[want] = 1
		}
		for i := want + 1; i < len(a); i++ {
			a[i] = byte(rng.IntN(2))
		}
		if got := matchLength(a, b); got != want {
			t.Fatalf("%x, %x: %d, want %d", a, b, got, want)
		}
	}
}

func BenchmarkDeflate(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 64 << 10} {
		messages := deflatetest.JSON(max(8, (256<<10)/size), size)
		for _, keep := range []bool{true, false} {
			b.Run(fmt.Sprintf("%d/context=%v", size, keep), func(b *testing.B) {
				d := NewDeflater(15, keep)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var out []byte
				total, n := 0, 0
				for b.Loop() {
					var ok bool
					if out, ok = d.Deflate(out[:0], messages[n%len(messages)]); ok {
						total += len(out)
					} else {
						total += size
					}
					n++
				}
				b.ReportMetric(float64(total)/float64(n*size), "ratio")
			})
		}
	}
}

// TestDeflatePlain checks that data that is not worth compressing is left alone, and does not affect later messages.
func TestDeflatePlain(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, keep := range []bool{true, false} {
		d := NewDeflater(15, keep)
		i := NewInflater(keep)
		if out, ok := d.Deflate(nil, []byte("tiny")); ok || out != nil || d.h != nil {
			t.Error("4 bytes were compressed")
		}
		if out, ok := d.Deflate(nil, nil); ok || out != nil {
			t.Error("nothing was compressed")
		}
		text := []byte(strings.Repeat("some text that repeats itself ", 20))
		for _, size := range []int{100, 5000, 100_000, 300_000} {
			noise := deflatetest.Sample(rng, 1, size)
			for range 3 {
				if _, ok := d.Deflate(nil, noise); ok {
					t.Errorf("%d random bytes were compressed", size)
				}
				out, ok := d.Deflate(nil, text)
				if !ok {
					t.Fatal("text was not compressed")
				}
				if got, err := inflateAll(i, out, all); err != nil || !bytes.Equal(got, text) {
					t.Fatalf("after %d random bytes: %q, %v", size, got, err)
				}
			}
		}
		// Noise between text: as a whole it is worth compressing, though most of its blocks are not.
		mixed := bytes.Join([][]byte{bytes.Repeat(text, 100), deflatetest.Sample(rng, 1, 100_000), text}, nil)
		out, ok := d.Deflate(nil, mixed)
		if !ok {
			t.Fatal("mixed data was not compressed")
		}
		if got, err := inflateAll(i, out, all); err != nil || !bytes.Equal(got, mixed) {
			t.Fatalf("mixed data: %d bytes, %v", len(got), err)
		}
	}
}

// TestDeflateContext checks that context is used, and that nothing is kept without it.
func TestDeflateContext(t *testing.T) {
	msg := deflatetest.Sample(rand.New(rand.NewPCG(5, 5)), 0, 500)
	d := NewDeflater(15, true)
	first, _ := d.Deflate(nil, msg)
	second, ok := d.Deflate(nil, msg)
	if !ok || len(second) > len(first)/10 {
		t.Errorf("%d bytes, then %d", len(first), len(second))
	}
	if len(d.h.buf) > minWindow {
		t.Errorf("%d bytes kept for %d", len(d.h.buf), 2*len(msg))
	}
	d = NewDeflater(15, false)
	first, _ = d.Deflate(nil, msg)
	second, ok = d.Deflate(nil, msg)
	if !ok || !bytes.Equal(first, second) || d.h != nil {
		t.Errorf("%d bytes, then %d, history %p", len(first), len(second), d.h)
	}
}

// TestCodes checks the codes for extreme frequencies against the rules of RFC 1951: complete, and no longer than
// allowed.
func TestCodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	var tree huffmanTree
	for round := range 2000 {
		limit := []int{7, maxCode}[round%2]
		freq := make([]uint32, []int{19, litSymbols}[round%2])
		fibonacci := [2]uint32{1, 1}
		for i := range freq {
			switch round % 5 {
			case 0:
				freq[i] = rng.Uint32N(3)
			case 1:
				freq[i] = fibonacci[0] // makes the deepest tree
				fibonacci = [2]uint32{fibonacci[1], min(1<<24, fibonacci[0]+fibonacci[1])}
			case 2:
				freq[i] = 1 << rng.Uint32N(20)
			case 3:
				if rng.IntN(len(freq)) < 3 {
					freq[i] = 1
				}
			case 4:
				freq[i] = 7
			}
		}
		lengths := make([]uint8, len(freq))
		tree.lengths(lengths, freq, limit)
		sum, used, cost := 0, 0, 0
		for i, l := range lengths {
			if (l > 0) != (freq[i] > 0) || int(l) > limit {
				t.Fatalf("round %d: symbol %d occurs %d times, %d bits", round, i, freq[i], l)
			}
			if l > 0 {
				used++
				sum += 1 << (limit - int(l))
				cost += int(l) * int(freq[i])
			}
		}
		if used > 1 && sum != 1<<limit || used == 1 && sum != 1<<(limit-1) {
			t.Fatalf("round %d: %d symbols, sum %d of %d", round, used, sum, 1<<limit)
		}
		for i := range lengths {
			for j := range lengths {
				if freq[i] > freq[j] && freq[j] > 0 && lengths[i] > lengths[j] {
					t.Fatalf("round %d: %d times %d bits, %d times %d", round, freq[i], lengths[i], freq[j], lengths[j])
				}
			}
		}
	}
}

// FuzzDeflate compresses sequences of messages and decodes them with the bit-by-bit decoder, which notices
// distances beyond the window, with the standard library and with Inflater.
func FuzzDeflate(f *testing.F) {
	rng := rand.New(rand.NewPCG(7, 7))
	for kind := range 4 {
		f.Add(deflatetest.Sample(rng, kind, 1000), uint64(kind), uint8(8+2*kind), kind%2 == 0)
		f.Add(deflatetest.Sample(rng, kind, 1<<14), uint64(kind), uint8(15-2*kind), true) // enough to move the history
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, bits uint8, keep bool) {
		if len(data) == 0 || len(data) > 1<<14 {
			return
		}
		window := 1 << maxWindowBits
		if bits >= minWindowBits && bits <= maxWindowBits {
			window = 1 << bits
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		d := NewDeflater(int(bits), keep)
		i := NewInflater(keep)
		var history []byte
		for range 1 + rng.IntN(12) {
			var msg []byte
			for range 1 + rng.IntN(4) {
				from := rng.IntN(len(data))
				part := data[from : from+1+rng.IntN(len(data)-from)]
				msg = append(msg, bytes.Repeat(part, 1+rng.IntN(1+rng.IntN(10)))...)
			}
			out, ok := d.Deflate(nil, msg)
			if !ok {
				continue
			}
			if len(out) >= len(msg) {
				t.Fatalf("%d bytes compressed to %d", len(msg), len(out))
			}
			got, err := inflateAll(i, out, func() int { return 1 + rng.IntN(5000) })
			if err != nil || !bytes.Equal(got, msg) {
				t.Fatalf("got %d bytes of %d, %v", len(got), len(msg), err)
			}
			if len(msg) < 10_000 {
				got, dist, fault := deflatetest.InflateDist(out, history, true)
				if fault != deflatetest.None || !bytes.Equal(got, msg) || dist > window {
					t.Fatalf("reference: got %d bytes of %d, %v, distance %d", len(got), len(msg), fault, dist)
				}
			}
			if got := stdInflate(t, out, history); !bytes.Equal(got, msg) {
				t.Fatalf("standard library: got %d bytes of %d", len(got), len(msg))
			}
			if keep {
				history = append(history, msg...)
				history = history[max(0, len(history)-window):]
			}
		}
	})
}
