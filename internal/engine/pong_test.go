package engine_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// maxBehindPing is how much may leave between a ping's arrival and its pong: the documented bound.
const maxBehindPing = 256 << 10

// maxSentFrame is how long a frame may be.
const maxSentFrame = 128 << 10

const mostTries = int(^uint(0) >> 1)

// noise returns n bytes that cannot be compressed.
func noise(n int) []byte {
	data := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := 0; i+8 <= n; i += 8 {
		v := r.Uint64()
		for k := range 8 {
			data[i+k] = byte(v >> (8 * k))
		}
	}
	return data
}

// pongPlaces returns the places of pongs, and checks the length of frames.
func pongPlaces(t testing.TB, out []byte) (places []int64) {
	t.Helper()
	sentFrames(bytes.NewReader(out), func(f sent) bool {
		if f.length > maxSentFrame {
			t.Errorf("a frame has %d bytes", f.length)
		}
		if f.op == frame.Pong {
			places = append(places, f.at)
		}
		return true
	})
	return places
}

// TestPongWithinBound: whatever waits to be sent, and in messages of whatever size, at most 256 KiB of it are
// handed over between a ping's arrival and its pong, a write under way included.
func TestPongWithinBound(t *testing.T) {
	for _, size := range []int{16, 5000, 16 << 10, 100 << 10, 1 << 20, 3 << 20} {
		for _, compressed := range []bool{false, true} {
			for name, tryLimit := range map[string]int{"TCP": mostTries, "TLS": 4 << 10, "blind": 0} {
				t.Run(fmt.Sprintf("%d/compressed=%v/%s", size, compressed, name), func(t *testing.T) {
					t.Parallel()
					testPongBound(t, size, compressed, tryLimit)
				})
			}
		}
	}
}

func testPongBound(t *testing.T, size int, compressed bool, tryLimit int) {
	const backlog = 3 << 20
	r := rand.New(rand.NewPCG(uint64(size), uint64(tryLimit)))
	s, owner := newScript(tryLimit, 0), newRecorder()
	config := engine.Config{}
	if compressed {
		config.Inflater, config.Deflater = deflate.NewInflater(true), deflate.NewDeflater(15, true)
	}
	e := start(t, owner, s, config)
	data := noise(size)
	total := min(backlog, 100000*size)
	for left := total; left > 0; left -= size {
		if result := e.Send(frame.Binary, data); result != engine.Accepted {
			t.Fatalf("Send: %v", result)
		}
	}
	for round := 0; s.Written() < int64(total)-(600<<10); round++ {
		s.wait(t, "write that takes all", func() bool { return s.budget == 0 })
		before := s.Written()
		s.arrive(serverFrame(frame.Ping, true, "?"), serverFrame(frame.Text, true, "after"))
		await(t, "message after the ping", owner.messages)
		var at int64 = -1
		s.take(maxBehindPing + 7)
		s.wait(t, "write", func() bool { return s.budget == 0 })
		if places := pongPlaces(t, s.written()); len(places) == round+1 {
			at = places[round]
		}
		if at < 0 || at-before > maxBehindPing {
			t.Fatalf("round %d: the pong is at %d, the ping came at %d", round, at, before)
		}
		s.take(r.Int64N(300 << 10))
	}
}

// TestPongDuringSend: the same while a large message is being framed and written by its Send.
func TestPongDuringSend(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		t.Run(fmt.Sprintf("compressed=%v", compressed), func(t *testing.T) {
			t.Parallel()
			s, owner := newScript(mostTries, 0), newRecorder()
			config := engine.Config{}
			if compressed {
				config.Inflater, config.Deflater = deflate.NewInflater(true), deflate.NewDeflater(15, true)
			}
			e := start(t, owner, s, config)
			data := noise(4 << 20)
			var sending sync.WaitGroup
			sending.Go(func() { e.Send(frame.Binary, data) })
			r := rand.New(rand.NewPCG(1, 2))
			for s.Written() < 3<<20 {
				s.take(1 + r.Int64N(200<<10))
				s.wait(t, "write", func() bool { return s.budget == 0 })
				before := len(pongPlaces(t, s.written()))
				at := s.Written()
				s.arrive(serverFrame(frame.Ping, true, "?"), serverFrame(frame.Text, true, "after"))
				await(t, "message after the ping", owner.messages)
				s.take(maxBehindPing + 7)
				s.wait(t, "write", func() bool { return s.budget == 0 })
				places := pongPlaces(t, s.written())
				if len(places) != before+1 || places[before]-at > maxBehindPing {
					t.Fatalf("the ping came at %d, pongs are at %v", at, places)
				}
			}
			s.take(unlimited)
			sending.Wait()
		})
	}
}

