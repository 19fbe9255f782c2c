package frame

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// emptyFragments is a message of count empty fragments, which does not end.
func emptyFragments(count int) []byte {
	stream := bytes.Repeat(serverFrame(0, nil), count)
	stream[0] = byte(Text)
	return stream
}

// emptyBlocks is a message of count empty stored blocks, which does not end.
func emptyBlocks(count int) []byte {
	return bytes.Repeat([]byte{0, 0, 0, 0xFF, 0xFF}, count)
}

// TestEndlessFragments: a message that goes on with nothing but empty fragments fails, and one of as many as are
// allowed does not, however often it goes on after something.
func TestEndlessFragments(t *testing.T) {
	const most = MaxEmptyFragments
	ping := string(serverFrame(0x89, nil))
	some := string(serverFrame(0, []byte("x")))
	last := string(serverFrame(0x80, []byte("y")))
	more := strings.Repeat("\x00\x00", most)
	compressed := "\x41\x00" + more[:2*most-2]
	for _, c := range []struct {
		name, stream string
		want         []outcome
	}{
		{"as many as allowed", string(emptyFragments(most)) + last, []outcome{{op: Text, payload: "y"}}},
		{"one more", string(emptyFragments(most + 1)), []outcome{{code: PolicyViolation}}},
		{"the last one too many", string(emptyFragments(most)) + "\x80\x00", []outcome{{code: PolicyViolation}}},
		{"after something", "\x01\x01a" + more + "\x00\x00", []outcome{{code: PolicyViolation}}},
		{"something between", "\x01\x01a" + more + some + more + last, []outcome{{op: Text, payload: "axy"}}},
		{"pings between", string(emptyFragments(most)) + ping + "\x00\x00", []outcome{{op: Ping}, {code: PolicyViolation}}},
		{"compressed", compressed + "\x00\x00", []outcome{{code: PolicyViolation}}},
		{"compressed, as many as allowed", compressed + "\x80\x01\x00", []outcome{{op: Text}}},
		{"the next message begins anew", string(emptyFragments(most)) + last + string(emptyFragments(most)) + last,
			[]outcome{{op: Text, payload: "y"}, {op: Text, payload: "y"}}},
		{"empty messages", strings.Repeat("\x81\x00", 2*most), repeated(outcome{op: Text}, 2*most)},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantBothSides(t, []byte(c.stream), c.want)
		})
	}
}

// TestEndlessBlocks: a compressed message that goes on with empty blocks fails too, whatever their kind and however
// they come.
func TestEndlessBlocks(t *testing.T) {
	const most = deflate.MaxEmptyBlocks
	d := deflatetest.NewDeflater(6)
	text := d.Deflate([]byte("hello"))
	// The one with the fixed codes has BFINAL set, and so ends with a byte.
	stored, fixed := []byte{0, 0, 0, 0xFF, 0xFF}, []byte{3, 0}
	dynamic := dynamicEmpty()
	if got, fault := deflatetest.Inflate(append(dynamic, text...), nil, true); fault != deflatetest.None ||
		string(got) != "hello" {
		t.Fatalf("dynamic block: %q, %v", got, fault)
	}
	for _, c := range []struct {
		name  string
		block []byte
		each  int // how many empty blocks that is
	}{{"stored", stored, 1}, {"fixed", fixed, 1}, {"dynamic", dynamic, 2}} {
		for _, frame := range []int{1, 7, 1 << 20} {
			t.Run(c.name, func(t *testing.T) {
				cut := func(data []byte, end byte) (stream []byte) {
					first := byte(0x41)
					for len(data) > frame {
						stream = append(stream, serverFrame(first, data[:frame])...)
						data, first = data[frame:], 0
					}
					return append(stream, serverFrame(first|end, data)...)
				}
				empty := bytes.Repeat(c.block, most/c.each)
				wantBothSides(t, cut(append(bytes.Clone(empty), text...), 0x80), []outcome{{op: Text, payload: "hello"}})
				endless := append(bytes.Clone(empty), c.block...)
				wantBothSides(t, cut(endless, 0), []outcome{{code: PolicyViolation}})
				after := bytes.Join([][]byte{text, {0, 0, 0xFF, 0xFF}, empty}, nil) // text ends in the middle of an empty block
				wantBothSides(t, cut(after, 0), []outcome{{code: PolicyViolation}})
			})
		}
	}
	t.Run("flushed writes", func(t *testing.T) {
		// As a server does that flushes after each write, in a frame of its own: an empty block after each.
		var stream, want []byte
		first := byte(0x41)
		for range 3 * most {
			stream = append(stream, serverFrame(first, append(d.Deflate([]byte("line ")), 0, 0, 0xFF, 0xFF))...)
			want = append(want, "line "...)
			first = 0
		}
		stream = append(stream, serverFrame(0x80, []byte{0})...)
		wantBothSides(t, append(serverFrame(0xC1, text), stream...),
			[]outcome{{op: Text, payload: "hello"}, {op: Text, payload: string(want)}})
	})
}

// dynamicEmpty is a block with codes of its own that says nothing, and an empty stored block, so that it ends with
// a byte.
func dynamicEmpty() []byte {
	var out []byte
	var acc, n uint
	put := func(v, bits uint) {
		acc |= v << n
		n += bits
		for ; n >= 8; n -= 8 {
			out = append(out, byte(acc))
			acc >>= 8
		}
	}
	put(2<<1, 3)
	put(0, 5)  // 257 literals and lengths
	put(0, 5)  // 1 distance
	put(14, 4) // 18 lengths of the code for lengths, up to that of 1
	// In the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1: codes of one bit for 18 and for 1.
	for i := range 18 {
		put(uint(btoi(i == 2 || i == 17)), 3)
	}
	// The code for 1 is 0, the one for 18 is 1. 256 zeros, then 1 for the end of the block and 1 for the distance.
	put(1, 1)
	put(138-11, 7)
	put(1, 1)
	put(118-11, 7)
	put(0, 1)
	put(0, 1)
	put(0, 1) // the end of the block
	// The header of a stored block, whose lengths follow in the next bytes.
	put(0, 3)
	if n > 0 {
		put(0, 8-n)
	}
	return append(out, 0, 0, 0xFF, 0xFF)
}

// wantBothSides gives a stream to Readers of both sides, with permessage-deflate, in several kinds of pieces.
func wantBothSides(t *testing.T, stream []byte, want []outcome) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 3))
	for side, stream := range map[Side][]byte{Client: stream, Server: masked(stream, rng)} {
		for _, largest := range []int{1, 100, 1 << 20} {
			r := NewReader(side, 1<<20, deflate.NewInflater(true))
			if got := feed(r, stream, func() int { return 1 + rng.IntN(largest) }); !equal(got, want) {
				t.Errorf("side %d, pieces of up to %d: got %v, want %v", side, largest, got, want)
			}
		}
	}
}

func repeated(o outcome, count int) (out []outcome) {
	for range count {
		out = append(out, o)
	}
	return out
}
