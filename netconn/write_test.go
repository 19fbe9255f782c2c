package netconn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
)

// A server that takes messages of 32 KiB at most gets a Write of 1 MiB.
func TestServerWithLimit(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/echo?limit=32768", "/echo?limit=32768&compress=1"} {
		_, stream := dial(t, target, nil)
		sent := bytes.Repeat([]byte("publish "), 1<<20/8)
		written := later(stream.Write, sent)
		received := make([]byte, len(sent))
		if n, err := io.ReadFull(stream, received); err != nil {
			t.Fatalf("%s: after %d bytes: %v", target, n, err)
		}
		if r := get(t, written); r.n != len(sent) || r.err != nil {
			t.Errorf("%s: Write: %+v", target, r)
		}
		if !bytes.Equal(received, sent) {
			t.Errorf("%s: what came back is not what was sent", target)
		}
	}
}

// stream returns the net.Conn of a Config, on a connection to the peer.
func (p peer) stream(t *testing.T, config netconn.Config) (*ws.Conn, net.Conn) {
	t.Helper()
	go p.do(t, "accept", "conn=0")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	stream, err := config.Dial(ctx, p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hangUp(t, stream) })
	return stream.(netconn.Unwrapper).WebSocket(), stream
}

// wants checks what the peer gets until the Close frame.
func (p peer) wants(t *testing.T, opcode int, parts ...string) {
	t.Helper()
	for i, want := range parts {
		gotOpcode, length, got := p.message(t)
		if gotOpcode != opcode || length != len(want) || !strings.HasPrefix(want, got) {
			t.Errorf("message %d: opcode %d, %d bytes %.50q; want %d, %d bytes %.50q",
				i, gotOpcode, length, got, opcode, len(want), want)
		}
	}
	if opcode, _, got := p.message(t); opcode != 8 {
		t.Errorf("after %d messages: opcode %d, %.50q; want the Close frame", len(parts), opcode, got)
	}
	p.do(t, "end", "conn=0&how=close")
}

func TestMessageSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		size  int
		write string
		want  []string
	}{
		{3, "abcdefgh", []string{"abc", "def", "gh"}},
		{3, "abcdef", []string{"abc", "def"}},
		{1, "ab", []string{"a", "b"}},
		{-1, strings.Repeat("x", 100_000), []string{strings.Repeat("x", 100_000)}},
		{0, strings.Repeat("x", 32769), []string{strings.Repeat("x", 32768), "x"}},
	} {
		p := newPeer(t)
		_, stream := p.stream(t, netconn.Config{MessageSize: test.size})
		if n, err := stream.Write([]byte(test.write)); n != len(test.write) || err != nil {
			t.Errorf("size %d: Write: %d, %v", test.size, n, err)
		}
		if err := stream.Close(); err != nil {
			t.Errorf("size %d: Close: %v", test.size, err)
		}
		p.wants(t, 2, test.want...)
	}
}

// Text leaves in whole characters, however it is written.
func TestText(t *testing.T) {
	t.Parallel()
	const text = "aä€𝄞z"
	for _, size := range []int{1, 4, 5, 6, 7, 1000} {
		for step := 1; step <= len(text); step++ {
			p := newPeer(t)
			_, stream := p.stream(t, netconn.Config{Text: true, MessageSize: size})
			for rest := []byte(text); len(rest) > 0; {
				part := rest[:min(step, len(rest))]
				rest = rest[len(part):]
				if n, err := stream.Write(part); n != len(part) || err != nil {
					t.Fatalf("Write: %d, %v", n, err)
				}
				clear(part) // is the caller's again
			}
			if err := stream.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			var got strings.Builder
			for {
				opcode, _, part := p.message(t)
				if opcode == 8 {
					break
				}
				if opcode != 1 || part == "" || len(part) > max(4, size) || !utf8.ValidString(part) {
					t.Errorf("size %d, step %d: the peer got opcode %d, %q", size, step, opcode, part)
				}
				got.WriteString(part)
			}
			if got.String() != text {
				t.Errorf("size %d, step %d: the peer got %q in all", size, step, got.String())
			}
			p.do(t, "end", "conn=0&how=close")
		}
	}
}

// Nothing that is not UTF-8 leaves.
func TestTextInvalid(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		writes []string
		n      int // of the last Write
		at     string
		want   []string
		close  bool // fails
	}{
		{[]string{"ab\xffcd"}, 2, "byte 2", []string{"ab"}, false},
		{[]string{"\xff"}, 0, "byte 0", nil, false},
		{[]string{"x", "\xe2", "\x82z"}, 0, "byte 0", []string{"x"}, true},
		{[]string{"a\xe2\x82"}, 3, "", []string{"a"}, true},
		{[]string{"\xed\xa0\x80"}, 0, "byte 0", nil, false}, // half of a surrogate pair
		{[]string{"abc", strings.Repeat("ä", 20_000) + "\xc3ä"}, 40_000, "byte 40000", []string{
			"abc", strings.Repeat("ä", 16384), strings.Repeat("ä", 20_000-16384),
		}, false},
	} {
		p := newPeer(t)
		_, stream := p.stream(t, netconn.Config{Text: true})
		for i, write := range test.writes {
			n, err := stream.Write([]byte(write))
			last := i == len(test.writes)-1
			switch {
			case last && test.at != "":
				if n != test.n || !errors.Is(err, ws.ErrSyntax) || !strings.Contains(err.Error(), test.at) {
					t.Errorf("%.20q: Write: %d, %v; want %d and ErrSyntax at %s", test.writes, n, err, test.n, test.at)
				}
			case n != len(write) || err != nil:
				t.Errorf("%.20q: Write: %d, %v", test.writes, n, err)
			}
		}
		var op *net.OpError
		err := stream.Close()
		if failed := errors.Is(err, ws.ErrSyntax) && errors.As(err, &op); failed != test.close || !failed && err != nil {
			t.Errorf("%.20q: Close: %v", test.writes, err)
		}
		if err := stream.Close(); err != nil {
			t.Errorf("%.20q: the second Close: %v", test.writes, err)
		}
		p.wants(t, 1, test.want...)
	}
}

