package ws_test

// What real pages do to the objects that the js half accesses. Each of these tests needs a page of its own: see
// page_test.go.

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/hack-pad/safejs"

	"github.com/seed2c7e30c3/ws"
)

// TestPageZone: zone.js adds a listener that is added again inside of its own call, and then removes it.
func TestPageZone(t *testing.T) {
	if js.Global().Get("Zone").Type() != js.TypeFunction {
		t.Fatal("there is no zone.js in this page")
	}
	c := dial(t, "/echo", nil)
	for i := range 100 {
		send(t, c, ws.Text(fmt.Sprint(i)))
		wantText(t, read(t, c), fmt.Sprint(i))
	}
	for i := range 5000 {
		send(t, c, ws.Text(fmt.Sprint(i)))
	}
	for i := range 5000 {
		wantText(t, read(t, c), fmt.Sprint(i))
	}
}

// TestPagePolicy: a Content-Security-Policy without the server in connect-src.
func TestPagePolicy(t *testing.T) {
	for range 3 {
		var opts ws.Options
		log := record(&opts)
		c, err := ws.New(serverURL+"/echo", &opts)
		if err != nil {
			wantException(t, "New", err, ws.ErrSecurity)
			_, err = ws.Dial(testContext(t), serverURL+"/echo", nil)
			wantException(t, "Dial", err, ws.ErrSecurity)
			continue
		}
		log.want(t, "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)
		wantClosed(t, c, c.Err(), abnormal)
		_, err = ws.Dial(testContext(t), serverURL+"/echo", nil)
		var closed *ws.CloseError
		if !errors.As(err, &closed) || closed.CloseEvent != abnormal {
			t.Errorf("Dial: %v", err)
		}
	}
	wantNoGoroutines(t, nil)
}

// TestPageRealm: TextEncoder and TextDecoder are another realm's, and so may be what is sent and received.
func TestPageRealm(t *testing.T) {
	realm := js.Global().Get("otherRealm")
	if realm.Type() != js.TypeObject {
		t.Fatal("there is no other realm in this page")
	}
	c := dial(t, "/echo", nil)
	for _, text := range []string{"", "x", "\uFEFFx", "zażółć", strings.Repeat("long", 100000)} {
		send(t, c, ws.Text(text))
		wantText(t, read(t, c), text)
	}
	buffer := realm.Get("Uint8Array").New(3).Get("buffer")
	b, err := ws.ArrayBufferOf(buffer)
	if err != nil {
		t.Fatalf("ArrayBufferOf another realm's: %v", err)
	}
	blob, err := ws.BlobOf(realm.Get("Blob").New([]any{"abc"}))
	if err != nil {
		t.Fatalf("BlobOf another realm's: %v", err)
	}
	send(t, c, b, blob)
	wantBuffer(t, read(t, c), make([]byte, 3))
	wantBuffer(t, read(t, c), []byte("abc"))
	// Events of another realm's class, between those of this one.
	for i := range 100 {
		data := realm.Get("Uint8Array").New(i).Get("buffer")
		c.JSValue().Call("dispatchEvent", realm.Get("MessageEvent").New("message", map[string]any{"data": data}))
		c.JSValue().Call("dispatchEvent", js.Global().Get("MessageEvent").New("message", map[string]any{"data": "text"}))
	}
	for i := range 100 {
		wantBuffer(t, read(t, c), make([]byte, i))
		wantText(t, read(t, c), "text")
	}
}

// mock puts a class of mocks.js in the place of WebSocket until the test ends.
func mock(t *testing.T, name string) {
	t.Helper()
	mocks, err := safejs.Global().Get("mocks")
	if err != nil {
		t.Fatal(err)
	}
	class, err := mocks.Get(name)
	if err != nil || class.Type() != safejs.TypeFunction {
		t.Fatalf("this page has no mock %q: %v", name, err)
	}
	replace(t, js.Global(), "WebSocket", safejs.Unsafe(class))
}

// echoes sends a few messages, then many, and expects them back.
func echoes(t *testing.T, c *ws.Conn) {
	t.Helper()
	for i := range 20 {
		send(t, c, ws.Text(fmt.Sprint("text ", i)))
		wantText(t, read(t, c), fmt.Sprint("text ", i))
		send(t, c, ws.Bytes(pattern(i)))
		wantBuffer(t, read(t, c), pattern(i))
	}
	for i := range 1000 {
		send(t, c, ws.Text(fmt.Sprint("text ", i)), ws.Bytes(pattern(i)))
	}
	for i := range 1000 {
		wantText(t, read(t, c), fmt.Sprint("text ", i))
		wantBuffer(t, read(t, c), pattern(i))
	}
	if n := c.BufferedAmount(); n != 0 {
		t.Errorf("BufferedAmount %d, when all has come back", n)
	}
	for range 1000 {
		send(t, c, ws.Bytes("always alike"))
	}
	for range 1000 {
		wantBuffer(t, read(t, c), []byte("always alike"))
	}
}

// TestPageMock: interceptors, recorders and mocks in the place of the host's class.
func TestPageMock(t *testing.T) {
	names := []string{"Proxied", "Recorded", "Echo", "Synchronous", "Opened", "Keeping", "Live", "Properties"}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			mock(t, name)
			c := dial(t, "/echo", nil)
			echoes(t, c)
			if c.Extensions() != "" || c.Protocol() != "" {
				t.Errorf("Extensions %q, Protocol %q", c.Extensions(), c.Protocol())
			}
			wantState(t, c, ws.Open)
			c.Close()
			wait(t, c)
			wantNoGoroutines(t, nil)
		})
		t.Run(name+", handlers", func(t *testing.T) {
			mock(t, name)
			var opts ws.Options
			log := record(&opts)
			c := construct(t, "/echo", &opts)
			log.until(t, "open OPEN")
			for i := range 3 {
				send(t, c, ws.Text(fmt.Sprint(i)))
			}
			log.until(t, `message Text "2" OPEN`)
			if err := c.CloseWith(4000, "done"); err != nil {
				t.Errorf("CloseWith: %v", err)
			}
			log.want(t, "open OPEN", `message Text "0" OPEN`, `message Text "1" OPEN`, `message Text "2" OPEN`,
				`close 4000 "done" true CLOSED`)
		})
	}
}

