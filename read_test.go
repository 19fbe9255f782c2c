package ws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/testserver"
)

// Reads that return bytes and text: ReadBytes, ReadAppend, ReadText.

// sizes are those at which messages are handled differently.
var readSizes = []int{0, 1, 16, 125, 126, 1000, 4095, 4096, 5000, 16 << 10, 65535, 65536, 70_000, 200_000, 1 << 20}

// TestReadBytes: each message comes whole, in order, in memory of its own.
func TestReadBytes(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	var kept [][]byte
	for _, size := range readSizes {
		send(t, c, ws.Bytes(pattern(size)))
		got, err := c.ReadBytes(testContext(t))
		if err != nil || !bytes.Equal(got, pattern(size)) {
			t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
		}
		kept = append(kept, got)
	}
	send(t, c, ws.Text("täxt"))
	if got, err := c.ReadBytes(testContext(t)); err != nil || string(got) != "täxt" {
		t.Errorf("text: %q, %v", got, err)
	}
	for i, got := range kept {
		if !bytes.Equal(got, pattern(readSizes[i])) {
			t.Errorf("the message of %d bytes has changed", readSizes[i])
		}
		for j := range got {
			got[j] = 0 // is the caller's to change
		}
		_ = append(got, "more"...)
	}
}

// TestReadAppend: the message follows what dst has, in dst's memory if it has room.
func TestReadAppend(t *testing.T) {
	t.Parallel()
	for _, compress := range []string{"", "?compress=1"} {
		c := dial(t, "/echo"+compress, nil)
		for _, room := range []int{-1, 0, 10, 64 << 10, 2 << 20} {
			for _, size := range readSizes {
				var dst []byte
				if room >= 0 {
					dst = append(make([]byte, 0, 4+room), "head"...)
				}
				head := string(dst)
				send(t, c, ws.Bytes(pattern(size)))
				got, err := c.ReadAppend(testContext(t), dst)
				if err != nil || string(got[:len(head)]) != head || !bytes.Equal(got[len(head):], pattern(size)) {
					t.Fatalf("%d bytes into room for %d: %d, %v", size, room, len(got), err)
				}
				if size <= room && unsafe.SliceData(got) != unsafe.SliceData(dst) {
					t.Errorf("%d bytes did not go into room for %d", size, room)
				}
			}
		}
		send(t, c, ws.Text("täxt"))
		if got, err := c.ReadAppend(testContext(t), []byte("a ")); err != nil || string(got) != "a täxt" {
			t.Errorf("text: %q, %v", got, err)
		}
	}
}

// TestReadAppendFlood: one buffer for all messages, of several sizes at once.
func TestReadAppendFlood(t *testing.T) {
	t.Parallel()
	for _, size := range []int{16, 1000, 100_000} {
		n := min(1000, 2_000_000/size)
		for _, kind := range []string{"", "&binary=1", "&binary=1&compress=1"} {
			t.Run(fmt.Sprintf("%d%s", size, kind), func(t *testing.T) {
				t.Parallel()
				c := dial(t, fmt.Sprintf("/flood?n=%d&size=%d%s", n, size, kind), nil)
				ctx := testContext(t)
				var buf []byte
				for i := range n {
					var err error
					if buf, err = c.ReadAppend(ctx, buf[:0]); err != nil {
						t.Fatal(err)
					}
					if want := testserver.Numbered(i, size); !bytes.Equal(buf, want) {
						t.Fatalf("message %d is %.50q, want %.50q", i, buf, want)
					}
					for j := range buf {
						buf[j] = 0xdd
					}
				}
			})
		}
	}
}

// TestReadsMixed: all ways to read take turns in a flood. What Read and ReadBytes return is never written to again.
func TestReadsMixed(t *testing.T) {
	t.Parallel()
	const n, size = 3000, 300
	c := dial(t, fmt.Sprintf("/flood?n=%d&size=%d", n, size), nil)
	ctx := testContext(t)
	var buf []byte
	kept := make(map[int]func() []byte)
	for i := range n {
		var got []byte
		var err error
		switch i % 7 {
		case 0, 1, 2:
			buf, err = c.ReadAppend(ctx, buf[:0])
			got = buf
		case 3:
			got, err = c.ReadBytes(ctx)
			kept[i] = func() []byte { return got }
		case 4, 5:
			var m ws.Message
			m, err = c.Read(ctx)
			if err == nil {
				got = content(t, m)
				kept[i] = func() []byte { return content(t, m) }
			}
		case 6:
			var text string
			text, err = c.ReadText(ctx)
			got = []byte(text)
			kept[i] = func() []byte { return []byte(text) }
		}
		if err != nil || !bytes.Equal(got, testserver.Numbered(i, size)) {
			t.Fatalf("message %d is %.50q, %v", i, got, err)
		}
		if i%7 < 3 {
			clear(buf)
		}
	}
	for i, again := range kept {
		if !bytes.Equal(again(), testserver.Numbered(i, size)) {
			t.Fatalf("message %d has changed to %.50q", i, again())
		}
	}
}