// TestPongsUntilClose: pongs are answered while messages leave before our Close frame, and none follows it.
func TestPongsUntilClose(t *testing.T) {
	for name, tryLimit := range map[string]int{"TCP": mostTries, "TLS": 4 << 10, "blind": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for round := range 12 {
				r := rand.New(rand.NewPCG(uint64(round), uint64(tryLimit)))
				s, owner := newScript(tryLimit, r.Int64N(100<<10)), newRecorder()
				e := start(t, owner, s, engine.Config{PingInterval: patience})
				for _, size := range []int{1 << 20, 5000, r.IntN(20000)} {
					e.Send(frame.Binary, make([]byte, size))
				}
				e.StartClosing(1000, "")
				for pings := 0; s.Written() < 800<<10; pings++ {
					s.wait(t, "write", func() bool { return s.budget == 0 })
					s.arrive(serverFrame(frame.Ping, true, fmt.Sprint(pings)))
					if r.IntN(3) == 0 {
						e.PingDue()
					}
					s.take(1 + r.Int64N(150<<10))
					if result := e.Send(frame.Text, []byte("late")); result != engine.Refused {
						t.Fatalf("Send after StartClosing: %v", result)
					}
				}
				s.take(unlimited)
				s.arrive(serverFrame(frame.Ping, true, "late"), serverFrame(frame.Ping, true, "later"))
				s.arrive(serverFrame(frame.Close, true, "\x03\xe8"))
				await(t, "Close frame", owner.closing)
				s.wait(t, "Close frame written", func() bool {
					n := 0
					sentFrames(bytes.NewReader(s.out), func(f sent) bool {
						if f.op == frame.Close {
							n++
						}
						return true
					})
					return n == 1
				})
				s.locked(func() { s.err = errEndOfScript })
				if end := await(t, "end", owner.end); !end.Clean {
					t.Fatalf("round %d: ended with %+v", round, end)
				}
				last := sent{}
				sentFrames(bytes.NewReader(s.written()), func(f sent) bool {
					if last.op == frame.Close {
						t.Fatalf("round %d: a frame %#x follows the Close frame", round, f.op)
					}
					last = f
					return true
				})
			}
		})
	}
}

// TestNothingBehindHalfClose: nothing is queued behind a Close frame that has been written in part.
func TestNothingBehindHalfClose(t *testing.T) {
	for name, tryLimit := range map[string]int{"TCP": mostTries, "TLS": 4 << 10, "blind": 0} {
		t.Run(name, func(t *testing.T) {
			const closeLength = 6 + 2
			for taken := range int64(closeLength) {
				s, owner := newScript(tryLimit, taken), newRecorder()
				e := start(t, owner, s, engine.Config{PingInterval: patience})
				e.StartClosing(1000, "")
				s.wait(t, "write that waits", func() bool { return s.budget == 0 && s.writing })
				s.arrive(serverFrame(frame.Ping, true, "late"), serverFrame(frame.Close, true, "\x03\xe8"))
				await(t, "Close frame", owner.closing)
				e.PingDue()
				s.take(unlimited)
				s.wait(t, "Close frame", func() bool { return len(s.out) >= closeLength })
				s.locked(func() { s.err = errEndOfScript })
				if end := await(t, "end", owner.end); !end.Clean {
					t.Fatalf("ended with %+v", end)
				}
				if n := len(s.written()); n != closeLength {
					t.Errorf("%d bytes of the Close frame had been taken, and in all there were %d", taken, n)
				}
			}
		})
	}
}