// until waits for an event.
func (l *eventLog) until(t testing.TB, event string) {
	t.Helper()
	ctx := testContext(t)
	for {
		l.mu.Lock()
		n := len(l.entries)
		found := n > 0 && l.entries[n-1] == event
		l.mu.Unlock()
		if found {
			return
		}
		turn := make(chan struct{})
		f := js.FuncOf(func(js.Value, []js.Value) any { close(turn); return nil })
		js.Global().Call("setTimeout", f, 1)
		select {
		case <-turn:
			f.Release()
		case <-ctx.Done():
			t.Fatalf("no %s", event)
		}
	}
}

// TestPageMockClasses: a mock that is installed while connections of the host's own class are open.
func TestPageMockClasses(t *testing.T) {
	real := dial(t, "/echo", nil)
	send(t, real, ws.Text("before"))
	wantText(t, read(t, real), "before")
	mock(t, "Echo")
	fake := dial(t, "/echo", nil)
	for range 3 {
		echoes(t, fake)
		echoes(t, real)
	}
}

// TestPageMockThrowing: no method panics, whatever throws.
func TestPageMockThrowing(t *testing.T) {
	mock(t, "Throwing")
	for name, end := range map[string]func(*ws.Conn) error{
		"Close":     (*ws.Conn).Close,
		"CloseWith": func(c *ws.Conn) error { return c.CloseWith(4000, "done") },
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, "/echo", nil)
			for _, m := range []ws.Message{ws.Text("x"), ws.Bytes("x"), blobOf(t, "", ws.Text("x"))} {
				wantException(t, "Send", c.Send(m), typeError)
			}
			if n := c.BufferedAmount(); n != 0 {
				t.Errorf("BufferedAmount %d, when nothing could be sent", n)
			}
			if c.Protocol() != "" || c.Extensions() != "" {
				t.Errorf("Protocol %q, Extensions %q", c.Protocol(), c.Extensions())
			}
			c.SetBinaryType(ws.BinaryBlob)
			if err := end(c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if ev := wait(t, c); ev != abnormal {
				t.Errorf("closed with %+v, want %+v", ev, abnormal)
			}
		})
	}
	wantNoGoroutines(t, nil)
}

