package ws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/testserver"
)

// TestFlood: many messages come complete and in order, in each way to receive.
func TestFlood(t *testing.T) {
	t.Parallel()
	const n = 10000
	check := func(t testing.TB, i int, m ws.Message, binary bool) bool {
		want := testserver.Numbered(i, 16)
		if _, ok := m.(ws.Text); ok == binary || !bytes.Equal(content(t, m), want) {
			t.Errorf("message %d is %s, want %q", i, describe(m), want)
			return false
		}
		return true
	}
	for _, binary := range []string{"", "1"} {
		url := fmt.Sprintf("/flood?n=%d&size=16&binary=%s", n, binary)
		t.Run("Read"+binary, func(t *testing.T) {
			t.Parallel()
			c := dial(t, url, nil)
			for i := range n {
				if !check(t, i, read(t, c), binary != "") {
					return
				}
			}
		})
		t.Run("Messages"+binary, func(t *testing.T) {
			t.Parallel()
			c := dial(t, url, nil)
			i := 0
			for m, err := range c.Messages(testContext(t)) {
				if err != nil {
					t.Fatal(err)
				}
				if !check(t, i, m, binary != "") {
					return
				}
				if i++; i == n {
					break
				}
			}
		})
		t.Run("OnMessage"+binary, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			i := 0
			dial(t, url, &ws.Options{OnMessage: func(_ *ws.Conn, m ws.Message) {
				if i >= 0 && !check(t, i, m, binary != "") {
					i = -n // further ones are as wrong
					close(done)
				}
				if i++; i == n {
					close(done)
				}
			}})
			await(t, "last message", done)
		})
	}
	t.Run("large", func(t *testing.T) {
		t.Parallel()
		c := dial(t, "/flood?n=30&size=300000&binary=1", nil)
		for i := range 30 {
			wantBuffer(t, read(t, c), testserver.Numbered(i, 300000))
		}
	})
}

func TestReceive(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := construct(t, p.URL, nil)
	server := p.accept()
	for _, s := range []string{"", "hello", "a\x00b", "é€😀", strings.Repeat("é", 50), "\uFFFD"} {
		server.frame(fin|text, s)
		wantText(t, read(t, c), s)
	}
	for _, data := range []string{"", "\x00", "\xff\xfe", strings.Repeat("\x80", 200)} {
		server.frame(fin|binaryFrame, data)
		wantBuffer(t, read(t, c), []byte(data))
	}
	server.repeat(fin|text, "0123456789abcdef", 1<<16)
	wantText(t, read(t, c), strings.Repeat("0123456789abcdef", 1<<16))
	server.repeat(fin|binaryFrame, "0123456789abcdef", 1<<16)
	wantBuffer(t, read(t, c), bytes.Repeat([]byte("0123456789abcdef"), 1<<16))
}

// TestByteOrderMark: one at the start of a text belongs to it, both ways.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	marked := []string{"\uFEFF", "\uFEFFmark", "\uFEFF\uFEFF", "\uFEFF" + strings.Repeat("x", 60)}
	t.Run("sent", func(t *testing.T) {
		p := newPeer(t)
		opened := make(chan struct{})
		c := construct(t, p.URL, &ws.Options{OnOpen: func(*ws.Conn) { close(opened) }})
		server := p.accept()
		await(t, "open event", opened)
		for _, s := range marked {
			send(t, c, ws.Text(s))
			server.wantFrame(fin|text, s)
		}
		long := "\uFEFF" + strings.Repeat("x", 100000)
		send(t, c, ws.Text(long))
		if m := server.message(); m.First != fin|text || m.Length != len(long) ||
			!strings.HasPrefix(string(m.Payload), "\uFEFFxx") {
			t.Errorf("the client sent %s", showFrame(m))
		}
	})
	t.Run("received", func(t *testing.T) {
		onHost(t, func(t testing.TB) {
			p := newPeer(t)
			c := construct(t, p.URL, nil)
			server := p.accept()
			for _, s := range marked {
				server.frame(fin|text, s)
				wantText(t, read(t, c), s)
			}
		})
	})
}

// TestFragments: a message may come in pieces, cut anywhere, with control frames between.
func TestFragments(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := construct(t, p.URL, nil)
	server := p.accept()
	server.frame(text, "\xe2\x82")
	server.frame(fin|ping, "between")
	server.wantFrame(fin|pong, "between")
	server.frame(continuation, "")
	server.frame(fin|pong, "unasked")
	server.frame(fin|continuation, "\xac")
	wantText(t, read(t, c), "€")
	server.frame(binaryFrame, "")
	server.repeat(continuation, "x", 70000)
	server.frame(fin|continuation, "")
	wantBuffer(t, read(t, c), bytes.Repeat([]byte("x"), 70000))
}

