package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// held is how much memory a Reader has for the message under way.
func held(r *Reader) int {
	n := cap(bodyOf(r).data)
	for _, part := range bodyOf(r).parts {
		n += cap(part)
	}
	return n
}

// gauge follows the memory of messages.
type gauge struct {
	r      *Reader
	before int
	peak   int // the most that there has been at one time
}

// step is called after each call of r. What was there and has been moved was there while what is there now was made.
func (g *gauge) step(moved bool, delivered []byte) {
	now := held(g.r) + cap(delivered)
	if moved {
		now += g.before
	}
	g.peak = max(g.peak, now)
	g.before = held(g.r)
}

// measure reads a message through Next in pieces of a size, and through Want and Advance, and returns it with the
// most memory that there has been for it. Before the parts are joined, a last one that is not full is moved, which
// the gauge does not see: it is subtracted.
func measure(t *testing.T, r *Reader, stream []byte, piece int) (payload []byte, peak int) {
	t.Helper()
	g := gauge{r: r}
	buf := make([]byte, piece)
	for len(stream) > 0 {
		first := unsafe.SliceData(bodyOf(r).data)
		if len(bodyOf(r).parts) > 0 {
			first = unsafe.SliceData(bodyOf(r).parts[0])
		}
		var ev Event
		var err error
		want := r.Want()
		g.step(false, nil)
		unused := bodyOf(r).free()
		if want != nil {
			k := copy(want, stream[:min(piece, len(stream))])
			stream = stream[k:]
			unused -= k
			ev, err = r.Advance(k)
		} else {
			k := copy(buf, stream)
			rest := buf[:k]
			for len(rest) > 0 && err == nil && ev.Op == Continuation {
				var n int
				ev, n, err = r.Next(rest)
				rest = rest[n:]
			}
			unused = max(0, unused-k)
			stream = stream[k-len(rest):]
		}
		if err != nil {
			t.Fatal(err)
		}
		now := unsafe.SliceData(bodyOf(r).data)
		if len(bodyOf(r).parts) > 0 {
			now = unsafe.SliceData(bodyOf(r).parts[0])
		}
		if ev.Op == Continuation {
			g.step(first != nil && first != now, nil)
			continue
		}
		if !ev.Owned {
			ev.Payload = slices.Clip(bytes.Clone(ev.Payload))
		}
		if unused > spare {
			g.before -= unused
		}
		g.step(first != unsafe.SliceData(ev.Payload), ev.Payload)
		return ev.Payload, g.peak
	}
	t.Fatal("no message")
	return nil, 0
}

// TestBodyMemory: whatever way a message comes, it takes no more than twice its length at any time, or 128 KiB
// beyond its length, and is delivered in at most 1.25 times its length.
func TestBodyMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 21))
	pieces := []int{1000, 64 << 10, 1 << 20}
	if testing.Short() || raceDetector {
		pieces = pieces[1:2]
	}
	for _, size := range []int{1, 20, 500, 1000, 3000, 5000, 20_000, 65_536, 65_537, 100_000, 200_001, 1 << 20, 1<<20 + 1,
		5_000_001} {
		if raceDetector && size > 300_000 {
			continue
		}
		msg := deflatetest.Sample(rng, 2, size)
		streams := map[string][]byte{"whole": serverFrame(0x82, msg)}
		for _, fragment := range []int{1, 100, 5_000, 20_000, 65_536, 128 << 10, 1 << 20, size - 1, size/2 + 1} {
			if fragment < 1 || fragment > size || size/fragment > 3000 {
				continue
			}
			streams[fmt.Sprintf("fragments of %d", fragment)] = fragments(msg, func() int { return fragment })
		}
		streams["fragments of any size"] = fragments(msg, func() int { return 1 + rng.IntN(size/2+1) })
		streams["first fragment tiny"] = fragments(msg, func() func() int {
			n := 1
			return func() int { defer func() { n = size }(); return n }
		}())
		for level, name := range map[int]string{0: "stored", 1: "fast", 9: "small", -2: "huffman"} {
			data := deflatetest.NewDeflater(level).Deflate(msg)
			streams["compressed, "+name] = serverFrame(0xC2, data)
			streams["compressed, fragments, "+name] = fragments(data, func() int { return 1 + rng.IntN(len(data)/3+2) })
			streams["compressed, fragments, "+name][0] |= rsv1Bit
		}
		// What has come promises more than what follows, and less.
		flat := append(make([]byte, size/2), deflatetest.Sample(rng, 1, size/2)...)
		streams["compressed, less and less"] = serverFrame(0xC2, deflatetest.NewDeflater(6).Deflate(flat))
		steep := append(deflatetest.Sample(rng, 1, size/2), make([]byte, size/2)...)
		streams["compressed, more and more"] = serverFrame(0xC2, deflatetest.NewDeflater(6).Deflate(steep))
		for name, stream := range streams {
			for _, piece := range pieces {
				for _, keep := range []bool{true, false} {
					for _, limit := range []int{-1, size} {
						if piece == 1000 && size > 100_000 || keep == (limit < 0) {
							continue
						}
						got, peak := measure(t, NewReader(Client, int64(limit), deflate.NewInflater(keep)), stream, piece)
						n := len(got)
						want := msg
						switch name {
						case "compressed, less and less":
							want = flat
						case "compressed, more and more":
							want = steep
						}
						if !bytes.Equal(got, want) {
							t.Fatalf("%d bytes, %s: got others", size, name)
						}
						if peak > max(2*n+spare, n+guessEnd) {
							t.Errorf("%d bytes, %s, pieces of %d, keep %v: %d bytes of memory, %.2f times the message",
								n, name, piece, keep, peak, float64(peak)/float64(n))
						}
						if cap(got) > n+n/4 {
							t.Errorf("%d bytes, %s, pieces of %d, keep %v: delivered in %d bytes", n, name, piece, keep, cap(got))
						}
					}
				}
			}
		}
	}
}

