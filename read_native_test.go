//go:build !js

package ws_test

// ReadAppend natively, where it reads from the network itself, into the memory that is passed to it.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// wireMessage is a message in one frame of a server.
func wireMessage(payload []byte) []byte {
	head := []byte{fin | binaryFrame}
	switch n := len(payload); {
	case n < 126:
		head = append(head, byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 126), uint16(n))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 127), uint64(n))
	}
	return append(head, payload...)
}

// TestReadAppendGivesUp: a context that ends while a long message arrives loses nothing of it, and from then on dst is
// the caller's.
func TestReadAppendGivesUp(t *testing.T) {
	t.Parallel()
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	c, conn := rawDial(t, nil)
	payload := pattern(300_000)
	message := wireMessage(payload)
	room := make([]byte, 0, 400_000)
	for i := range rounds {
		cut := 1 + i*997%(len(message)-1)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			got, err := c.ReadAppend(ctx, room)
			all := got[:cap(got)]
			for j := range all {
				all[j] = 0xdd
			}
			result <- err
		}()
		mustWrite(t, conn, message[:cut])
		spin(i % 50)
		cancel()
		if err := await(t, "end of ReadAppend", result); !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: %v", i, err)
		}
		written := make(chan error, 1)
		go func() {
			_, err := conn.Write(message[cut:])
			written <- err
		}()
		got, err := c.ReadAppend(testContext(t), room)
		if err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("round %d: %d bytes, %v", i, len(got), err)
		}
		if err := await(t, "end of the write", written); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadAppendSameContext: Reads with one context, which is watched from one to the next, all end with it.
func TestReadAppendSameContext(t *testing.T) {
	t.Parallel()
	c, conn := rawDial(t, nil)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			mustWrite(t, conn, wireMessage([]byte("message")))
			if got, err := c.ReadAppend(ctx, nil); err != nil || string(got) != "message" {
				t.Fatalf("%q, %v", got, err)
			}
		}
		// Another context between, and the same channel in a third one.
		short, stop := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := c.ReadAppend(short, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		stop()
		result := make(chan error, 1)
		go func() {
			_, err := c.ReadAppend(context.WithValue(ctx, struct{ int }{}, 1), nil)
			result <- err
		}()
		cancel()
		if err := await(t, "end of ReadAppend", result); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

// floodServer sends as many messages of a size as it is asked for, by a message with two numbers of 4 bytes.
func floodServer(t testing.TB) string {
	return rawServer(t, func(conn net.Conn) {
		var ask [6 + 8]byte
		for {
			if _, err := io.ReadFull(conn, ask[:]); err != nil {
				return
			}
			for i := range 8 {
				ask[6+i] ^= ask[2+i%4]
			}
			size, n := int(binary.BigEndian.Uint32(ask[6:])), int(binary.BigEndian.Uint32(ask[10:]))
			one := wireMessage(make([]byte, size))
			many := bytes.Repeat(one, max(1, min(n, 64<<10/len(one))))
			for n > 0 {
				part := many[:min(len(many), n*len(one))]
				if _, err := conn.Write(part); err != nil {
					return
				}
				n -= len(part) / len(one)
			}
		}
	})
}

// TestReadAppendAllocations: a message of any size allocates nothing.
func TestReadAppendAllocations(t *testing.T) {
	c := dial(t, floodServer(t), &ws.Options{Native: ws.NativeOptions{DisableCompression: true}})
	buf := make([]byte, 0, 1<<20)
	for _, size := range []int{16, 1 << 10, 64 << 10, 1 << 20} {
		n := min(5000, 128<<20/size)
		ask := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(size)), uint32(n))
		got := allocations(t, n, func() {
			if err := c.Send(ws.Bytes(ask)); err != nil {
				t.Fatal(err)
			}
			for range n {
				var err error
				if buf, err = c.ReadAppend(context.Background(), buf[:0]); err != nil || len(buf) != size {
					t.Fatal(len(buf), err)
				}
			}
		})
		t.Logf("%d bytes: %.3f allocations a message", size, got)
		if got > 0.2 {
			t.Errorf("%.2f allocations for each message of %d bytes", got, size)
		}
	}
}
