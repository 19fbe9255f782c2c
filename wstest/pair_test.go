package wstest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// pair calls Pair for ends that must open.
func pair(t testing.TB, opts *wstest.Options) (client, server *ws.Conn) {
	t.Helper()
	client, server, err := wstest.Pair(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseNow()
		server.CloseNow()
	})
	return client, server
}

// bothWays runs a test twice: a is the client's end, and the server's.
func bothWays(t *testing.T, test func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn))) {
	t.Run("client", func(t *testing.T) {
		test(t, func(a, b *ws.Options) (*ws.Conn, *ws.Conn) { return pair(t, &wstest.Options{Client: a, Server: b}) })
	})
	t.Run("server", func(t *testing.T) {
		test(t, func(a, b *ws.Options) (*ws.Conn, *ws.Conn) {
			client, server := pair(t, &wstest.Options{Client: b, Server: a})
			return server, client
		})
	})
}

func send(t testing.TB, c *ws.Conn, messages ...ws.Message) {
	t.Helper()
	for _, m := range messages {
		if err := c.Send(m); err != nil {
			t.Fatalf("Send(%T): %v", m, err)
		}
	}
}

func read(t testing.TB, c *ws.Conn) ws.Message {
	t.Helper()
	m, err := c.Read(within(t))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return m
}

func wait(t testing.TB, c *ws.Conn) ws.CloseEvent {
	t.Helper()
	e, err := c.Wait(within(t))
	if err != nil {
		t.Fatalf("Wait: %v, in state %v", err, c.ReadyState())
	}
	return e
}

func content(t testing.TB, m ws.Message) []byte {
	t.Helper()
	switch m := m.(type) {
	case ws.Text:
		return []byte(m)
	case *ws.ArrayBuffer:
		return m.Bytes()
	case *ws.Blob:
		data, err := m.Bytes(within(t))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	t.Fatalf("received %T", m)
	return nil
}

func blobOf(t testing.TB, parts ...ws.Message) *ws.Blob {
	t.Helper()
	b, err := ws.NewBlob("", parts...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPairOpens: the ends are Open, with the attributes that a dialled and an accepted one have.
func TestPairOpens(t *testing.T) {
	t.Parallel()
	client, server := pair(t, nil)
	for name, c := range map[string]*ws.Conn{"client": client, "server": server} {
		if c.ReadyState() != ws.Open || c.URL() != "ws://wstest.invalid/" || c.Protocol() != "" ||
			c.BinaryType() != ws.BinaryArrayBuffer || c.BufferedAmount() != 0 || c.Err() != nil {
			t.Errorf("the %s is %v, %q, %q, %v, %d, %v",
				name, c.ReadyState(), c.URL(), c.Protocol(), c.BinaryType(), c.BufferedAmount(), c.Err())
		}
	}
}

// TestPairMessages: every kind of message arrives in order, as the BinaryType of the other end says.
func TestPairMessages(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		a, b := pair(nil, nil)
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
		buffer := ws.NewArrayBuffer([]byte("buffer"))
		send(t, a, ws.Text(""), ws.Text("ä\x00\U0001F451"), ws.Bytes(nil), ws.Bytes("bytes"), buffer, buffer.Slice(1, 3),
			blobOf(t, ws.Text("a "), ws.Bytes("blob")), new(ws.Blob), ws.Bytes(large), ws.Text(large), ws.Text("last"))
		for _, want := range []ws.Message{
			ws.Text(""), ws.Text("ä\x00\U0001F451"), ws.Bytes(nil), ws.Bytes("bytes"), ws.Bytes("buffer"), ws.Bytes("uf"),
			ws.Bytes("a blob"), ws.Bytes(nil), ws.Bytes(large), ws.Text(large), ws.Text("last"),
		} {
			got := read(t, b)
			switch want := want.(type) {
			case ws.Text:
				if got != ws.Message(want) {
					t.Fatalf("received %.40v, want %.40v", got, want)
				}
			case ws.Bytes:
				if array, ok := got.(*ws.ArrayBuffer); !ok || !bytes.Equal(array.Bytes(), want) {
					t.Fatalf("received %.40v, want %d bytes", got, len(want))
				}
			}
		}
		// The data is copied before Send returns.
		data := []byte("first")
		send(t, a, ws.Bytes(data))
		copy(data, "other")
		if got := content(t, read(t, b)); string(got) != "first" {
			t.Errorf("received %q", got)
		}
	})
}

// TestPairBinaryType: the receiver chooses the type of binary messages.
func TestPairBinaryType(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		a, b := pair(nil, &ws.Options{BinaryType: ws.BinaryBlob})
		send(t, a, ws.Bytes("one"), blobOf(t, ws.Text("two")))
		for _, want := range []string{"one", "two"} {
			if m, ok := read(t, b).(*ws.Blob); !ok || string(content(t, m)) != want || m.Size() != 3 {
				t.Errorf("received %v, want a Blob of %q", m, want)
			}
		}
		b.SetBinaryType(ws.BinaryArrayBuffer)
		send(t, a, ws.Bytes("three"))
		if m, ok := read(t, b).(*ws.ArrayBuffer); !ok || string(m.Bytes()) != "three" {
			t.Errorf("received %v, want an ArrayBuffer", m)
		}
	})
}

