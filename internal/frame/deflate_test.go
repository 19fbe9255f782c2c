package frame

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestDeflateRoundTrip compresses sequences of messages with every window and both kinds of context, and decodes them with the
// bit-by-bit decoder, which notices distances beyond the window.
func TestDeflateRoundTrip(t *testing.T) {
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		for _, keep := range []bool{true, false} {
			rng := rand.New(rand.NewPCG(uint64(bits), 1))
			d := NewDeflater(DeflateParams{ClientMaxWindowBits: bits, ClientNoContextTakeover: !keep})
			var window []byte
			compressed := 0
			for n := range 60 {
				size := rng.IntN(2000)
				if n%20 == 19 {
					size = rng.IntN(150_000)
				}
				msg := sample(rng, n, size)
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
				got, dist, ok := slowInflateDist(data, window, true)
				if !ok || !bytes.Equal(got, msg) {
					t.Fatalf("%d bits, keep %v, message %d of %d bytes: got %d bytes, %v", bits, keep, n, len(msg), len(got), ok)
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
