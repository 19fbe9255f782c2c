//go:build !js

package ws_test

// Thousands of short connections. Native only, because it measures the process.

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// soakServe is a server that sends back what it gets, pings, and ends in the way that the first message names.
func soakServe(conn net.Conn, in *bufio.Reader) {
	first, err := readClientFrame(in)
	if err != nil {
		return
	}
	switch string(first.payload) {
	case "reset":
		abortServer(conn)
		return
	case "cut":
		conn.Write([]byte{fin | text, 5, 'h', 'a'})
		return
	case "large, cut":
		conn.Write(append(binary.BigEndian.AppendUint64([]byte{fin | binaryFrame, 127}, 1<<30), make([]byte, 200_000)...))
		return
	case "violation":
		conn.Write([]byte(reservedFrame))
		io.Copy(io.Discard, in)
		return
	case "close":
		conn.Write(appendWireFrame(nil, fin|closeFrame, []byte(closeBody(4001, "theirs"))))
		// The answer. A client that is gone has no need of the end.
		_, _ = readClientFrame(in)
		return
	case "silent":
		io.Copy(io.Discard, in)
		return
	}
	if _, err := conn.Write(appendWireFrame([]byte{fin | ping, 0}, fin|binaryFrame, first.payload)); err != nil {
		return
	}
	for {
		f, err := readClientFrame(in)
		if err != nil {
			return
		}
		if f.first == fin|pong {
			continue
		}
		// The client may be gone; the next read tells.
		_, _ = conn.Write(appendWireFrame(nil, f.first, f.payload))
		if f.first == fin|closeFrame {
			return
		}
	}
}

// abortServer resets a connection, plain or under TLS.
func abortServer(conn net.Conn) {
	if under, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = under.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
		tcp.Close()
	}
}

// soakEndings are the ways in which a connection is used and ended: each dials one and sees it closed.
var soakEndings = map[string]func(context.Context, *wireServer, *rand.Rand) error{
	"Shutdown": func(ctx context.Context, s *wireServer, r *rand.Rand) error {
		c, err := soakEcho(ctx, s, r)
		if err != nil {
			return err
		}
		return c.Shutdown(ctx, 1000, "")
	},
	"Close": func(ctx context.Context, s *wireServer, r *rand.Rand) error {
		c, err := soakEcho(ctx, s, r)
		if err != nil {
			return err
		}
		c.Close()
		return soakEnded(ctx, c, true)
	},
	"CloseNow": func(ctx context.Context, s *wireServer, r *rand.Rand) error {
		c, err := soakEcho(ctx, s, r)
		if err != nil {
			return err
		}
		c.CloseNow()
		return soakEnded(ctx, c, false)
	},
	"CloseNow with a queue": func(ctx context.Context, s *wireServer, r *rand.Rand) error {
		c, err := soakSays(ctx, s, "silent")
		if err != nil {
			return err
		}
		for range r.IntN(10) {
			if err := c.Send(make(ws.Bytes, r.IntN(300_000))); err != nil {
				return err
			}
		}
		c.CloseNow()
		return soakEnded(ctx, c, false)
	},
	"Shutdown cancelled": func(ctx context.Context, s *wireServer, r *rand.Rand) error {
		c, err := soakSays(ctx, s, "silent")
		if err != nil {
			return err
		}
		short, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(1000))*time.Microsecond)
		defer cancel()
		if err := c.Shutdown(short, 1000, ""); err != short.Err() {
			return fmt.Errorf("Shutdown returned %w", err)
		}
		return soakEnded(ctx, c, false)
	},
	"unread messages": func(ctx context.Context, s *wireServer, r *rand.Rand) error {
		c, err := soakSays(ctx, s, "hello")
		if err != nil {
			return err
		}
		for range r.IntN(20) {
			if err := c.Send(make(ws.Bytes, r.IntN(3000))); err != nil {
				return err
			}
		}
		return c.Shutdown(ctx, 1000, "")
	},
	"cancelled Dial": func(ctx context.Context, s *wireServer, r *rand.Rand) error {
		short, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(3000))*time.Microsecond)
		defer cancel()
		c, err := ws.Dial(short, s.url, s.options())
		if err == nil {
			c.CloseNow()
			return soakEnded(ctx, c, false)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("a cancelled Dial returned %w", err)
		}
		return nil
	},
	"cancelled Read": func(ctx context.Context, s *wireServer, r *rand.Rand) error {
		c, err := soakSays(ctx, s, "silent")
		if err != nil {
			return err
		}
		short, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(500))*time.Microsecond)
		defer cancel()
		if m, err := c.Read(short); err != context.DeadlineExceeded {
			return fmt.Errorf("Read returned %v, %w", m, err)
		}
		c.CloseNow()
		return soakEnded(ctx, c, false)
	},
	"reset":      soakPeerEnds("reset", abnormal),
	"cut":        soakPeerEnds("cut", abnormal),
	"large, cut": soakPeerEnds("large, cut", abnormal),
	"violation":  soakPeerEnds("violation", abnormal),
	"close":      soakPeerEnds("close", theirs),
}