// A connection that is lost in the middle of a Write: n is what was queued. A host that takes everything and does not
// tell of the loss before the event loop goes on lets the Write succeed; the next one fails.
func TestLostInWrite(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c, stream := p.stream(t, netconn.Config{})
	const size = 64 << 20
	written := later(stream.Write, make([]byte, size))
	for range 10 {
		p.next(t)
	}
	p.do(t, "end", "conn=0&how=reset")
	r := get(t, written)
	if r.n < 10*messageSize || r.n%messageSize != 0 || (r.n == size) != (r.err == nil) {
		t.Errorf("Write: %+v", r)
	}
	if r.err == nil && os.Getenv("WS_TEST_HOST") != "" {
		wait(t, c)
		_, r.err = stream.Write([]byte("x"))
	}
	var closed *ws.CloseError
	if !errors.As(r.err, &closed) && !errors.Is(r.err, ws.ErrInvalidState) {
		t.Errorf("Write: %v", r.err)
	}
}

// The smallest Writes.
func TestSmallWrites(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	_, stream := p.stream(t, netconn.Config{})
	for _, write := range []string{"", "a", "", "b"} {
		if n, err := stream.Write([]byte(write)); n != len(write) || err != nil {
			t.Errorf("Write of %q: %d, %v", write, n, err)
		}
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	p.wants(t, 2, "a", "b")
}

// Bad connections: each method says what is wrong, and none panics.
func TestBadConn(t *testing.T) {
	t.Parallel()
	typeError := &ws.Exception{Name: "TypeError"}
	stream := netconn.New(nil)
	p := make([]byte, 1)
	n, err := stream.Read(p)
	failsWith(t, "Read of nil", n, err, typeError)
	n, err = stream.Write(p)
	failsWith(t, "Write to nil", n, err, typeError)
	for what, err := range map[string]error{
		"Close": stream.Close(), "SetDeadline": stream.SetDeadline(time.Now()),
		"SetReadDeadline": stream.SetReadDeadline(time.Now()), "SetWriteDeadline": stream.SetWriteDeadline(time.Now()),
	} {
		failsWith(t, what+" of nil", 0, err, typeError)
	}
	if a := stream.LocalAddr(); a.Network() != "websocket" {
		t.Errorf("LocalAddr of nil: %v", a)
	}
	if a := stream.RemoteAddr(); a.Network() != "websocket" {
		t.Errorf("RemoteAddr of nil: %v", a)
	}
	if c := stream.(netconn.Unwrapper).WebSocket(); c != nil {
		t.Errorf("WebSocket of nil: %v", c)
	}

	_, err = netconn.Dial(t.Context(), server(t)+"/echo", &ws.Options{OnMessage: func(*ws.Conn, ws.Message) {}})
	failsWith(t, "Dial with OnMessage", 0, err, ws.ErrInvalidState)
	_, err = netconn.Dial(t.Context(), "nonsense://", nil)
	failsWith(t, "Dial of nonsense", 0, err, ws.ErrSyntax)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = netconn.Dial(ended, server(t)+"/echo", nil)
	failsWith(t, "Dial in an ended context", 0, err, context.Canceled)
}

// A connection that the program is closing: nothing is sent any more, and Read waits for the end.
func TestClosingConn(t *testing.T) {
	t.Parallel()
	peer := newPeer(t)
	c, stream := peer.stream(t, netconn.Config{})
	if err := c.CloseWith(4000, "bye"); err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{nil, []byte("x"), make([]byte, 100_000)} {
		n, err := stream.Write(p)
		failsWith(t, "Write", n, err, ws.ErrInvalidState)
	}
	reading := later(stream.Read, make([]byte, 1))
	peer.do(t, "frame", "conn=0&first=88&hex=0fa0")
	peer.do(t, "end", "conn=0&how=close")
	var closed *ws.CloseError
	if r := get(t, reading); r.n != 0 || !errors.As(r.err, &closed) || closed.Code != 4000 {
		t.Errorf("Read: %+v, want the *ws.CloseError 4000", r)
	}
	n, err := stream.Write(nil)
	if n != 0 || !errors.As(err, &closed) {
		t.Errorf("Write on the closed connection: %d, %v", n, err)
	}
}
