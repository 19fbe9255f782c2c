package ws_test

import (
	"io"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

func TestArrayBuffer(t *testing.T) {
	t.Parallel()
	data := []byte("0123456789")
	b := ws.NewArrayBuffer(data)
	clear(data)
	if b.Len() != 10 || string(b.Bytes()) != "0123456789" {
		t.Errorf("Len %d, Bytes %q", b.Len(), b.Bytes())
	}
	for _, empty := range []*ws.ArrayBuffer{ws.NewArrayBuffer(nil), ws.NewArrayBuffer([]byte{}), b.Slice(3, 3)} {
		if empty.Len() != 0 || len(empty.Bytes()) != 0 {
			t.Errorf("an empty one has Len %d, Bytes %q", empty.Len(), empty.Bytes())
		}
	}
}

// eachOrigin runs a test with an ArrayBuffer of "0123456789" that was made here, and one that was received.
func eachOrigin(t *testing.T, test func(*testing.T, *ws.ArrayBuffer)) {
	t.Run("made", func(t *testing.T) { test(t, ws.NewArrayBuffer([]byte("0123456789"))) })
	t.Run("received", func(t *testing.T) {
		c := dial(t, "/echo", nil)
		send(t, c, ws.Bytes("0123456789"))
		b, ok := read(t, c).(*ws.ArrayBuffer)
		if !ok {
			t.Fatalf("received %T", b)
		}
		test(t, b)
	})
	t.Run("received in a large message", func(t *testing.T) {
		c := dial(t, "/echo", nil)
		send(t, c, ws.Bytes(append(make([]byte, 200000), "0123456789"...)))
		b, ok := read(t, c).(*ws.ArrayBuffer)
		if !ok {
			t.Fatalf("received %T", b)
		}
		test(t, b.Slice(-10, b.Len()))
	})
}

func TestArrayBufferSlice(t *testing.T) {
	t.Parallel()
	eachOrigin(t, func(t *testing.T, b *ws.ArrayBuffer) {
		for range 2 { // before and after Bytes
			for _, s := range slices10 {
				part := b.Slice(s.start, s.end)
				if part.Len() != len(s.want) || string(part.Bytes()) != s.want {
					t.Errorf("Slice(%d, %d): Len %d, %q, want %q", s.start, s.end, part.Len(), part.Bytes(), s.want)
				}
			}
			if got := string(b.Slice(2, 8).Slice(1, -1).Bytes()); got != "3456" {
				t.Errorf("a slice of a slice: %q", got)
			}
			b.Bytes()
		}
	})
}

func TestArrayBufferBytesCannotGrow(t *testing.T) {
	t.Parallel()
	eachOrigin(t, func(t *testing.T, b *ws.ArrayBuffer) {
		part := b.Slice(0, 3)
		_ = append(part.Bytes(), "xxx"...)
		if string(b.Bytes()) != "0123456789" {
			t.Errorf("appending to a slice's Bytes changed the buffer to %q", b.Bytes())
		}
	})
}

func TestArrayBufferReadAt(t *testing.T) {
	t.Parallel()
	eachOrigin(t, func(t *testing.T, b *ws.ArrayBuffer) {
		for _, test := range []struct {
			n    int
			off  int64
			want string
			err  error
		}{
			{4, 0, "0123", nil}, {4, 6, "6789", nil}, {4, 7, "789", io.EOF}, {4, 10, "", io.EOF}, {4, 1 << 40, "", io.EOF},
			{10, 0, "0123456789", nil},
			{0, 5, "", nil},
		} {
			buf := make([]byte, test.n)
			n, err := b.ReadAt(buf, test.off)
			if err != test.err || string(buf[:n]) != test.want {
				t.Errorf("ReadAt of %d bytes at %d: %q, %v, want %q, %v", test.n, test.off, buf[:n], err, test.want, test.err)
			}
		}
		if n, err := b.ReadAt(make([]byte, 1), -1); n != 0 || err == nil {
			t.Errorf("ReadAt at -1: %d, %v", n, err)
		}
		got, err := io.ReadAll(io.NewSectionReader(b, 2, 5))
		if err != nil || string(got) != "23456" {
			t.Errorf("a section: %q, %v", got, err)
		}
	})
}

// TestArrayBufferOutlivesConnection: what was received belongs to the program.
func TestArrayBufferOutlivesConnection(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	const n = 50
	var got []ws.Message
	for i := range n {
		send(t, c, ws.Bytes(pattern(i*1000)))
	}
	for range n {
		got = append(got, read(t, c))
	}
	c.Close()
	wait(t, c)
	for i, m := range got {
		wantBuffer(t, m, pattern(i*1000))
		if i > 0 {
			b := m.(*ws.ArrayBuffer)
			if once, again := b.Bytes(), b.Bytes(); &once[0] != &again[0] {
				t.Error("Bytes copies every time")
			}
		}
	}
}
