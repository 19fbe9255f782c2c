package ws_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/seed2c7e30c3/ws"
)

func TestNewBlob(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	part := []byte("bytes ")
	inner := blobOf(t, "image/png", ws.Text("blob "))
	b := blobOf(t, "Text/Plain;Charset=UTF-8", ws.Text("\uFEFFté "), ws.Bytes(part), ws.NewArrayBuffer([]byte("buffer ")),
		inner, inner, ws.Text(""), ws.Bytes(nil))
	clear(part)
	const want = "\uFEFFté bytes buffer blob blob "
	if b.Size() != int64(len(want)) || b.Type() != "text/plain;charset=utf-8" {
		t.Errorf("Size %d, Type %q", b.Size(), b.Type())
	}
	if data, err := b.Bytes(ctx); err != nil || string(data) != want {
		t.Errorf("Bytes %q, %v", data, err)
	}
	if buffer, err := b.ArrayBuffer(ctx); err != nil || string(buffer.Bytes()) != want || buffer.Len() != len(want) {
		t.Errorf("ArrayBuffer %q, %v", buffer.Bytes(), err)
	}
	if s, err := b.Text(ctx); err != nil || s != strings.TrimPrefix(want, "\uFEFF") {
		t.Errorf("Text %q, %v", s, err)
	}
	empty := blobOf(t, "")
	if data, err := empty.Bytes(ctx); err != nil || len(data) != 0 || empty.Size() != 0 || empty.Type() != "" {
		t.Errorf("an empty Blob has %q, %v, Size %d, Type %q", data, err, empty.Size(), empty.Type())
	}
}

func TestBlobType(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", "a": "a", "IMAGE/PNG": "image/png", "no type at all": "no type at all", "\x20~": "\x20~",
		"a\x1f": "", "a\x7f": "", "é": "", "\xff": "",
	} {
		if got := blobOf(t, given).Type(); got != want {
			t.Errorf("NewBlob(%q) has Type %q, want %q", given, got, want)
		}
		if got := blobOf(t, "a/b", ws.Text("x")).Slice(0, 1, given).Type(); got != want {
			t.Errorf("Slice with %q has Type %q, want %q", given, got, want)
		}
	}
}

func TestNewBlobBadParts(t *testing.T) {
	t.Parallel()
	for what, bad := range badMessages() {
		b, err := ws.NewBlob("", ws.Text("good"), bad.m)
		wantException(t, "NewBlob with "+what, err, bad.kind)
		if b != nil {
			t.Errorf("NewBlob with %s returned a Blob besides %v", what, err)
		}
	}
}

// slices10 are arguments of slice and what of "0123456789" they stand for.
var slices10 = []struct {
	start, end int
	want       string
}{
	{0, 10, "0123456789"}, {0, 0, ""}, {3, 5, "34"}, {5, 3, ""}, {-3, 10, "789"}, {-3, -1, "78"}, {0, -1, "012345678"},
	{-100, 2, "01"}, {8, 100, "89"}, {100, 200, ""}, {-1, -3, ""}, {-200, -100, ""}, {10, 10, ""}, {1 << 30, -1 << 30, ""},
}

func TestBlobSlice(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	b := blobOf(t, "text/plain", ws.Text("0123456789"))
	for _, s := range slices10 {
		part := b.Slice(int64(s.start), int64(s.end), "A/B")
		data, err := part.Bytes(ctx)
		if err != nil || string(data) != s.want || part.Size() != int64(len(s.want)) || part.Type() != "a/b" {
			t.Errorf("Slice(%d, %d): %q, %v, Size %d, Type %q, want %q", s.start, s.end, data, err, part.Size(), part.Type(),
				s.want)
		}
	}
	if data, err := b.Slice(2, 8, "").Slice(1, -1, "").Bytes(ctx); err != nil || string(data) != "3456" {
		t.Errorf("a slice of a slice: %q, %v", data, err)
	}
}

// TestBlobSliceType: a slice does not inherit the type.
func TestBlobSliceType(t *testing.T) {
	t.Parallel()
	if got := blobOf(t, "text/plain", ws.Text("0123456789")).Slice(1, 3, "").Type(); got != "" {
		t.Errorf("Type %q, want none", got)
	}
}