// TestPairFlood: many messages both ways at once, for handlers and for Read.
func TestPairFlood(t *testing.T) {
	t.Parallel()
	const n = 1000
	got := make(chan string, n)
	client, server := pair(t, &wstest.Options{Client: &ws.Options{
		OnMessage: func(_ *ws.Conn, m ws.Message) { got <- string(m.(ws.Text)) },
	}})
	for i := range n {
		send(t, client, ws.Text(fmt.Sprint("up ", i)))
		send(t, server, ws.Text(fmt.Sprint("down ", i)))
	}
	for i := range n {
		if m := read(t, server); m != ws.Message(ws.Text(fmt.Sprint("up ", i))) {
			t.Fatalf("message %d is %v", i, m)
		}
		select {
		case m := <-got:
			if m != fmt.Sprint("down ", i) {
				t.Fatalf("message %d is %q", i, m)
			}
		case <-within(t).Done():
			t.Fatalf("message %d does not come", i)
		}
	}
}

// eventLog records the events of an end.
type eventLog struct {
	mu     sync.Mutex
	events []string
}

func (l *eventLog) add(format string, args ...any) {
	l.mu.Lock()
	l.events = append(l.events, fmt.Sprintf(format, args...))
	l.mu.Unlock()
}

// options returns handlers that record.
func (l *eventLog) options() (opts *ws.Options, closed <-chan struct{}) {
	done := make(chan struct{})
	return &ws.Options{
		OnOpen:    func(c *ws.Conn) { l.add("open %v", c.ReadyState()) },
		OnMessage: func(c *ws.Conn, m ws.Message) { l.add("message %v", m) },
		OnError:   func(c *ws.Conn, err error) { l.add("error %v", c.ReadyState()) },
		OnClose: func(c *ws.Conn, e ws.CloseEvent) {
			l.add("close %d %q %t %v", e.Code, e.Reason, e.WasClean, c.ReadyState())
			close(done)
		},
	}, done
}