// TestBadFrames: what breaks the protocol fails the connection, and nothing wrong is delivered.
func TestBadFrames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code  ws.StatusCode // of the Close frame the server may get
		write string
	}{
		"reserved bit":         {ws.StatusProtocolError, "\xc1\x01x"},
		"reserved opcode":      {ws.StatusProtocolError, "\x83\x01x"},
		"masked":               {ws.StatusProtocolError, "\x81\x81\x00\x00\x00\x00x"},
		"continuation":         {ws.StatusProtocolError, "\x80\x01x"},
		"text in a message":    {ws.StatusProtocolError, "\x01\x01x\x81\x01y"},
		"fragmented ping":      {ws.StatusProtocolError, "\x09\x01x"},
		"long ping":            {ws.StatusProtocolError, "\x89\x7e\x00\x7e" + strings.Repeat("x", 126)},
		"1-byte close":         {ws.StatusProtocolError, "\x88\x01x"},
		"close reason":         {ws.StatusInvalidFramePayloadData, "\x88\x03\x03\xe8\xff"},
		"invalid text":         {ws.StatusInvalidFramePayloadData, "\x81\x02a\xff"},
		"invalid in fragments": {ws.StatusInvalidFramePayloadData, "\x01\x01\xe2\x80\x01a"},
		"garbage":              {ws.StatusProtocolError, strings.Repeat("HTTP/1.1 400 Bad Request\r\n", 10)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onHost(t, func(t testing.TB) {
				p := newPeer(t)
				opts := &ws.Options{}
				log := record(opts)
				c := construct(t, p.URL, opts)
				server := p.accept()
				server.texts("good")
				server.write([]byte(test.write))
				for _, f := range server.ending() {
					if f.First != fin|closeFrame {
						t.Errorf("the client sent %s", showFrame(f))
					}
				}
				log.want(t, "open OPEN", `message Text "good" OPEN`, "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)
				wantClosed(t, c, c.Err(), abnormal)
				if !onHostObject && errors.Unwrap(c.Err()) == nil {
					t.Error("the CloseError has no cause")
				}
			})
		})
	}
}

// TestSetBinaryType: the type at delivery counts, for messages that have been received before too.
func TestSetBinaryType(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := construct(t, p.URL, &ws.Options{BinaryType: ws.BinaryBlob})
	if c.BinaryType() != ws.BinaryBlob {
		t.Errorf("BinaryType %q, want %q", c.BinaryType(), ws.BinaryBlob)
	}
	server := p.accept()
	small, large := "small", strings.Repeat("l", 120000)
	// What is read first has come last: the others are in the queue when the type is changed.
	server.texts("start")
	wantText(t, read(t, c), "start")
	for range 4 {
		server.frame(fin|binaryFrame, small)
		server.repeat(fin|binaryFrame, "l", len(large))
	}
	server.texts("marker")
	server.frame(fin|ping, "all has come")
	server.wantFrame(fin|pong, "all has come")

	wantBlob(t, read(t, c), []byte(small))
	wantBlob(t, read(t, c), []byte(large))
	c.SetBinaryType(ws.BinaryArrayBuffer)
	wantBuffer(t, read(t, c), []byte(small))
	wantBuffer(t, read(t, c), []byte(large))
	c.SetBinaryType("nonsense")
	c.SetBinaryType("")
	if c.BinaryType() != ws.BinaryArrayBuffer {
		t.Errorf("BinaryType %q after values that are none, want %q", c.BinaryType(), ws.BinaryArrayBuffer)
	}
	wantBuffer(t, read(t, c), []byte(small))
	c.SetBinaryType(ws.BinaryBlob)
	wantBlob(t, read(t, c), []byte(large))
	wantBlob(t, read(t, c), []byte(small))
	c.SetBinaryType(ws.BinaryArrayBuffer)
	wantBuffer(t, read(t, c), []byte(large))
	wantText(t, read(t, c), "marker")
}