// fragments cuts a message.
func fragments(msg []byte, next func() int) (stream []byte) {
	first := byte(2)
	for {
		n := next()
		if n >= len(msg) {
			return append(stream, serverFrame(first|0x80, msg)...)
		}
		stream = append(stream, serverFrame(first, msg[:n])...)
		msg, first = msg[n:], 0
	}
}

// TestBodyArrived: while a message arrives in fragments its memory is bounded by what has arrived, whatever the
// headers announce.
func TestBodyArrived(t *testing.T) {
	const size = 32 << 20
	for _, fin := range []byte{0, 0x80} {
		r := NewReader(Client, -1, nil)
		arrived := 0
		next := func(stream []byte) {
			t.Helper()
			if _, _, err := r.Next(stream); err != nil {
				t.Fatal(err)
			}
			if h := held(r); h > max(partSize, growth*arrived, min(headStart*arrived, headStartEnd)) {
				t.Fatalf("fin %#x, after %d bytes: %d allocated", fin, arrived, h)
			}
		}
		for first := byte(2); arrived < 300_000; first = 0 {
			arrived += 1000
			next(serverFrame(first, make([]byte, 1000)))
		}
		next(serverFrame(fin, make([]byte, size))[:10])
		for buf := make([]byte, 10_000); arrived < size; {
			arrived += len(buf)
			next(buf)
			if want := r.Want(); want != nil && arrived+len(want) < size {
				arrived += len(want)
				if _, err := r.Advance(len(want)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestReaderRelease checks that nothing is held afterwards, and what later calls return.
func TestReaderRelease(t *testing.T) {
	inflater := deflate.NewInflater(true)
	r := NewReader(Client, -1, inflater)
	d := deflatetest.NewDeflater(6)
	r.Next(serverFrame(0xC1, d.Deflate([]byte("hello"))))
	r.Next(serverFrame(0x41, d.Deflate(make([]byte, 1<<20))))
	r.Release()
	if r.deflate != nil || held(r) > 0 || r.MidMessage() || r.Want() != nil {
		t.Errorf("after Release: %+v", r)
	}
	if _, _, err := r.Next([]byte("\x81\x00")); err != ErrReleased {
		t.Errorf("Next: %v", err)
	}
	if n, _ := r.Burst([]byte("\x81\x00"), make([]Event, 1)); n != 0 {
		t.Error("Burst after Release")
	}
}

// bodyOf is the memory of the message under way, if there is one.
func bodyOf(r *Reader) *body {
	if r.partial == nil {
		return new(body)
	}
	return &r.body
}