func (l *eventLog) want(t *testing.T, closed <-chan struct{}, want ...string) {
	t.Helper()
	select {
	case <-closed:
	case <-within(t).Done():
		t.Fatal("no close event")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.events, want) {
		t.Errorf("events\n\t%s\nwant\n\t%s", strings.Join(l.events, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestPairEvents: every event once and in order at both ends, whoever closes.
func TestPairEvents(t *testing.T) {
	t.Parallel()
	for _, ending := range []struct {
		name        string
		end         func(a, b *ws.Conn)
		atA, atB    string
		lastMessage bool // what b sends last arrives
	}{
		{"Close", func(a, _ *ws.Conn) { a.Close() }, `close 1005 "" true CLOSED`, `close 1005 "" true CLOSED`, false},
		{
			"CloseWith", func(a, _ *ws.Conn) { a.CloseWith(4321, "bye \U0001F451") },
			`close 4321 "bye ` + "\U0001F451" + `" true CLOSED`, `close 4321 "bye ` + "\U0001F451" + `" true CLOSED`, false,
		},
		{
			"CloseWith by the other", func(_, b *ws.Conn) { b.CloseWith(1000, "") },
			`close 1000 "" true CLOSED`, `close 1000 "" true CLOSED`, true,
		},
		{"CloseNow", func(a, _ *ws.Conn) { a.CloseNow() }, `close 1006 "" false CLOSED`, `close 1006 "" false CLOSED`, false},
	} {
		t.Run(ending.name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
				var logA, logB eventLog
				optsA, closedA := logA.options()
				optsB, closedB := logB.options()
				handled := make(chan struct{}, 3) // a's open event, and two messages at b
				onOpen, onMessage := optsA.OnOpen, optsB.OnMessage
				optsA.OnOpen = func(c *ws.Conn) {
					onOpen(c)
					handled <- struct{}{}
				}
				optsB.OnMessage = func(c *ws.Conn, m ws.Message) {
					onMessage(c, m)
					handled <- struct{}{}
				}
				a, b := pair(optsA, optsB)
				send(t, a, ws.Text("one"), ws.Bytes("two"))
				for range cap(handled) {
					<-handled
				}
				wantA := []string{"open OPEN", ending.atA}
				if ending.lastMessage {
					send(t, b, ws.Text("three"))
					wantA = slices.Insert(wantA, 1, "message three")
				}
				ending.end(a, b)
				logA.want(t, closedA, wantA...)
				logB.want(t, closedB, "open OPEN", "message one", "message ArrayBuffer(3 bytes)", ending.atB)
			})
		})
	}
}

// TestPairCloseAtOnce: each end gets the other's code if both close before they know.
func TestPairCloseAtOnce(t *testing.T) {
	t.Parallel()
	client, server := pair(t, nil)
	if err := errors.Join(client.CloseWith(4001, "client"), server.CloseWith(4002, "server")); err != nil {
		t.Fatal(err)
	}
	// One of them may have known.
	atClient, atServer := wait(t, client), wait(t, server)
	ours, theirs := ws.CloseEvent{Code: 4001, Reason: "client", WasClean: true},
		ws.CloseEvent{Code: 4002, Reason: "server", WasClean: true}
	if atClient != theirs && atClient != ours || atServer != ours && atServer != theirs ||
		atClient == ours && atServer == theirs {
		t.Errorf("client %+v, server %+v", atClient, atServer)
	}
}

// TestPairCloseNow: of one end it is a lost connection for the other.
func TestPairCloseNow(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		a, b := pair(nil, nil)
		send(t, a, ws.Text("before"))
		if m := read(t, b); m != ws.Message(ws.Text("before")) {
			t.Fatalf("received %v", m)
		}
		a.CloseNow()
		if _, err := b.Read(within(t)); ws.CloseStatus(err) != ws.StatusAbnormalClosure || errors.Is(err, ws.ErrClosedNow) {
			t.Errorf("Read at the other end: %v", err)
		}
		if _, err := a.Read(within(t)); !errors.Is(err, ws.ErrClosedNow) {
			t.Errorf("Read at the end itself: %v", err)
		}
		if err := b.Send(ws.Text("late")); !errors.Is(err, ws.ErrInvalidState) {
			t.Errorf("Send at the other end: %v", err)
		}
	})
}

// TestPairCloseNowAfterClose: an end that gives up in the closing handshake, before or after the other knows.
func TestPairCloseNowAfterClose(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		a, b := pair(nil, nil)
		if err := a.CloseWith(4000, ""); err != nil {
			t.Fatal(err)
		}
		a.CloseNow()
		if e := wait(t, a); e.WasClean || e.Code != ws.StatusAbnormalClosure {
			t.Errorf("closed with %+v", e)
		}
		wait(t, b)
	})
}

