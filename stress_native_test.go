//go:build !js

package ws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// hostile does random things on a connection.
func hostile(conn net.Conn, r *rand.Rand) {
	if r.IntN(2) == 0 {
		go io.Copy(io.Discard, conn)
	}
	open := false
	for range r.IntN(400) {
		var b []byte
		switch k := r.IntN(100); {
		case k < 55:
			n := r.IntN(120)
			first := byte(fin | binaryFrame)
			if open {
				first = continuation
				if r.IntN(2) == 0 {
					first |= fin
					open = false
				}
			} else if r.IntN(3) == 0 {
				first, open = binaryFrame, true
			}
			b = append([]byte{first, byte(n)}, make([]byte, n)...)
		case k < 65:
			if open {
				continue
			}
			n := r.IntN(1<<16-200) + 200
			b = append([]byte{fin | binaryFrame, 126, byte(n >> 8), byte(n)}, make([]byte, n)...)
		case k < 80:
			b = []byte{fin | ping, 2, 1, 2}
		case k < 90:
			b = []byte{fin | pong, 4, 0, 0, 0, byte(r.IntN(5))}
		case k < 97: // a peer may be slow at any place: nothing is waited for here
			time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
			continue
		case k < 98:
			b = []byte{fin | closeFrame, 2, 0x03, 0xe8}
		case k < 99:
			conn.(*net.TCPConn).CloseWrite()
			if r.IntN(2) == 0 {
				time.Sleep(time.Millisecond) // a slow one again: both orders are fine
			}
			return
		default:
			if r.IntN(2) == 0 {
				conn.(*net.TCPConn).SetLinger(0)
				return
			}
			b = []byte{0xff}
		}
		if r.IntN(10) == 0 && len(b) > 1 {
			i := r.IntN(len(b))
			if _, err := conn.Write(b[:i]); err != nil {
				return
			}
			b = b[i:]
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
	}
	if r.IntN(3) == 0 {
		conn.(*net.TCPConn).SetLinger(0)
	}
}

// TestStress does everything at once to connections with a hostile server, and checks what must always be true.
func TestStress(t *testing.T) {
	var seed atomic.Uint64
	seed.Store(uint64(time.Now().UnixNano()))
	t.Logf("seed %d", seed.Load())
	url := rawServer(t, func(conn net.Conn) { hostile(conn, rand.New(rand.NewPCG(seed.Add(1), 1))) })
	before := ownGoroutines()
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 60 {
				stressOne(t, url, rand.New(rand.NewPCG(seed.Add(1), uint64(w*1000+i))))
				if t.Failed() {
					return
				}
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	wantNoGoroutines(t, before)
}

func stressOne(t *testing.T, url string, r *rand.Rand) {
	var mu sync.Mutex
	var events []string
	var inside atomic.Int32
	ended := make(chan struct{})
	note := func(s string) func() {
		if inside.Add(1) != 1 {
			t.Error("two handlers at once")
		}
		mu.Lock()
		events = append(events, s)
		mu.Unlock()
		return func() { inside.Add(-1) }
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	rnd := func(n int) int { mu.Lock(); defer mu.Unlock(); return r.IntN(n) }
	act := func(c *ws.Conn, handler bool) {
		switch rnd(14) {
		case 0, 1, 2:
			c.Send(ws.Bytes(make([]byte, rnd(3000))))
		case 3:
			c.Send(ws.Text("x"))
		case 4:
			short, cancel := context.WithTimeout(ctx, time.Duration(rnd(500))*time.Microsecond)
			c.Drain(short, int64(rnd(100)))
			cancel()
		case 5, 6:
			if !handler {
				short, cancel := context.WithTimeout(ctx, time.Duration(rnd(500))*time.Microsecond)
				if _, err := c.Read(short); err != nil && !errors.Is(err, ws.ErrInvalidState) &&
					!errors.Is(err, context.DeadlineExceeded) {
					var ce *ws.CloseError
					if !errors.As(err, &ce) {
						t.Errorf("Read: %v", err)
					}
				}
				cancel()
			}
		case 7:
			c.ReadyState()
			c.BufferedAmount()
			c.Err()
		case 8:
			c.SetBinaryType(ws.BinaryBlob)
		case 9:
			if rnd(8) == 0 {
				c.Close()
			}
		case 10:
			if rnd(8) == 0 {
				c.CloseWith(4000, "x")
			}
		case 11:
			runtime.Gosched()
		case 12:
			if !handler {
				short, cancel := context.WithTimeout(ctx, time.Duration(rnd(100))*time.Microsecond)
				c.Wait(short)
				cancel()
			}
		case 13:
			c.Send(ws.Bytes(make([]byte, rnd(200000))))
		}
	}
	opts := &ws.Options{ReadBuffer: int64(rnd(100000)) - 10}
	if rnd(3) == 0 {
		opts.MessageLimit = int64(rnd(60000))
	}
	if rnd(2) == 0 {
		opts.Native.PingInterval = time.Duration(1+rnd(20)) * time.Millisecond
	}
	if rnd(2) == 0 {
		opts.OnMessage = func(c *ws.Conn, m ws.Message) { defer note("message")(); act(c, true) }
	}
	opts.OnOpen = func(c *ws.Conn) { defer note("open")(); act(c, true) }
	opts.OnError = func(c *ws.Conn, err error) { defer note("error")(); act(c, true) }
	opts.OnClose = func(c *ws.Conn, ev ws.CloseEvent) { defer note("close")(); act(c, true); close(ended) }
	c, err := ws.New(url, opts)
	if err != nil {
		t.Error(err)
		return
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 40 {
				act(c, false)
			}
		})
	}
	wg.Wait()
	c.Close()
	select {
	case <-ended:
	case <-time.After(100 * time.Second):
		buf := make([]byte, 4<<20)
		t.Errorf("no end: %v state %v buffered %d\n%s", events, c.ReadyState(), c.BufferedAmount(),
			buf[:runtime.Stack(buf, true)])
		return
	}
	mu.Lock()
	defer mu.Unlock()
	state := 0
	for _, e := range events {
		n := map[string]int{"open": 1, "message": 2, "error": 3, "close": 4}[e]
		if n < state || n == state && n != 2 {
			t.Errorf("order: %v", events)
		}
		state = n
	}
	if state != 4 {
		t.Error(fmt.Sprint(events))
	}
}

// TestBufferedAmountBesideSends: however many Sends are under way, the amount is never negative.
func TestBufferedAmountBesideSends(t *testing.T) {
	t.Parallel()
	c := dial(t, "/coder/throttle?rate=400000000", nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for ctx.Err() == nil && c.Drain(ctx, 100000) == nil && c.Send(make(ws.Bytes, 15000)) == nil {
			}
		})
	}
	for range 3 {
		all.Go(func() {
			for ctx.Err() == nil {
				if n := c.BufferedAmount(); n < 0 {
					t.Errorf("BufferedAmount %d", n)
					return
				}
				runtime.Gosched()
			}
		})
	}
	all.Wait()
}
