//go:build !js

package netconn_test

// Large amounts, for which a browser's peer is too slow.

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// A peer that never reads, and a Write of 400 MiB with a deadline of 2 s: it returns then, and has queued little.
func TestWriteDeadlineOfLargeWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 400 MiB")
	}
	p := newPeer(t)
	go p.do(t, "accept", "conn=0")
	c, stream := dial(t, p.URL, nil)
	data := make([]byte, 400<<20)
	if err := stream.SetWriteDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := stream.Write(data)
	if !errors.Is(err, os.ErrDeadlineExceeded) || n%messageSize != 0 || n > 64<<20 {
		t.Errorf("Write: %d, %v; want a few MiB in whole messages and os.ErrDeadlineExceeded", n, err)
	}
	if c.BufferedAmount() > writeBuffer+messageSize {
		t.Errorf("%d bytes are queued", c.BufferedAmount())
	}
}

// zeros is a reader's end of a stream of zeros, which looks at how much the writer has queued.
type zeros struct {
	c    *ws.Conn
	most int64
}

func (z *zeros) Write(p []byte) (int, error) {
	z.most = max(z.most, z.c.BufferedAmount())
	for _, b := range p {
		if b != 0 {
			return 0, errors.New("a wrong byte")
		}
	}
	return len(p), nil
}

// During a Write of 1 GiB, no more is in memory at any time than WriteBuffer allows.
func TestWriteOfOneGiB(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 1 GiB")
	}
	const size = 1 << 30
	c, stream := dial(t, "/echo", nil)
	if err := stream.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	written := later(stream.Write, make([]byte, size)) // of zeros, which the system need not keep
	seen := &zeros{c: c}
	if n, err := io.CopyN(seen, stream, size); err != nil {
		t.Fatalf("after %d bytes: %v", n, err)
	}
	if r := get(t, written); r.n != size || r.err != nil {
		t.Errorf("Write: %+v", r)
	}
	if seen.most > writeBuffer+messageSize {
		t.Errorf("%d bytes were queued", seen.most)
	}
}
