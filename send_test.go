package ws_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/testserver"
)

func blobOf(t testing.TB, contentType string, parts ...ws.Message) *ws.Blob {
	t.Helper()
	b, err := ws.NewBlob(contentType, parts...)
	if err != nil {
		t.Fatalf("NewBlob: %v", err)
	}
	return b
}

// TestEcho: every kind of message of every size comes back as it was sent, plain and compressed, by a server of this
// module and by one that shares no code with it.
func TestEcho(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"/echo", "/echo?compress=1", "/coder/echo", "/coder/echo?compress=1"} {
		for _, size := range []int{0, 1, 125, 126, 127, 32 << 10, 32<<10 + 1, 65535, 65536, 65537, 1 << 20} {
			t.Run(fmt.Sprintf("%d%s", size, server), func(t *testing.T) {
				t.Parallel()
				c := dial(t, server, nil)
				data := pattern(size)
				letters := strings.Repeat("abcde fghij ", size/12+1)[:size]

				send(t, c, ws.Text(letters))
				wantText(t, read(t, c), letters)
				for _, m := range []ws.Message{ws.Bytes(data), ws.NewArrayBuffer(data), blobOf(t, "", ws.Bytes(data))} {
					c.SetBinaryType(ws.BinaryArrayBuffer)
					send(t, c, m)
					wantBuffer(t, read(t, c), data)
					c.SetBinaryType(ws.BinaryBlob)
					send(t, c, m)
					wantBlob(t, read(t, c), data)
				}
			})
		}
	}
}

func TestSendText(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	for _, text := range []string{
		"", "\x00", "a\x00b", "é", "€", "😀", "\uFFFD", "in \uFEFF between", "in the end \uFEFF",
		"\u0080\u07ff\u0800\uffff\U00010000\U0010ffff", strings.Repeat("äöü€😀", 20000),
	} {
		send(t, c, ws.Text(text))
		wantText(t, read(t, c), text)
	}
}

// TestSendOnTheWire: nothing is added to or taken from what is sent.
func TestSendOnTheWire(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	opened := make(chan struct{})
	c := construct(t, p.URL, &ws.Options{OnOpen: func(*ws.Conn) { close(opened) }})
	server := p.accept()
	await(t, "open event", opened)
	send(t, c, ws.Text("first"))
	server.wantFrame(fin|text, "first")
	send(t, c, ws.Text("\uFEFFé"), ws.Bytes{}, ws.Text(""), ws.Bytes(nil), ws.NewArrayBuffer(nil), ws.Bytes("\x00\xff"),
		ws.NewArrayBuffer([]byte("buffer")))
	server.wantFrame(fin|text, "\xef\xbb\xbf\xc3\xa9")
	server.wantFrame(fin|binaryFrame, "")
	server.wantFrame(fin|text, "")
	server.wantFrame(fin|binaryFrame, "")
	server.wantFrame(fin|binaryFrame, "")
	server.wantFrame(fin|binaryFrame, "\x00\xff")
	server.wantFrame(fin|binaryFrame, "buffer")
}

// TestSendOrder: messages of all kinds leave in the order of the calls.
func TestSendOrder(t *testing.T) {
	t.Parallel()
	onHost(t, func(t testing.TB) {
		c := dial(t, "/count", nil)
		sum := sha256.New()
		for i := range 300 {
			data := fmt.Appendf(nil, "message %d ", i)
			if i%7 == 0 {
				data = bytes.Repeat(data, 5000)
			}
			sum.Write(data)
			switch i % 4 {
			case 0:
				send(t, c, ws.Text(data))
			case 1:
				send(t, c, ws.Bytes(data))
			case 2:
				send(t, c, ws.NewArrayBuffer(data))
			case 3:
				send(t, c, blobOf(t, "text/plain", ws.Text(data)))
			}
		}
		send(t, c, ws.Text("?"))
		seen := counted(t, c)
		if want := hex.EncodeToString(sum.Sum(nil)); seen.Texts != 75 || seen.Binaries != 225 || seen.SHA256 != want {
			t.Errorf("the server saw %+v, want 75 texts, 225 binaries and the hash %s", seen, want)
		}
	})
}