// TestPageMockSilent: the object is CLOSED, and there is no close event.
func TestPageMockSilent(t *testing.T) {
	mock(t, "Silent")
	c := dial(t, "/echo", nil)
	c.Close()
	if ev := wait(t, c); ev != abnormal {
		t.Errorf("closed with %+v, want %+v", ev, abnormal)
	}
	c = dial(t, "/echo", nil)
	c.JSValue().Set("readyState", 3)
	for c.ReadyState() != ws.Closed {
		awaitTurn(t)
	}
	wantNoGoroutines(t, nil)
}

// TestPageMockLate: the object is CLOSED, which the program sees, and the close event comes later.
func TestPageMockLate(t *testing.T) {
	mock(t, "Late")
	c := dial(t, "/echo", nil)
	if err := c.CloseWith(4000, "done"); err != nil {
		t.Errorf("CloseWith: %v", err)
	}
	for c.ReadyState() != ws.Closed {
		awaitTurn(t)
	}
	want := ws.CloseEvent{Code: 4000, Reason: "done", WasClean: true}
	if ev := wait(t, c); ev != want {
		t.Errorf("closed with %+v, want %+v", ev, want)
	}
}

// TestPageMockStrange: events and data that no browser has.
func TestPageMockStrange(t *testing.T) {
	mock(t, "Strange")
	c := dial(t, "/echo", nil)
	send(t, c, ws.Text("go"))
	var got []string
	for {
		m := read(t, c)
		got = append(got, fmt.Sprintf("%x", content(t, m)))
		if m == ws.Message(ws.Text("last")) {
			break
		}
	}
	// undefined, null, a number, a boolean, a symbol and an object have no bytes; something that is not an event is not a
	// message.
	if want := "      0102 6c617374"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, " "), want)
	}
	c.Close()
	if ev := wait(t, c); ev != abnormal {
		t.Errorf("closed with %+v, want %+v", ev, abnormal)
	}
}

// TestPageCalls counts the calls into the host that a message costs.
func TestPageCalls(t *testing.T) {
	calls := js.Global().Get("hostCalls")
	if calls.Type() != js.TypeFunction {
		t.Fatal("nobody counts in this page")
	}
	c := dial(t, "/echo", nil)
	own := 0 // what a call of calls costs
	count := func(n int, f func()) float64 {
		before := calls.Invoke().Int()
		f()
		return float64(calls.Invoke().Int()-before-own) / float64(n)
	}
	own = int(count(1, func() {}))
	for _, m := range []ws.Message{ws.Bytes("16 bytes of data"), ws.Text("16 bytes of data")} {
		const n = 1000
		check := func(what string, got, most float64) {
			t.Logf("%s, %T: %.2f calls a message", what, m, got)
			if got > most {
				t.Errorf("%s, %T: %.2f calls a message, want at most %g", what, m, got, most)
			}
		}
		sent := count(n, func() {
			for range n {
				send(t, c, m)
			}
		})
		check("sent", sent, 3.01)
		for range n {
			read(t, c)
		}
		both := count(n, func() {
			for range n {
				send(t, c, m)
				read(t, c)
			}
		})
		// Of the eleven calls eight are syscall/js's own way into Go. Now and then it looks whether there is a flood.
		check("received one by one", both-sent, 12.5)

		var messages []any
		for range n {
			if text, ok := m.(ws.Text); ok {
				messages = append(messages, string(text))
			} else {
				messages = append(messages, content(t, m))
			}
		}
		fire := flood(c, messages...)
		check("received in a flood", count(n, func() {
			fire()
			for range n {
				read(t, c)
			}
		}), 1.5) // less the more messages a turn of the event loop brings, so more on a busy machine
	}
}

