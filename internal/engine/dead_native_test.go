//go:build !js

package engine_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// Peers that are dead, on real connections. Native only, because so is what the system tells about them.

// TestDeadPeer: a peer that answers nothing is detected within two intervals, whether or not its system takes what is
// sent, and whatever the program goes on sending.
func TestDeadPeer(t *testing.T) {
	t.Parallel()
	const interval = time.Second
	for name, of := range map[string]struct {
		size  int // of the messages that the program goes on sending
		reads bool
	}{
		"idle":                  {0, false},
		"idle, reads":           {0, true},
		"small messages":        {10, false},
		"small messages, reads": {10, true},
		"large messages":        {100 << 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Timers may be late on a busy machine, never early: one try in time will do.
			var took time.Duration
			for range 4 {
				took = findDead(t, interval, of.size, of.reads)
				if took < interval {
					t.Fatalf("the peer was given up after %v", took)
				}
				if took < 2*interval+interval/2 {
					return
				}
			}
			t.Errorf("the peer was found dead after %v, with pings every %v", took, interval)
		})
	}
}

// findDead returns how long it took to find that a peer is dead after its last sign of life.
func findDead(t *testing.T, interval time.Duration, size int, reads bool) time.Duration {
	owner := newRecorder()
	e, peer := startTCP(t, owner, 0, engine.Config{PingInterval: interval})
	if reads {
		go io.Copy(io.Discard, peer)
	}
	if _, err := peer.Write(serverFrame(frame.Text, true, "alive")); err != nil {
		t.Fatal(err)
	}
	await(t, "message", owner.messages)
	began := time.Now()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case end := <-owner.end:
			if !errors.Is(end.Err, engine.ErrPongTimeout) {
				t.Errorf("ended with %+v", end)
			}
			return time.Since(began)
		case <-pace.C:
			if size > 0 {
				e.Send(frame.Binary, make([]byte, size))
			}
		case <-time.After(patience):
			t.Fatal("no end")
		}
	}
}