// TestPairUnread: what was sent before the Close frame is read before the error.
func TestPairUnread(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		a, b := pair(nil, nil)
		for i := range 100 {
			send(t, a, ws.Text(fmt.Sprint(i)))
		}
		if err := a.CloseWith(4000, "done"); err != nil {
			t.Fatal(err)
		}
		next := 0
		var last error
		for m, err := range b.Messages(within(t)) {
			if last = err; err == nil && m != ws.Message(ws.Text(fmt.Sprint(next))) {
				t.Fatalf("message %d is %v", next, m)
			}
			next++
		}
		var closed *ws.CloseError
		if next != 101 || !errors.As(last, &closed) || closed.Code != 4000 || closed.Reason != "done" {
			t.Errorf("%d messages, then %v", next-1, last)
		}
	})
}

// TestPairShutdown: nothing that was sent is lost, however much it is, and the peer has answered.
func TestPairShutdown(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		const n = 50
		a, b := pair(nil, nil)
		block := make(ws.Bytes, 64<<10)
		for range n {
			send(t, a, block)
		}
		send(t, a, blobOf(t, block))
		received := make(chan int, 1)
		go func() {
			count := 0
			for range b.Messages(within(t)) {
				count++
			}
			received <- count - 1 // the last one is the error
		}()
		if err := a.Shutdown(within(t), 4000, ""); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if got := <-received; got != n+1 {
			t.Errorf("%d messages arrived of %d", got, n+1)
		}
	})
}

// TestPairBufferedAmount: it counts, does not fall in a handler, and Drain waits until it is 0.
func TestPairBufferedAmount(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		inHandler := make(chan int64, 1)
		a, b := pair(&ws.Options{OnOpen: func(c *ws.Conn) {
			if err := errors.Join(c.Send(ws.Text("ä")), c.Send(make(ws.Bytes, 100)),
				c.Send(ws.NewArrayBuffer(make([]byte, 10)))); err != nil {
				t.Error(err)
			}
			inHandler <- c.BufferedAmount()
		}}, nil)
		if n := <-inHandler; n != 112 {
			t.Errorf("BufferedAmount in the handler is %d, want 112", n)
		}
		for range 3 {
			read(t, b)
		}
		if err := a.Drain(within(t), 0); err != nil || a.BufferedAmount() != 0 {
			t.Errorf("Drain: %v; BufferedAmount is %d", err, a.BufferedAmount())
		}
	})
}

// TestPairMessageLimit: an end that gets a message over its limit fails, and the other one learns why.
func TestPairMessageLimit(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		failed := make(chan error, 1)
		a, b := pair(nil, &ws.Options{MessageLimit: 10, OnError: func(_ *ws.Conn, err error) { failed <- err }})
		send(t, a, make(ws.Bytes, 10), make(ws.Bytes, 11))
		if got := content(t, read(t, b)); len(got) != 10 {
			t.Errorf("received %d bytes", len(got))
		}
		_, err := b.Read(within(t))
		if !errors.Is(err, ws.ErrMessageTooBig) || ws.CloseStatus(err) != ws.StatusAbnormalClosure {
			t.Errorf("Read: %v", err)
		}
		if err := <-failed; !errors.Is(err, ws.ErrMessageTooBig) {
			t.Errorf("OnError: %v", err)
		}
		// Whether that is clean depends on which is first natively, the answer or the end of the connection.
		if e := wait(t, a); e.Code != ws.StatusMessageTooBig || e.Reason != "message exceeds the limit of 10 bytes" {
			t.Errorf("the other end was closed with %+v", e)
		}
	})
}