// TestBlobText: decoding as the Encoding standard says, one U+FFFD for each maximal part.
func TestBlobText(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":                          "",
		"plain":                     "plain",
		"\uFEFFmark":                "mark",
		"\uFEFF\uFEFFtwo":           "\uFEFFtwo",
		"\uFEFF":                    "",
		"a\xffb":                    "a\uFFFDb",
		"\xe2\x82":                  "\uFFFD",
		"\xe2\x82x":                 "\uFFFDx",
		"\xe2\x82\xe2\x82\xac":      "\uFFFD€",
		"\xf0\x9f\x98":              "\uFFFD",
		"\xf0\x9f\x98\xff":          "\uFFFD\uFFFD",
		"\xf0\x80\x80\x80":          "\uFFFD\uFFFD\uFFFD\uFFFD",
		"\xed\xa0\x80":              "\uFFFD\uFFFD\uFFFD",
		"\xc0\x80":                  "\uFFFD\uFFFD",
		"\xf4\x90\x80\x80":          "\uFFFD\uFFFD\uFFFD\uFFFD",
		"\xfd\x80":                  "\uFFFD\uFFFD",
		"\x80\x80":                  "\uFFFD\uFFFD",
		"\xef\xbb":                  "\uFFFD",
		"\uFFFD\xff\uFFFD":          "\uFFFD\uFFFD\uFFFD",
		"x\xf0\x9f\x98\x80\xf0\x9f": "x😀\uFFFD",
	} {
		got, err := blobOf(t, "", ws.Bytes(data)).Text(testContext(t))
		if err != nil || got != want {
			t.Errorf("Text of %q: %+q, %v, want %+q", data, got, err, want)
		}
	}
}

func TestBlobOpen(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	for _, size := range []int{0, 1, 1000, 256 << 10, 256<<10 + 1, 1 << 20} {
		data := pattern(size)
		b := blobOf(t, "", ws.Bytes(data[:size/3]), ws.Bytes(data[size/3:]))
		got, err := io.ReadAll(b.Open(ctx))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("ReadAll of %d bytes: %d bytes, %v", size, len(got), err)
		}
		got, err = io.ReadAll(iotest.OneByteReader(b.Slice(0, 2000, "").Open(ctx)))
		if want := data[:min(size, 2000)]; err != nil || !bytes.Equal(got, want) {
			t.Errorf("reading the start of %d bytes one by one: %d bytes, %v", size, len(got), err)
		}
	}
	if err := iotest.TestReader(blobOf(t, "", ws.Text("some content")).Open(ctx), []byte("some content")); err != nil {
		t.Error(err)
	}
	r := blobOf(t, "", ws.Text("some content")).Open(ctx)
	buf := make([]byte, 4)
	if n, err := r.Read(buf); n != 4 || err != nil || string(buf) != "some" {
		t.Errorf("Read: %d, %v, %q", n, err, buf)
	}
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Errorf("Read of nothing: %d, %v", n, err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if n, err := r.Read(buf); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Read after Close: %d, %v, want %v", n, err, io.ErrClosedPipe)
	}
	if err := r.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}

func TestBlobEndedContext(t *testing.T) {
	t.Parallel()
	b := blobOf(t, "", ws.Text("content"))
	ctx, cancel := context.WithCancel(t.Context())
	r := b.Open(ctx)
	cancel()
	_, err1 := b.Bytes(ctx)
	_, err2 := b.Text(ctx)
	_, err3 := b.ArrayBuffer(ctx)
	_, err4 := r.Read(make([]byte, 4))
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d with an ended context: %v, want %v", i, err, context.Canceled)
		}
	}
	if data, err := b.Bytes(testContext(t)); err != nil || string(data) != "content" {
		t.Errorf("afterwards: %q, %v", data, err)
	}
}

// TestBlobReceived: a received Blob can be read in every way, also after the connection is closed, and sent on.
func TestBlobReceived(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", &ws.Options{BinaryType: ws.BinaryBlob})
	data := pattern(300000)
	send(t, c, ws.Bytes(data))
	b, ok := read(t, c).(*ws.Blob)
	if !ok || b.Type() != "" {
		t.Fatalf("received %T, want *Blob without a type", b)
	}
	send(t, c, b.Slice(100, 1100, "ignored/type"), b)
	wantBlob(t, read(t, c), data[100:1100])
	wantBlob(t, read(t, c), data)
	c.Close()
	wait(t, c)
	got, err := io.ReadAll(b.Open(testContext(t)))
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("after the close event: %d bytes, %v", len(got), err)
	}
}

func TestBlobConcurrently(t *testing.T) {
	t.Parallel()
	b := blobOf(t, "", ws.Bytes(pattern(300000)))
	errs := make(chan error, 8)
	for i := range 8 {
		go func() {
			data, err := b.Slice(int64(i)*1000, int64(i)*1000+5000, "").Bytes(t.Context())
			if err == nil && !bytes.Equal(data, pattern(300000)[i*1000:i*1000+5000]) {
				err = errors.New("wrong bytes")
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := await(t, "end of Bytes", errs); err != nil {
			t.Error(err)
		}
	}
}