func TestSetBinaryTypeInHandler(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	var kinds []string
	done := make(chan struct{})
	construct(t, p.URL, &ws.Options{OnMessage: func(c *ws.Conn, m ws.Message) {
		kinds = append(kinds, fmt.Sprintf("%T", m))
		if c.BinaryType() == ws.BinaryBlob {
			c.SetBinaryType(ws.BinaryArrayBuffer)
		} else {
			c.SetBinaryType(ws.BinaryBlob)
		}
		if len(kinds) == 4 {
			close(done)
		}
	}})
	p.accept().write([]byte("\x82\x01a\x82\x01b\x82\x01c\x82\x01d"))
	await(t, "last message", done)
	if got, want := fmt.Sprint(kinds), "[*ws.ArrayBuffer *ws.Blob *ws.ArrayBuffer *ws.Blob]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestMessagesBreak: leaving the loop loses no message and ends nothing.
func TestMessagesBreak(t *testing.T) {
	t.Parallel()
	c := dial(t, "/flood?n=100&size=4", nil)
	for i := range 100 {
		for m, err := range c.Messages(testContext(t)) {
			if err != nil {
				t.Fatal(err)
			}
			wantText(t, m, string(testserver.Numbered(i, 4)))
			break
		}
	}
	wantState(t, c, ws.Open)
}

// TestMessagesEnd: the iterator yields the error once, also after a clean close.
func TestMessagesEnd(t *testing.T) {
	t.Parallel()
	c := dial(t, "/close?code=1000&messages=2", nil)
	for range 2 {
		var got []string
		for m, err := range c.Messages(testContext(t)) {
			got = append(got, fmt.Sprint(describe(m), " ", err))
			if (m == nil) != (err != nil) {
				t.Errorf("yielded %v and %v", m, err)
			}
			if err != nil {
				wantClosed(t, c, err, ws.CloseEvent{Code: 1000, WasClean: true})
			}
		}
		if len(got) == 0 || !strings.Contains(got[len(got)-1], "closed with 1000") {
			t.Errorf("yielded %q", got)
		}
	}
}

// TestReadsShare: several Reads get each message once.
func TestReadsShare(t *testing.T) {
	t.Parallel()
	const n, readers = 2000, 5
	c := dial(t, "/echo", nil)
	got := make(chan string, n)
	ended := make(chan error, readers)
	for range readers {
		go func() {
			for {
				m, err := c.Read(context.Background())
				if err != nil {
					ended <- err
					return
				}
				got <- string(m.(ws.Text))
			}
		}()
	}
	for i := range n {
		send(t, c, ws.Text(fmt.Sprint(i)))
	}
	seen := make(map[string]bool)
	for range n {
		m := await(t, "message", got)
		if seen[m] {
			t.Errorf("message %s came twice", m)
		}
		seen[m] = true
	}
	c.Close()
	for range readers {
		wantClosed(t, c, await(t, "end of a Read", ended), ws.CloseEvent{Code: ws.StatusNoStatusRcvd, WasClean: true})
	}
}

func TestReadWithOnMessage(t *testing.T) {
	t.Parallel()
	got := make(chan ws.Message, 1)
	c := dial(t, "/echo", &ws.Options{OnMessage: func(_ *ws.Conn, m ws.Message) { got <- m }})
	wantBoth := func() {
		t.Helper()
		m, err := c.Read(testContext(t))
		wantException(t, "Read", err, ws.ErrInvalidState)
		if m != nil {
			t.Errorf("Read returned %s besides its error", describe(m))
		}
		n := 0
		for m, err := range c.Messages(testContext(t)) {
			n++
			wantException(t, "Messages", err, ws.ErrInvalidState)
			if m != nil {
				t.Errorf("Messages yielded %s besides its error", describe(m))
			}
		}
		if n != 1 {
			t.Errorf("Messages yielded %d times", n)
		}
	}
	wantBoth()
	send(t, c, ws.Text("x"))
	wantText(t, await(t, "message", got), "x")
	c.Close()
	wait(t, c)
	wantBoth()
}

// TestMessageLimit: a message as large as the limit passes, one byte more fails the connection.
func TestMessageLimit(t *testing.T) {
	t.Parallel()
	const limit = 1000
	for name, first := range map[string]struct{ fit, exceed func(*peerConn) }{
		"text": {
			func(c *peerConn) { c.repeat(fin|text, "x", limit) },
			func(c *peerConn) { c.repeat(fin|text, "x", limit+1) },
		},
		"text counted in bytes": {
			func(c *peerConn) { c.repeat(fin|text, "é", limit/2) },
			func(c *peerConn) { c.repeat(fin|text, "é", limit/2+1) },
		},
		"binary": {
			func(c *peerConn) { c.repeat(fin|binaryFrame, "x", limit) },
			func(c *peerConn) { c.repeat(fin|binaryFrame, "x", limit+1) },
		},
		"fragments": {
			func(c *peerConn) { c.repeat(binaryFrame, "x", limit-1); c.frame(fin|continuation, "y") },
			func(c *peerConn) { c.repeat(binaryFrame, "x", limit-1); c.frame(fin|continuation, "yz") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			opts := &ws.Options{MessageLimit: limit}
			log := record(opts)
			n := 0
			opts.OnMessage = func(*ws.Conn, ws.Message) { n++ }
			c := construct(t, p.URL, opts)
			server := p.accept()
			first.fit(server)
			first.exceed(server)
			frames := server.ending()
			log.want(t, "open OPEN", "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)
			if n != 1 {
				t.Errorf("%d messages were delivered, want 1", n)
			}
			wantClosed(t, c, c.Err(), abnormal)
			if !errors.Is(c.Err(), ws.ErrMessageTooBig) {
				t.Errorf("Err is %v, want %v", c.Err(), ws.ErrMessageTooBig)
			}
			if !onHostObject {
				if len(frames) != 1 || frames[0].First != fin|closeFrame ||
					!strings.HasPrefix(string(frames[0].Payload), closeBody(1009, "")) {
					t.Errorf("the client sent %d frames, not a Close frame with 1009", len(frames))
				}
			}
		})
	}
	t.Run("counted inflated", func(t *testing.T) {
		t.Parallel()
		c := dial(t, "/echo?compress=1", &ws.Options{MessageLimit: 100000})
		letters := strings.Repeat("the same ", 10000)
		send(t, c, ws.Text(letters))
		wantText(t, read(t, c), letters)
		send(t, c, ws.Text(letters+letters))
		if m, err := c.Read(testContext(t)); m != nil || !errors.Is(err, ws.ErrMessageTooBig) {
			t.Errorf("Read returned %s, %v, want %v", describe(m), err, ws.ErrMessageTooBig)
		}
		wantClosedEverywhere(t, c, abnormal)
	})
	t.Run("Blob", func(t *testing.T) {
		t.Parallel()
		c := dial(t, "/echo", &ws.Options{MessageLimit: limit, BinaryType: ws.BinaryBlob})
		send(t, c, ws.Bytes(pattern(limit)))
		wantBlob(t, read(t, c), pattern(limit))
		send(t, c, ws.Bytes(pattern(limit+1)))
		if m, err := c.Read(testContext(t)); m != nil || !errors.Is(err, ws.ErrMessageTooBig) {
			t.Errorf("Read returned %s, %v, want %v", describe(m), err, ws.ErrMessageTooBig)
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		c := dial(t, "/echo", &ws.Options{MessageLimit: -1})
		data := pattern(3 << 20)
		send(t, c, ws.Bytes(data))
		wantBuffer(t, read(t, c), data)
	})
}

// TestPings: pings are answered while nobody reads, and while a handler blocks.
func TestPings(t *testing.T) {
	t.Parallel()
	ask := func(server *peerConn) {
		server.t.Helper()
		server.texts("nobody", "reads", "this")
		for _, payload := range []string{"", "a ping", strings.Repeat("x", 125)} {
			server.frame(fin|ping, payload)
			server.wantFrame(fin|pong, payload)
		}
	}
	t.Run("nobody reads", func(t *testing.T) {
		p := newPeer(t)
		c := construct(t, p.URL, nil)
		ask(p.accept())
		for _, want := range []string{"nobody", "reads", "this"} {
			wantText(t, read(t, c), want)
		}
	})
	t.Run("OnMessage blocks", func(t *testing.T) {
		p := newPeer(t)
		entered, leave := make(chan struct{}, 10), make(chan struct{})
		construct(t, p.URL, &ws.Options{OnMessage: func(*ws.Conn, ws.Message) {
			entered <- struct{}{}
			<-leave
		}})
		defer close(leave)
		server := p.accept()
		server.texts("block")
		await(t, "call of OnMessage", entered)
		ask(server)
		select {
		case <-entered:
			t.Error("OnMessage was called while it ran")
		default:
		}
	})
	t.Run("OnOpen blocks", func(t *testing.T) {
		p := newPeer(t)
		entered, leave := make(chan struct{}, 10), make(chan struct{})
		construct(t, p.URL, &ws.Options{OnOpen: func(*ws.Conn) {
			entered <- struct{}{}
			<-leave
		}})
		defer close(leave)
		server := p.accept()
		await(t, "call of OnOpen", entered)
		ask(server)
	})
}
