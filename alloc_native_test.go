//go:build !js

package ws_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// Allocations per message. Native only, because in a browser each message is an object of the host.

// allocations returns how many allocations f makes for each of n messages. Others may run at the same time, so it
// is the least of some tries.
func allocations(t *testing.T, n int, f func()) float64 {
	t.Helper()
	if raceDetector {
		t.Skip("under the race detector a sync.Pool drops items at random, so allocations say nothing about the package")
	}
	least := -1.0
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		if per := float64(after.Mallocs-before.Mallocs) / float64(n); least < 0 || per < least {
			least = per
		}
	}
	return least
}

func TestSendAllocations(t *testing.T) {
	url := rawServer(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	c := dial(t, url, &ws.Options{Native: ws.NativeOptions{DisableCompression: true}})
	for _, size := range []int{16, 1 << 10, 64 << 10} {
		n := min(20000, 64<<20/size)
		var message ws.Message = ws.Bytes(make([]byte, size))
		got := allocations(t, n, func() {
			for i := range n {
				if err := c.Send(message); err != nil {
					t.Fatal(err)
				}
				if i*size%(1<<20) < size {
					if err := c.Drain(context.Background(), 1<<20); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := c.Drain(context.Background(), 0); err != nil {
				t.Fatal(err)
			}
		})
		if got > 0.1 {
			t.Errorf("%.2f allocations for each message of %d bytes", got, size)
		}
	}
}

func TestReceiveAllocations(t *testing.T) {
	const most = 20000
	url := rawServer(t, func(conn net.Conn) {
		frames := make(map[int][]byte)
		for _, size := range []int{16, 1 << 10} {
			frame := append(binary.BigEndian.AppendUint16([]byte{fin | binaryFrame, 126}, uint16(size)), make([]byte, size)...)
			if size < 126 {
				frame = append([]byte{fin | binaryFrame, byte(size)}, make([]byte, size)...)
			}
			for range most {
				frames[size] = append(frames[size], frame...)
			}
		}
		var ask [6 + 2]byte // a masked message of two bytes
		for {
			if _, err := io.ReadFull(conn, ask[:]); err != nil {
				return
			}
			size := int(binary.BigEndian.Uint16([]byte{ask[6] ^ ask[2], ask[7] ^ ask[3]}))
			if _, err := conn.Write(frames[size]); err != nil {
				return
			}
		}
	})
	c := dial(t, url, &ws.Options{Native: ws.NativeOptions{DisableCompression: true}})
	// One of two is the message's own memory. Six messages of 16 B share one, as many as fit into the 256 bytes that
	// one of them may keep: TestEndKept.
	for size, limit := range map[int]float64{16: 0.2, 1 << 10: 2.1} {
		got := allocations(t, most, func() {
			if err := c.Send(ws.Bytes(binary.BigEndian.AppendUint16(nil, uint16(size)))); err != nil {
				t.Fatal(err)
			}
			for range most {
				if _, err := c.Read(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		})
		if got > limit {
			t.Errorf("%.2f allocations for each message of %d bytes, want at most %v", got, size, limit)
		}
	}
}
