//go:build !js

package netconn_test

// Natively, with a server in this process that allocates nothing: what is counted is netconn's.

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/frame"
	"github.com/seed2c7e30c3/ws/netconn"
)

// echoFrames sends each frame back, unmasked.
func echoFrames(conn net.Conn, in *bufio.Reader) {
	buffer := make([]byte, 128<<10)
	for {
		if _, err := io.ReadFull(in, buffer[:2]); err != nil {
			return
		}
		opcode, length, header := frame.Opcode(buffer[0]&0xf), int(buffer[1]&0x7f), 2
		if length == 126 {
			if _, err := io.ReadFull(in, buffer[2:4]); err != nil {
				return
			}
			length, header = int(binary.BigEndian.Uint16(buffer[2:])), 4
		}
		payload := buffer[header+4:][:length]
		if length == 127 {
			return // longer than a message of netconn
		}
		if _, err := io.ReadFull(in, buffer[header:header+4+length]); err != nil {
			return
		}
		frame.Mask(payload, payload, [4]byte(buffer[header:]), 0)
		start := 4 // the header, without the mask, goes right before the payload
		copy(buffer[start:], buffer[:header])
		buffer[start+1] &= 0x7f
		if _, err := conn.Write(buffer[start : header+4+length]); err != nil || opcode == frame.Close {
			return
		}
	}
}

// echoes returns a stream whose peer sends everything back.
func echoes(t testing.TB) net.Conn {
	t.Helper()
	url := listen(t, echoFrames)
	stream, err := netconn.Dial(t.Context(), url, &ws.Options{Native: ws.NativeOptions{DisableCompression: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	})
	return stream
}

// echo writes out and reads it back into in, with a new deadline before each if there is to be one.
func echo(stream net.Conn, out, in []byte, deadlines bool) error {
	if deadlines {
		if err := stream.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
	}
	if _, err := stream.Write(out); err != nil {
		return err
	}
	_, err := io.ReadFull(stream, in)
	return err
}

func benchmarkEcho(b *testing.B, size int, deadlines bool) {
	stream := echoes(b)
	out, in := make([]byte, size), make([]byte, size)
	b.SetBytes(int64(2 * size))
	b.ReportAllocs()
	for b.Loop() {
		if err := echo(stream, out, in, deadlines); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEcho100B(b *testing.B)          { benchmarkEcho(b, 100, false) }
func BenchmarkEcho100BDeadline(b *testing.B)  { benchmarkEcho(b, 100, true) }
func BenchmarkEcho64KiB(b *testing.B)         { benchmarkEcho(b, 64<<10, false) }
func BenchmarkEcho64KiBDeadline(b *testing.B) { benchmarkEcho(b, 64<<10, true) }

// TestEchoAllocates: an echo over a stream allocates next to nothing, deadlines included.
func TestEchoAllocates(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector a sync.Pool drops items at random, so allocations say nothing about the package")
	}
	const n = 200
	for _, size := range []int{100, 64 << 10} {
		for _, deadlines := range []bool{false, true} {
			stream := echoes(t)
			out, in := make([]byte, size), make([]byte, size)
			allocations, bytes := least(t, n, func() error { return echo(stream, out, in, deadlines) })
			if allocations > 2 || bytes > 1<<10 {
				t.Errorf("%d bytes, deadlines %v: %.1f allocations and %.0f bytes an echo", size, deadlines, allocations, bytes)
			}
		}
	}
}

// least returns how many allocations, and of how many bytes, each of n calls makes: the least of some tries, as others
// may run at the same time.
func least(t *testing.T, n int, f func() error) (allocations, bytes float64) {
	t.Helper()
	for try := range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		mallocs, total := float64(after.Mallocs-before.Mallocs)/float64(n),
			float64(after.TotalAlloc-before.TotalAlloc)/float64(n)
		if try == 0 || mallocs < allocations {
			allocations = mallocs
		}
		if try == 0 || total < bytes {
			bytes = total
		}
	}
	return allocations, bytes
}