// TestReadAppendOfSeveral: each of several goroutines has a buffer of its own, and gets every message whole.
func TestReadAppendOfSeveral(t *testing.T) {
	t.Parallel()
	const n, size, readers = 100, 40_000, 4
	c := dial(t, fmt.Sprintf("/flood?n=%d&size=%d", n, size), nil)
	want := make(map[string]bool)
	for i := range n {
		want[string(testserver.Numbered(i, size))] = true
	}
	ctx := testContext(t)
	var mu sync.Mutex
	left := n
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			var buf []byte
			for {
				mu.Lock()
				if left == 0 {
					mu.Unlock()
					return
				}
				left--
				mu.Unlock()
				var err error
				if buf, err = c.ReadAppend(ctx, buf[:0]); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if !want[string(buf)] {
					t.Errorf("a message of %d bytes, %.20q, is none that was sent or came twice", len(buf), buf)
				}
				delete(want, string(buf))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(want) > 0 {
		t.Errorf("%d messages have not come", len(want))
	}
}

// TestReadText: a binary message is an error and remains the next one.
func TestReadText(t *testing.T) {
	t.Parallel()
	for _, binaryType := range []ws.BinaryType{ws.BinaryArrayBuffer, ws.BinaryBlob} {
		c := dial(t, "/echo", &ws.Options{BinaryType: binaryType})
		send(t, c, ws.Text("first"), ws.Bytes("second"), ws.Text("third"), ws.Text(""))
		if got, err := c.ReadText(testContext(t)); got != "first" || err != nil {
			t.Errorf("ReadText: %q, %v", got, err)
		}
		for range 2 { // the first may wait for it
			got, err := c.ReadText(testContext(t))
			if got != "" {
				t.Errorf("ReadText of a binary message: %q", got)
			}
			wantException(t, "ReadText of a binary message", err, typeError)
		}
		if got, err := c.ReadBytes(testContext(t)); string(got) != "second" || err != nil {
			t.Errorf("ReadBytes: %q, %v", got, err)
		}
		for _, want := range []string{"third", ""} {
			if got, err := c.ReadText(testContext(t)); got != want || err != nil {
				t.Errorf("ReadText: %q, %v; want %q", got, err, want)
			}
		}
	}
}

// TestReadTextWaits: a ReadText that waits when a binary message comes leaves it to the Read behind.
func TestReadTextWaits(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	refused := make(chan error, 1)
	go func() {
		_, err := c.ReadText(testContext(t))
		refused <- err
	}()
	send(t, c, ws.Bytes("binary"))
	wantException(t, "ReadText", await(t, "end of ReadText", refused), typeError)
	wantBuffer(t, read(t, c), []byte("binary"))
}

// TestReadBytesOfBlobs: with BinaryBlob too the bytes come, and those of text.
func TestReadBytesOfBlobs(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", &ws.Options{BinaryType: ws.BinaryBlob})
	for _, size := range readSizes {
		for range 2 {
			send(t, c, ws.Bytes(pattern(size)))
		}
		if got, err := c.ReadBytes(testContext(t)); err != nil || !bytes.Equal(got, pattern(size)) {
			t.Errorf("ReadBytes: %d bytes of %d, %v", len(got), size, err)
		}
		if got, err := c.ReadAppend(testContext(t), []byte("x")); err != nil || !bytes.Equal(got[1:], pattern(size)) {
			t.Errorf("ReadAppend: %d bytes of %d, %v", len(got)-1, size, err)
		}
	}
	send(t, c, ws.Bytes("blob"), ws.Text("text"))
	wantBlob(t, read(t, c), []byte("blob"))
	if got, err := c.ReadBytes(testContext(t)); string(got) != "text" || err != nil {
		t.Errorf("ReadBytes of a text: %q, %v", got, err)
	}
}

// TestReadErrors: the errors are Read's, dst is returned with them, and the message stays next.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	send(t, c, ws.Text("stays"))
	dst := []byte("dst")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	reads := func(c *ws.Conn, ctx context.Context) (errs []error) {
		_, err := c.ReadBytes(ctx)
		got, appendErr := c.ReadAppend(ctx, dst)
		if string(got) != "dst" {
			t.Errorf("ReadAppend returns %q with %v", got, appendErr)
		}
		_, textErr := c.ReadText(ctx)
		return []error{err, appendErr, textErr}
	}
	for _, err := range reads(c, ended) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("in an ended context: %v", err)
		}
	}
	for _, err := range reads(c, nil) {
		wantException(t, "in a nil context", err, typeError)
	}
	if got, err := c.ReadText(testContext(t)); got != "stays" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
	handled := dial(t, "/echo", &ws.Options{OnMessage: func(*ws.Conn, ws.Message) {}})
	for _, err := range reads(handled, t.Context()) {
		wantException(t, "with OnMessage", err, ws.ErrInvalidState)
	}
	closing := dial(t, "/close?code=4123&reason=bye&messages=3", nil)
	wait(t, closing)
	for i := range 3 {
		got, err := closing.ReadAppend(testContext(t), nil)
		if want := fmt.Sprintf("message %d", i); err != nil || string(got) != want {
			t.Errorf("before the end: %q, %v", got, err)
		}
	}
	for _, err := range reads(closing, t.Context()) {
		wantClosed(t, closing, err, ws.CloseEvent{Code: 4123, Reason: "bye", WasClean: true})
	}
}
