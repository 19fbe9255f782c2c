package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// randomStream is messages of a server in random fragments, between which there are pings, and what comes out of them.
func randomStream(rng *rand.Rand, compress bool) (stream []byte, want []outcome) {
	deflater := deflate.NewDeflater(15, true)
	sizes := []int{0, 10, 5_000, 20_000, 70_000, 200_000}
	for range 30 {
		payload := bytes.Repeat([]byte(fmt.Sprintf("%d ", rng.IntN(1000))), sizes[rng.IntN(len(sizes))]/4)
		op := Text
		if rng.IntN(2) == 0 {
			op = Binary
			for i := range payload {
				payload[i] += byte(rng.IntN(3))
			}
		}
		data, rsv1 := payload, false
		if compress && rng.IntN(2) == 0 {
			if out, ok := deflater.Deflate(nil, payload); ok {
				data, rsv1 = out, true
			}
		}
		for first, fragments := true, 1+rng.IntN(4); ; first = false {
			fragments--
			part := data
			if fragments > 0 {
				part = data[:rng.IntN(len(data)+1)]
			}
			data = data[len(part):]
			frameOp := op
			if !first {
				frameOp = Continuation
			}
			stream = AppendUnmaskedHeader(stream, frameOp, fragments == 0, rsv1 && first, int64(len(part)))
			stream = append(stream, part...)
			if fragments == 0 {
				break
			}
			if rng.IntN(4) == 0 {
				stream = append(stream, 0x89, 1, 'p')
				want = append(want, outcome{op: Ping, payload: "p"})
			}
		}
		want = append(want, outcome{op: op, payload: string(payload)})
	}
	return stream, want
}

// TestOffer: whatever memory a Reader is offered and for how long, the same messages come, and nothing is written to
// memory that has been withdrawn.
func TestOffer(t *testing.T) {
	inRoom := 0
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		compress := seed%2 == 1
		stream, want := randomStream(rng, compress)
		var inflater *deflate.Inflater
		if compress {
			inflater = deflate.NewInflater(true)
		}
		r := NewReader(Client, -1, inflater)
		var got []outcome
		var room []byte // what is offered
		var withdrawn [][]byte
		withdraw := func() {
			if room == nil {
				return
			}
			r.Withdraw()
			all := room[:cap(room)]
			for i := range all {
				all[i] = 0xdd
			}
			withdrawn, room = append(withdrawn, all), nil
		}
		take := func(ev Event, err error) {
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got = note(got, ev, nil)
			if ev.Op != Text && ev.Op != Binary {
				return
			}
			if len(ev.Payload) > 0 && cap(room) > 0 && unsafe.SliceData(ev.Payload) == unsafe.SliceData(room) {
				inRoom++
				if ev.Owned {
					t.Fatalf("seed %d: a message in the caller's memory is Owned", seed)
				}
			}
			withdraw()
		}
		for rest := stream; len(rest) > 0; {
			switch rng.IntN(12) {
			case 0, 1, 2:
				if room == nil {
					room = make([]byte, 0, []int{1, 4_000, 64 << 10, 300_000}[rng.IntN(4)])
					r.Offer(room)
				}
			case 3:
				withdraw()
			}
			if free := r.Want(); free != nil && rng.IntN(2) == 0 {
				n := copy(free[:1+rng.IntN(len(free))], rest)
				rest = rest[n:]
				take(r.Advance(n))
				continue
			}
			buf := bytes.Clone(rest[:min(len(rest), 1+rng.IntN(30_000))])
			rest = rest[len(buf):]
			for len(buf) > 0 {
				ev, n, err := r.Next(buf)
				buf = buf[n:]
				take(ev, err)
			}
		}
		if !equal(got, want) {
			t.Fatalf("seed %d: %d events, want %d; the first that differs: %v", seed, len(got), len(want), firstOther(got, want))
		}
		for _, all := range withdrawn {
			if bytes.Count(all, []byte{0xdd}) != len(all) {
				t.Fatalf("seed %d: memory that was withdrawn has been written to", seed)
			}
		}
	}
	if inRoom < 30 {
		t.Errorf("only %d messages came in the memory that was offered", inRoom)
	}
}

func firstOther(got, want []outcome) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%v instead of %v", got[i], want[i])
		}
	}
	return "none"
}