// TestPageHTTP2: the same program over HTTP/2, where the browser has a connection to the server that offers WebSockets,
// and over HTTP/1.1 with a server that does not offer them. The page is one by https.
func TestPageHTTP2(t *testing.T) {
	for variable, proto := range map[string]string{"WS_TEST_HTTP2": "HTTP/2.0", "WS_TEST_HTTP1": "HTTP/1.1"} {
		t.Run(proto, func(t *testing.T) {
			address := os.Getenv(variable)
			if address == "" {
				t.Fatalf("%s is not set", variable)
			}
			openSession(t, "https://"+address+"/hello")
			url := "wss://" + address
			c := dial(t, url+"/ws", &ws.Options{Protocols: []string{"chat.v1", "chat.v2"}})
			wantText(t, read(t, c), proto)
			if c.Protocol() != "chat.v2" || !strings.HasPrefix(c.Extensions(), "permessage-deflate") {
				t.Errorf("protocol %q, extensions %q", c.Protocol(), c.Extensions())
			}
			for _, size := range []int{0, 1, 125, 126, 65536, 300_000, 1 << 20} {
				text := strings.Repeat("x", size)
				send(t, c, ws.Text(text), ws.Bytes(pattern(size)))
				wantText(t, read(t, c), text)
				wantBuffer(t, read(t, c), pattern(size))
			}
			if err := c.Shutdown(testContext(t), 3001, "from the page"); err != nil {
				t.Error(err)
			}

			var at []*ws.Conn
			for range 3 {
				at = append(at, dial(t, url+"/ws", nil))
			}
			for _, c := range at {
				wantText(t, read(t, c), proto)
				send(t, c, ws.Text("close"))
				if e, want := wait(t, c), (ws.CloseEvent{Code: 4000, Reason: "as asked", WasClean: true}); e != want {
					t.Errorf("closed with %+v, want %+v", e, want)
				}
			}

			if _, err := ws.Dial(testContext(t), url+"/refused", nil); err == nil {
				t.Error("a server that does not allow this origin opened a connection")
			}
			quiet := dial(t, url+"/ws", nil) // open for longer than the server's timeouts, and at its end
			wantText(t, read(t, quiet), proto)
			<-time.After(3 * time.Second)
			send(t, quiet, ws.Text("still there"))
			wantText(t, read(t, quiet), "still there")
		})
	}
}

// openSession makes the browser connect to a server by HTTP/2.
func openSession(t *testing.T, url string) {
	t.Helper()
	fetched := make(chan string, 1)
	fulfilled := js.FuncOf(func(_ js.Value, args []js.Value) any {
		fetched <- args[0].String()
		return nil
	})
	defer fulfilled.Release()
	text := js.FuncOf(func(_ js.Value, args []js.Value) any { return args[0].Call("text") })
	defer text.Release()
	failed := js.FuncOf(func(_ js.Value, args []js.Value) any {
		fetched <- "failed: " + args[0].Call("toString").String()
		return nil
	})
	defer failed.Release()
	js.Global().Call("fetch", url, map[string]any{"credentials": "include"}).Call("then", text).Call("then", fulfilled,
		failed)
	if got := await(t, "answer to fetch", fetched); got != "HTTP/2.0" {
		t.Fatalf("fetch(%q): %s", url, got)
	}
}