// TestPairMessageLimitInHandler: so it does while a handler of that end runs, whose events have to wait.
func TestPairMessageLimitInHandler(t *testing.T) {
	t.Parallel()
	for name, tooBig := range map[string]ws.Message{
		"text": ws.Text("12345678ää"), "bytes": make(ws.Bytes, 11), "Blob": blobOf(t, make(ws.Bytes, 11)),
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
				running, release := make(chan struct{}, 3), make(chan struct{})
				a, b := pair(nil, &ws.Options{MessageLimit: 10, OnMessage: func(*ws.Conn, ws.Message) {
					running <- struct{}{}
					<-release
				}})
				send(t, a, ws.Text("1"))
				<-running
				send(t, a, ws.Text("12345678ä"), tooBig)
				if e := wait(t, a); e.Code != ws.StatusMessageTooBig {
					t.Errorf("the other end was closed with %+v", e)
				}
				close(release)
				if _, err := b.Wait(within(t)); err != nil || !errors.Is(b.Err(), ws.ErrMessageTooBig) {
					t.Errorf("Wait: %v; Err: %v", err, b.Err())
				}
				if len(running) != 1 {
					t.Errorf("%d messages after the first, want the one within the limit", len(running))
				}
			})
		})
	}
}

// TestPairServerLimit: without options a server's end takes 1 MiB, and a client's more.
func TestPairServerLimit(t *testing.T) {
	t.Parallel()
	client, server := pair(t, nil)
	block := make(ws.Bytes, 1<<20+1)
	send(t, server, block)
	if got := content(t, read(t, client)); len(got) != len(block) {
		t.Errorf("the client got %d bytes", len(got))
	}
	send(t, client, block)
	if _, err := server.Read(within(t)); !errors.Is(err, ws.ErrMessageTooBig) {
		t.Errorf("Read: %v", err)
	}
}

// TestPairProtocols: the server chooses in its own order.
func TestPairProtocols(t *testing.T) {
	t.Parallel()
	client, server := pair(t, &wstest.Options{
		Client: &ws.Options{Protocols: []string{"a", "b", "c"}}, Server: &ws.Options{Protocols: []string{"d", "c", "b"}},
	})
	if client.Protocol() != "c" || server.Protocol() != "c" {
		t.Errorf("the client speaks %q, the server %q", client.Protocol(), server.Protocol())
	}
	client, server = pair(t, &wstest.Options{Server: &ws.Options{Protocols: []string{"a"}}})
	if client.Protocol() != "" || server.Protocol() != "" {
		t.Errorf("nothing was offered: the client speaks %q, the server %q", client.Protocol(), server.Protocol())
	}
	// As for Accept, names that no client can offer do no harm.
	client, server = pair(t, &wstest.Options{
		Client: &ws.Options{Protocols: []string{"a"}}, Server: &ws.Options{Protocols: []string{"", "b c", "a", "a"}},
	})
	if client.Protocol() != "a" || server.Protocol() != "a" {
		t.Errorf("the client speaks %q, the server %q", client.Protocol(), server.Protocol())
	}
}

// TestPairRefused: ends with nothing in common do not open; the client's handlers hear of it, the server's do not.
func TestPairRefused(t *testing.T) {
	t.Parallel()
	for name, spoken := range map[string][]string{"none": nil, "another": {"b"}} {
		t.Run(name, func(t *testing.T) {
			var logClient, logServer eventLog
			client, closed := logClient.options()
			server, _ := logServer.options()
			client.Protocols, server.Protocols = []string{"a"}, spoken
			c, s, err := wstest.Pair(&wstest.Options{Client: client, Server: server})
			if c != nil || s != nil || ws.CloseStatus(err) != ws.StatusAbnormalClosure || !strings.Contains(err.Error(), `"a"`) {
				t.Errorf("Pair: %v, %v, %v", c, s, err)
			}
			logClient.want(t, closed, "error CLOSED", `close 1006 "" false CLOSED`)
			if len(logServer.events) > 0 {
				t.Errorf("the server's end had events: %q", logServer.events)
			}
		})
	}
}