// soakSays dials and sends the first message.
func soakSays(ctx context.Context, s *wireServer, first string) (*ws.Conn, error) {
	c, err := ws.Dial(ctx, s.url, s.options())
	if err != nil {
		return nil, err
	}
	return c, c.Send(ws.Text(first))
}

// soakEcho dials, and sends and receives some messages.
func soakEcho(ctx context.Context, s *wireServer, r *rand.Rand) (*ws.Conn, error) {
	c, err := soakSays(ctx, s, "hello")
	if err != nil {
		return nil, err
	}
	if _, err := c.Read(ctx); err != nil {
		return nil, err
	}
	for range r.IntN(3) {
		want := make(ws.Bytes, r.IntN(2000))
		if err := c.Send(want); err != nil {
			return nil, err
		}
		m, err := c.Read(ctx)
		if err != nil {
			return nil, err
		}
		if got, ok := m.(*ws.ArrayBuffer); !ok || got.Len() != len(want) {
			return nil, fmt.Errorf("got %s, want %d bytes", describe(m), len(want))
		}
	}
	return c, nil
}

func soakEnded(ctx context.Context, c *ws.Conn, clean bool) error {
	ev, err := c.Wait(ctx)
	if err == nil && ev.WasClean != clean {
		err = fmt.Errorf("closed with %+v", ev)
	}
	return err
}

func soakPeerEnds(first string, want ws.CloseEvent) func(context.Context, *wireServer, *rand.Rand) error {
	return func(ctx context.Context, s *wireServer, _ *rand.Rand) error {
		c, err := soakSays(ctx, s, first)
		if err != nil {
			return err
		}
		if ev, err := c.Wait(ctx); err != nil || ev != want {
			return fmt.Errorf("%s: closed with %+v, %w", first, ev, err)
		}
		return nil
	}
}

// TestSoak opens and ends connections in every way. Afterwards goroutines, descriptors and memory are what they were.
func TestSoak(t *testing.T) {
	each := 300
	if testing.Short() || raceDetector {
		each = 25
	}
	serverTLS, client := faultTLS(t)
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %t", encrypted), func(t *testing.T) {
			s := newWireServer(t, false, soakServe)
			n := each
			if encrypted {
				s = serveWire(t, serverTLS, client, soakServe)
				n /= 3
			}
			soak(t, s, 2) // what is made once
			goroutines, descriptors, before := ownGoroutines(), openDescriptors(t), heap()
			soak(t, s, n)
			wantNoGoroutines(t, goroutines)
			wantDescriptors(t, descriptors)
			if raceDetector {
				return
			}
			after := heap()
			t.Logf("%d connections; %d descriptors and %d KiB of heap before, %d KiB after", n*len(soakEndings), descriptors,
				before>>10, after>>10)
			if after > before+1<<20 {
				t.Errorf("after %d connections the heap has %d KiB, before it had %d", n*len(soakEndings), after>>10, before>>10)
			}
		})
	}
}

// soak runs each ending n times, several at once.
func soak(t *testing.T, s *wireServer, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*limit)
	defer cancel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	type run struct {
		name string
		end  func(context.Context, *wireServer, *rand.Rand) error
	}
	runs := make(chan run)
	var all sync.WaitGroup
	var number atomic.Uint64
	for range 16 {
		all.Go(func() {
			for r := range runs {
				if err := r.end(ctx, s, rand.New(rand.NewPCG(seed, number.Add(1)))); err != nil {
					t.Errorf("%s: %v", r.name, err)
				}
			}
		})
	}
	for range n {
		for name, end := range soakEndings {
			if !t.Failed() {
				runs <- run{name, end}
			}
		}
	}
	close(runs)
	all.Wait()
}
