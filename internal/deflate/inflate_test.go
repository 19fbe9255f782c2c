package deflate

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// inflateAll inflates a message that comes in pieces.
func inflateAll(i *Inflater, data []byte, next func() int) (text []byte, err error) {
	for len(data) > 0 {
		k := min(max(next(), 1), len(data))
		for chunk, full := data[:k], true; full || len(chunk) > 0; {
			out, n, more, err := i.Inflate(chunk)
			text = append(text, out...)
			if err != nil {
				i.Release()
				return text, err
			}
			chunk, full = chunk[n:], more
		}
		data = data[k:]
	}
	if err := i.End(); err != nil {
		i.Release()
		return text, err
	}
	return text, nil
}

func all() int { return 1 << 30 }

// TestInflateContext inflates sequences of messages that the standard library has compressed with context.
func TestInflateContext(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		d, i := deflatetest.NewDeflater(level), NewInflater(true)
		for n := range 40 {
			size := rng.IntN(3000)
			if n%10 == 9 {
				size = rng.IntN(300_000)
			}
			msg := deflatetest.Sample(rng, n, size)
			largest := []int{1, 10, 1 << 30}[n%3]
			got, err := inflateAll(i, d.Deflate(msg), func() int { return 1 + rng.IntN(largest) })
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
		{"truncated", "ca48cdc9c957c84027", "hello hello hello hel", ErrTruncated},
		{"truncated stored", "000500faff6865", "he", ErrTruncated},
		{"half a tail", "ca48cdc9c957c84027010000", "hello hello hello hello", ErrTruncated},
		{"truncated dynamic", "04", "", ErrTruncated},
		{"block type 3", "06", "", ErrCorrupt},
		{"stored with wrong complement", "000500faf0", "", ErrCorrupt},
		{"distance before the beginning", "4a04220000", "a", ErrCorrupt},
		{"too many literals", "fcff00", "", ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, err := hex.DecodeString(c.data)
			if err != nil {
				t.Fatal(err)
			}
			for _, keep := range []bool{true, false} {
				for _, size := range []int{1, 1 << 30} {
					i := NewInflater(keep)
					got, err := inflateAll(i, data, func() int { return size })
					if c.name == "truncated" {
						// It does not matter how much of it is returned.
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

// TestInflateEmptyBlocks checks how many blocks without content are accepted, whatever their kind and in whatever
// pieces they come.
func TestInflateEmptyBlocks(t *testing.T) {
	stored, fixed := "\x00\x00\x00\xff\xff", "\x03\x00"
	hello := "\x00\x05\x00\xfa\xffhello"
	for _, block := range []string{stored, fixed, stored + fixed} {
		most := strings.Repeat(block, MaxEmptyBlocks)
		if block == stored+fixed {
			most = most[:len(most)/2]
		}
		for _, c := range []struct {
			data, text string
			err        error
		}{
			{most + hello, "hello", nil},
			{most + fixed + hello, "", ErrEmptyBlocks},
			{hello + most + hello + most + hello, "hellohellohello", nil},
			{hello + most + stored, "hello", ErrEmptyBlocks},
		} {
			for _, size := range []int{1, 3, 1 << 20} {
				i := NewInflater(true)
				for range 2 { // the second message begins anew
					got, err := inflateAll(i, []byte(c.data), func() int { return size })
					if string(got) != c.text || err != c.err {
						t.Errorf("%x, pieces of %d: got %q, %v; want %q, %v", block, size, got, err, c.text, c.err)
					}
				}
			}
		}
	}
}

// TestInflateNoContext checks that no message can refer to another one, of whatever connection.
func TestInflateNoContext(t *testing.T) {
	d := deflatetest.NewDeflater(6)
	msg := []byte(strings.Repeat("the quick brown fox ", 50))
	first, second := d.Deflate(msg), d.Deflate(msg)
	i := NewInflater(false)
	if got, err := inflateAll(i, first, all); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if i.buf != nil || i.d != nil {
		t.Error("the Inflater kept memory")
	}
	if got, err := inflateAll(i, second, all); err != ErrCorrupt {
		t.Fatalf("got %q, %v", got, err)
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 64 << 10} {
		messages := deflatetest.JSON(max(4, (128<<10)/size), size)
		for _, level := range []int{1, 6} {
			d := deflatetest.NewDeflater(level)
			var data [][]byte
			compressed := 0
			for _, m := range messages {
				data = append(data, d.Deflate(m))
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
						i = NewInflater(true)
					}
					text = text[:0]
					for chunk, full := data[k%len(data)], true; full || len(chunk) > 0; {
						out, n, more, err := i.Inflate(chunk)
						if err != nil {
							b.Fatal(err)
						}
						text = append(text, out...)
						chunk, full = chunk[n:], more
					}
					if err := i.End(); err != nil || len(text) != size {
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

// FuzzInflate inflates arbitrary data in arbitrary pieces and compares with the bit-by-bit decoder, and what both
// take for complete with the standard library.
func FuzzInflate(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 3))
	for level := flate.HuffmanOnly; level <= 9; level += 2 {
		for kind := range 4 {
			f.Add(deflatetest.NewDeflater(level).Deflate(deflatetest.Sample(rng, kind, 300)), []byte{}, uint64(level))
		}
	}
	window := deflatetest.Sample(rng, 3, 500)
	d := deflatetest.NewDeflater(9)
	d.Deflate(window)
	f.Add(d.Deflate(window), window, uint64(1))
	f.Fuzz(func(t *testing.T, data, window []byte, seed uint64) {
		if len(data) > 1<<13 || len(window) > 1<<13 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		i := NewInflater(true)
		if _, err := inflateAll(i, deflatetest.NewDeflater(1).Deflate(window), all); err != nil {
			t.Fatal(err)
		}
		want, fault := deflatetest.Inflate(data, window, true)
		got, err := inflateAll(i, data, func() int { return 1 + rng.IntN(1+rng.IntN(100)) })
		if (err == nil) != (fault == deflatetest.None) || (err == ErrEmptyBlocks) != (fault == deflatetest.EmptyBlocks) {
			t.Fatalf("got %v, want %v", err, fault)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got %d bytes, want %d", len(got), len(want))
		}
		if err != nil || len(window)+len(want) > 32768 {
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