// TestPairBadOptions: they are errors as those of New and Accept.
func TestPairBadOptions(t *testing.T) {
	t.Parallel()
	typeError := &ws.Exception{Name: "TypeError"}
	for name, test := range map[string]struct {
		opts *wstest.Options
		want error
	}{
		"client's BinaryType":   {&wstest.Options{Client: &ws.Options{BinaryType: "text"}}, typeError},
		"server's BinaryType":   {&wstest.Options{Server: &ws.Options{BinaryType: "text"}}, typeError},
		"client's subprotocols": {&wstest.Options{Client: &ws.Options{Protocols: []string{"a b"}}}, ws.ErrSyntax},
	} {
		c, s, err := wstest.Pair(test.opts)
		if c != nil || s != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v, %v; want %v", name, c, s, err, test.want)
		}
	}
	// BaseURL is ignored here, even if it is not a URL.
	pair(t, &wstest.Options{Client: &ws.Options{BaseURL: "::"}, Server: &ws.Options{BaseURL: "::"}})
}

// TestPairHandlers: one gets the connection that Pair returns, and may use it before Pair has returned.
func TestPairHandlers(t *testing.T) {
	t.Parallel()
	opened := make(chan *ws.Conn, 2)
	greet := func(c *ws.Conn) {
		if err := c.Send(ws.Text("hello")); err != nil {
			t.Error(err)
		}
		opened <- c
	}
	client, server := pair(t, &wstest.Options{Client: &ws.Options{OnOpen: greet}, Server: &ws.Options{OnOpen: greet}})
	for _, c := range []*ws.Conn{client, server} {
		if m := read(t, c); m != ws.Message(ws.Text("hello")) {
			t.Errorf("received %v", m)
		}
	}
	got := []*ws.Conn{<-opened, <-opened}
	if !slices.Contains(got, client) || !slices.Contains(got, server) {
		t.Errorf("OnOpen got %p, Pair returned %p and %p", got, client, server)
	}
}

// TestPairHandlerCloses: an end may be over before Pair has returned.
func TestPairHandlerCloses(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*ws.Conn){
		"Close": func(c *ws.Conn) { c.Close() }, "CloseNow": func(c *ws.Conn) { c.CloseNow() },
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
				a, b := pair(&ws.Options{OnOpen: end}, nil)
				wait(t, a)
				if e := wait(t, b); e.WasClean != (name == "Close") {
					t.Errorf("the other end was closed with %+v", e)
				}
			})
		})
	}
}

// TestPairMany: pairs are independent of each other.
func TestPairMany(t *testing.T) {
	t.Parallel()
	var running sync.WaitGroup
	for i := range 20 {
		running.Add(1)
		go func() {
			defer running.Done()
			client, server, err := wstest.Pair(nil)
			if err != nil {
				t.Error(err)
				return
			}
			want := ws.Text(fmt.Sprint("pair ", i))
			if err := client.Send(want); err != nil {
				t.Error(err)
			}
			if m, err := server.Read(within(t)); m != ws.Message(want) || err != nil {
				t.Errorf("received %v, %v, want %v", m, err, want)
			}
			if err := server.Shutdown(within(t), ws.StatusNormalClosure, ""); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		}()
	}
	running.Wait()
}

// TestPairReadCancelled: a Read that is given up leaves the connection as it was.
func TestPairReadCancelled(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, pair func(a, b *ws.Options) (*ws.Conn, *ws.Conn)) {
		a, b := pair(nil, nil)
		ctx, cancel := context.WithCancel(within(t))
		read1 := make(chan error, 1)
		go func() {
			_, err := b.Read(ctx)
			read1 <- err
		}()
		cancel()
		if err := <-read1; !errors.Is(err, context.Canceled) {
			t.Errorf("Read: %v", err)
		}
		send(t, a, ws.Text("after"))
		if m := read(t, b); m != ws.Message(ws.Text("after")) {
			t.Errorf("received %v", m)
		}
	})
}