// counted reads the answer of /count.
func counted(t testing.TB, c *ws.Conn) (seen testserver.Counted) {
	t.Helper()
	if err := json.Unmarshal(content(t, read(t, c)), &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

// TestSendCopies: the data may be changed after Send, and what a message was made of after its making.
func TestSendCopies(t *testing.T) {
	t.Parallel()
	for _, size := range []int{3, 1000, 100000} {
		c := dial(t, "/echo", nil)
		original := pattern(size)
		data := bytes.Clone(original)
		buffer := ws.NewArrayBuffer(data)
		blob := blobOf(t, "", ws.Bytes(data), ws.NewArrayBuffer(data))
		send(t, c, ws.Bytes(data))
		clear(data)
		send(t, c, buffer, blob)
		wantBuffer(t, read(t, c), original)
		wantBuffer(t, read(t, c), original)
		wantBuffer(t, read(t, c), append(bytes.Clone(original), original...))
	}
}

// TestSendSizes: no message contains parts of the previous one, whatever their sizes; the browser half reuses memory by
// size.
func TestSendSizes(t *testing.T) {
	t.Parallel()
	c := dial(t, "/count", nil)
	sum := sha256.New()
	sizes := []int{
		16 << 20, 255, 256, 257, 0, 258, 1000, 256, 65535, 65536, 65537, 1000, 131072, 131073, 65538, 1 << 20, 131072,
		0, 1, 300, 299, 300, 1<<20 + 1, 65536, 16<<20 + 1, 65537, 2, 1,
	}
	for i, size := range sizes {
		data := pattern(size + i)[i:]
		sum.Write(data)
		if i%2 == 0 {
			send(t, c, ws.Bytes(data))
		} else {
			send(t, c, ws.NewArrayBuffer(data))
		}
		clear(data)
	}
	send(t, c, ws.Text("?"))
	seen := counted(t, c)
	if want := hex.EncodeToString(sum.Sum(nil)); seen.Binaries != len(sizes) || seen.SHA256 != want {
		t.Errorf("the server saw %+v, want %d binaries and the hash %s", seen, len(sizes), want)
	}
}

// badMessages are refused in every state.
func badMessages() map[string]struct {
	m    ws.Message
	kind error
} {
	type bad = struct {
		m    ws.Message
		kind error
	}
	return map[string]bad{
		"a nil Message":        {nil, typeError},
		"a nil *ArrayBuffer":   {(*ws.ArrayBuffer)(nil), typeError},
		"a nil *Blob":          {(*ws.Blob)(nil), typeError},
		"Text \\xff":           {ws.Text("\xff"), ws.ErrSyntax},
		"a cut sequence":       {ws.Text("abc\xe2\x82"), ws.ErrSyntax},
		"a surrogate":          {ws.Text("\xed\xa0\x80"), ws.ErrSyntax},
		"an overlong form":     {ws.Text("\xc0\x80"), ws.ErrSyntax},
		"beyond U+10FFFF":      {ws.Text("\xf4\x90\x80\x80"), ws.ErrSyntax},
		"invalid in the end":   {ws.Text(strings.Repeat("x", 100000) + "\x80"), ws.ErrSyntax},
		"invalid after U+FFFD": {ws.Text("\uFFFD\xff"), ws.ErrSyntax},
	}
}

func wantRefused(t testing.TB, c *ws.Conn) {
	t.Helper()
	before := c.BufferedAmount()
	for what, bad := range badMessages() {
		wantException(t, fmt.Sprintf("Send of %s in state %v", what, c.ReadyState()), c.Send(bad.m), bad.kind)
	}
	if after := c.BufferedAmount(); after != before {
		t.Errorf("BufferedAmount went from %d to %d with messages that are refused", before, after)
	}
}

// TestSendBadMessages: each is a documented error in every state, and nothing of it is sent.
func TestSendBadMessages(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	opened := make(chan struct{})
	c := construct(t, p.URL, &ws.Options{OnOpen: func(*ws.Conn) { close(opened) }})
	wantRefused(t, c)
	server := p.accept()
	await(t, "open event", opened)
	wantRefused(t, c)
	send(t, c, ws.Text("good"))
	server.wantFrame(fin|text, "good")
	c.Close()
	wantState(t, c, ws.Closing)
	wantRefused(t, c)
	server.wantFrame(fin|closeFrame, "")
	server.frame(fin|closeFrame, "")
	server.end("close")
	wait(t, c)
	wantRefused(t, c)
}

// TestSendInOtherStates: Send outside of Open is ErrInvalidState; BufferedAmount grows in Closing and Closed.
func TestSendInOtherStates(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	opened := make(chan struct{})
	c := construct(t, p.URL, &ws.Options{OnOpen: func(*ws.Conn) { close(opened) }})
	messages := []ws.Message{ws.Text("é"), ws.Bytes("123"), ws.NewArrayBuffer([]byte("1234")),
		blobOf(t, "", ws.Text("12345"))}
	const size = 2 + 3 + 4 + 5
	refused := func(want int64) {
		t.Helper()
		for _, m := range messages {
			wantException(t, fmt.Sprintf("Send in state %v", c.ReadyState()), c.Send(m), ws.ErrInvalidState)
		}
		if got := c.BufferedAmount(); got != want {
			t.Errorf("in state %v BufferedAmount is %d, want %d", c.ReadyState(), got, want)
		}
	}
	refused(0)
	server := p.accept()
	await(t, "open event", opened)
	c.Close()
	refused(size)
	server.wantFrame(fin|closeFrame, "")
	server.frame(fin|closeFrame, "")
	server.end("close")
	wait(t, c)
	refused(2 * size)
}

// TestSendSizesConcurrently: connections and goroutines that send at the same time do not write into each other's
// messages.
func TestSendSizesConcurrently(t *testing.T) {
	t.Parallel()
	sizes := []int{3, 256, 257, 5000, 65536, 65537, 200000}
	errs := make(chan error, len(sizes))
	for s, size := range sizes {
		c := dial(t, "/echo", nil)
		data := pattern(size)
		go func() {
			errs <- func() error {
				for range 10 {
					for _, m := range []ws.Message{ws.Bytes(data), ws.NewArrayBuffer(data[:size-1]),
						ws.Text("é" + strings.Repeat("x", s))} {
						if err := c.Send(m); err != nil {
							return err
						}
					}
					for _, want := range [][]byte{data, data[:size-1], []byte("é" + strings.Repeat("x", s))} {
						m, err := c.Read(testContext(t))
						if err != nil {
							return err
						}
						if got := content(t, m); !bytes.Equal(got, want) {
							return fmt.Errorf("%d bytes came back as %d others", len(want), len(got))
						}
					}
				}
				return nil
			}()
		}()
	}
	for range sizes {
		if err := await(t, "end of a sender", errs); err != nil {
			t.Error(err)
		}
	}
}

// TestSendConcurrently: messages of several goroutines are not mixed up, each goroutine's stay in their order.
func TestSendConcurrently(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo", nil)
	const senders, messages = 8, 100
	errs := make(chan error, senders)
	for s := range senders {
		go func() {
			for i := range messages {
				if err := c.Send(ws.Text(fmt.Sprintf("%d %d %s", s, i, strings.Repeat("x", i*s*10)))); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var next [senders]int
	for range senders * messages {
		var s, i int
		text := string(content(t, read(t, c)))
		if _, err := fmt.Sscanf(text, "%d %d", &s, &i); err != nil {
			t.Fatalf("%v in %.40q", err, text)
		}
		if want := fmt.Sprintf("%d %d %s", s, i, strings.Repeat("x", i*s*10)); text != want || i != next[s] {
			t.Fatalf("got %.40q of %d bytes, want message %d of sender %d", text, len(text), next[s], s)
		}
		next[s]++
	}
	for range senders {
		if err := await(t, "end of a sender", errs); err != nil {
			t.Error(err)
		}
	}
}
