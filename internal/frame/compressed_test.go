package frame

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// TestInflateBomb checks that a message that inflates to very much stops at the limit.
func TestInflateBomb(t *testing.T) {
	const limit = 1 << 20
	bomb := deflatetest.NewDeflater(9).Deflate(make([]byte, 16<<20))
	stream := serverFrame(0xC2, bomb)
	if len(bomb) > limit/8 {
		t.Fatalf("%d bytes", len(bomb))
	}
	r := NewReader(Client, limit, deflate.NewInflater(true))
	_, n, err := r.Next(stream)
	if e, ok := err.(*Error); !ok || e.Code != MessageTooBig || n != len(stream) {
		t.Fatalf("%d bytes used, %v", n, err)
	}
	fits := deflatetest.NewDeflater(9).Deflate(make([]byte, limit))
	r = NewReader(Client, limit, deflate.NewInflater(true))
	ev, _, err := r.Next(serverFrame(0xC2, fits))
	if err != nil || len(ev.Payload) != limit || cap(ev.Payload) > 2*limit {
		t.Fatalf("%d bytes in %d, %v", len(ev.Payload), cap(ev.Payload), err)
	}
}

func TestInflateAllocations(t *testing.T) {
	d := deflatetest.NewDeflater(6)
	rng := rand.New(rand.NewPCG(2, 2))
	var stream []byte
	for range 100 {
		stream = append(stream, serverFrame(0xC1, d.Deflate(deflatetest.Sample(rng, 0, 1000)))...)
	}
	r := NewReader(Client, -1, deflate.NewInflater(true))
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
	most := 50.0 // pools may be emptied in between
	if raceDetector {
		most = 80 // and each drops a quarter
	}
	if n := testing.AllocsPerRun(10, readAll); n > most {
		t.Errorf("%v allocations for 100 messages", n)
	}
}
