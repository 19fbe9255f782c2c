//go:build !js

package ws_test

// Accept at the other end of Dial. It exists natively only; browsers meet it in TestBrowsers, as the test server's
// echo.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// accepting is a server that accepts every request, and hands out its connections.
type accepting struct {
	*httptest.Server
	conns chan *ws.Conn
}

// serveAccept starts one. Connections are left open by the server's end: tests end them.
func serveAccept(t testing.TB, opts *ws.AcceptOptions) *accepting {
	t.Helper()
	s := &accepting{conns: make(chan *ws.Conn, 16)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, opts)
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		s.conns <- c
	}))
	t.Cleanup(s.Close)
	return s
}

// pair returns both ends of a connection.
func pair(t testing.TB, client *ws.Options, server *ws.AcceptOptions) (dialled, accepted *ws.Conn) {
	t.Helper()
	s := serveAccept(t, server)
	dialled = dial(t, wsURL(s.Server), client)
	accepted = await(t, "accepted connection", s.conns)
	t.Cleanup(func() { accepted.CloseNow() })
	return dialled, accepted
}

// compressions are the ways in which two ends may compress.
var compressions = map[string]struct {
	client     ws.NativeOptions
	server     ws.Compression
	extensions string
}{
	"alone": {ws.NativeOptions{}, ws.CompressAlone,
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
	"context":     {ws.NativeOptions{}, ws.CompressContext, "permessage-deflate"},
	"declined":    {ws.NativeOptions{}, ws.NoCompression, ""},
	"not offered": {ws.NativeOptions{DisableCompression: true}, ws.CompressContext, ""},
}

// TestAcceptRoundTrip: messages of all kinds and lengths, both ways, by Read and by handlers.
func TestAcceptRoundTrip(t *testing.T) {
	t.Parallel()
	blob, err := ws.NewBlob("", ws.Bytes(pattern(1000)))
	if err != nil {
		t.Fatal(err)
	}
	messages := []ws.Message{
		ws.Text(""), ws.Text("hello"), ws.Text(strings.Repeat("ä word ", 50)), ws.Bytes{}, ws.Bytes(pattern(125)),
		ws.Bytes(pattern(126)), ws.Bytes(pattern(65536)), blob, ws.Bytes(pattern(300_000)),
		ws.NewArrayBuffer(pattern(700_000)),
	}
	for name, c := range compressions {
		for _, byHandler := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/handlers=%v", name, byHandler), func(t *testing.T) {
				t.Parallel()
				opts := &ws.AcceptOptions{Compression: c.server}
				if byHandler {
					opts.OnMessage = func(c *ws.Conn, m ws.Message) {
						if err := c.Send(m); err != nil {
							t.Errorf("Send: %v", err)
						}
					}
				}
				dialled, accepted := pair(t, &ws.Options{Native: c.client}, opts)
				for side, conn := range map[string]*ws.Conn{"client": dialled, "server": accepted} {
					if got := conn.Extensions(); got != c.extensions {
						t.Errorf("the %s's extensions are %q, want %q", side, got, c.extensions)
					}
				}
				if !byHandler {
					go echoMessages(t, accepted)
				}
				for _, m := range messages {
					send(t, dialled, m)
				}
				for _, want := range messages {
					got := read(t, dialled)
					if _, isText := want.(ws.Text); isText {
						wantText(t, got, string(want.(ws.Text)))
					} else {
						wantBuffer(t, got, content(t, want))
					}
				}
				closed := ws.CloseEvent{Code: 4001, Reason: "enough", WasClean: true}
				if err := dialled.Shutdown(testContext(t), closed.Code, closed.Reason); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				for side, conn := range map[string]*ws.Conn{"client": dialled, "server": accepted} {
					if ev := wait(t, conn); ev != closed {
						t.Errorf("the %s's close event is %+v, want %+v", side, ev, closed)
					}
				}
			})
		}
	}
}

// echoMessages sends back what c receives until it is closed.
func echoMessages(t testing.TB, c *ws.Conn) {
	for m, err := range c.Messages(context.Background()) {
		if err != nil {
			return
		}
		if err := c.Send(m); err != nil {
			t.Errorf("Send: %v", err)
			return
		}
	}
}

// TestAcceptEvents: the same events at both ends, in the same order.
func TestAcceptEvents(t *testing.T) {
	t.Parallel()
	var serverLog *eventLog
	asOptions := &ws.Options{}
	serverLog = record(asOptions)
	server := &ws.AcceptOptions{
		OnOpen: asOptions.OnOpen, OnMessage: asOptions.OnMessage, OnError: asOptions.OnError, OnClose: asOptions.OnClose,
	}
	client := &ws.Options{OnOpen: func(c *ws.Conn) { send(t, c, ws.Text("first"), ws.Bytes{1, 2}) }}
	dialled, accepted := pair(t, client, server)
	wantState(t, accepted, ws.Open)
	send(t, accepted, ws.Text("from the server"))
	wantText(t, read(t, dialled), "from the server")
	if err := dialled.CloseWith(3000, "bye"); err != nil {
		t.Fatal(err)
	}
	serverLog.want(t, "open OPEN", `message Text "first" OPEN`, `message ArrayBuffer "\x01\x02" OPEN`,
		`close 3000 "bye" true CLOSED`)
	if ev := wait(t, dialled); ev != (ws.CloseEvent{Code: 3000, Reason: "bye", WasClean: true}) {
		t.Errorf("the client's close event is %+v", ev)
	}
}

// TestAcceptProperties: what the server's connection says about itself.
func TestAcceptProperties(t *testing.T) {
	t.Parallel()
	s := serveAccept(t, &ws.AcceptOptions{Protocols: []string{"v2", "v1"}, BinaryType: ws.BinaryBlob})
	host := strings.TrimPrefix(s.URL, "http://")
	for _, c := range []struct {
		path, url string
		offered   []string
		protocol  string
	}{
		{"", "/", nil, ""},
		{"/a/b?c=d&e", "/a/b?c=d&e", []string{"v1", "v2"}, "v2"},
		{"/a%20b?x=%C3%A4", "/a%20b?x=%C3%A4", []string{"v1"}, "v1"},
		{"/ä|", "/%C3%A4|", []string{"other", "v1"}, "v1"},
	} {
		dialled := dial(t, "ws://"+host+c.path, &ws.Options{Protocols: c.offered})
		accepted := await(t, "accepted connection", s.conns)
		if got, want := accepted.URL(), "ws://"+host+c.url; got != want || dialled.URL() != want {
			t.Errorf("URL is %q and for the client %q, want %q", got, dialled.URL(), want)
		}
		if got := accepted.Protocol(); got != c.protocol || dialled.Protocol() != c.protocol {
			t.Errorf("of %q the protocol is %q and for the client %q, want %q", c.offered, got, dialled.Protocol(), c.protocol)
		}
		if accepted.BinaryType() != ws.BinaryBlob {
			t.Errorf("BinaryType is %q", accepted.BinaryType())
		}
		send(t, dialled, ws.Bytes("data"))
		wantBlob(t, read(t, accepted), []byte("data"))
		accepted.Close()
		if ev := wait(t, dialled); ev != (ws.CloseEvent{Code: ws.StatusNoStatusRcvd, WasClean: true}) {
			t.Errorf("the client's close event is %+v", ev)
		}
		wait(t, accepted)
	}
}

// TestAcceptTLS: over TLS, by both ends' handlers.
func TestAcceptTLS(t *testing.T) {
	t.Parallel()
	conns := make(chan *ws.Conn, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, &ws.AcceptOptions{OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) }})
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		conns <- c
	}))
	t.Cleanup(server.Close)
	c := dial(t, wsURL(server), &ws.Options{Native: ws.NativeOptions{HTTPClient: server.Client()}})
	accepted := await(t, "accepted connection", conns)
	if want := wsURL(server) + "/"; accepted.URL() != want {
		t.Errorf("URL is %q, want %q", accepted.URL(), want)
	}
	wantEcho(t, c)
	if err := accepted.CloseWith(ws.StatusGoingAway, ""); err != nil {
		t.Fatal(err)
	}
	wantClosedEverywhere(t, c, ws.CloseEvent{Code: ws.StatusGoingAway, WasClean: true})
	wait(t, accepted)
}

// TestAcceptCloseCodes: a server may send more codes than a client.
func TestAcceptCloseCodes(t *testing.T) {
	t.Parallel()
	var both, server []ws.StatusCode
	for code := range 5002 {
		switch code := ws.StatusCode(code); {
		case code == 1000 || code >= 3000 && code <= 4999:
			both = append(both, code)
		case slices.Contains([]ws.StatusCode{1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014}, code):
			server = append(server, code)
		}
	}
	dialled, accepted := pair(t, nil, nil)
	for code := range 5002 {
		code := ws.StatusCode(code)
		for side, c := range map[string]*ws.Conn{"client": dialled, "server": accepted} {
			allowed := slices.Contains(both, code) || c == accepted && slices.Contains(server, code)
			// An invalid reason leaves the connection open.
			err := c.CloseWith(code, "\xff")
			if want := ws.ErrInvalidAccess; !allowed && !errors.Is(err, want) || allowed && !errors.Is(err, ws.ErrSyntax) {
				t.Errorf("the %s's CloseWith(%d): %v, allowed %v", side, code, err, allowed)
			}
			if got := c.Shutdown(t.Context(), code, "\xff"); !errors.Is(got, err.(*ws.Exception)) {
				t.Errorf("the %s's Shutdown(%d): %v, and CloseWith %v", side, code, got, err)
			}
		}
	}
	wantState(t, dialled, ws.Open)
	wantState(t, accepted, ws.Open)
	s := serveAccept(t, nil)
	for _, code := range append(server, 1000, 3000, 4999) {
		client := dial(t, wsURL(s.Server), nil)
		c := await(t, "accepted connection", s.conns)
		if err := c.CloseWith(code, "so"); err != nil {
			t.Errorf("CloseWith(%d): %v", code, err)
		}
		want := ws.CloseEvent{Code: code, Reason: "so", WasClean: true}
		if ev := wait(t, client); ev != want {
			t.Errorf("the client's close event is %+v, want %+v", ev, want)
		}
		if ev := wait(t, c); ev != want {
			t.Errorf("the server's close event is %+v, want %+v", ev, want)
		}
	}
}

// TestAcceptSlowPeer: a client that takes nothing costs SendBuffer bytes and one message; then it loses its connection.
func TestAcceptSlowPeer(t *testing.T) {
	t.Parallel()
	const size, buffer = 1 << 20, 4 << 20
	events := make(chan string, 10)
	s := serveAccept(t, &ws.AcceptOptions{
		SendBuffer:  buffer,
		Compression: ws.NoCompression,
		OnError:     func(c *ws.Conn, err error) { events <- fmt.Sprint("error ", errors.Is(err, ws.ErrSlowPeer)) },
		OnClose: func(c *ws.Conn, ev ws.CloseEvent) {
			events <- fmt.Sprintf("close %d %q %v", ev.Code, ev.Reason, ev.WasClean)
		},
	})
	client := openClient(t, s.Server)
	c := await(t, "accepted connection", s.conns)
	message := ws.Bytes(noise(size))
	var err error
	for range 100 {
		before := c.BufferedAmount()
		if err = c.Send(message); err != nil {
			if before <= buffer {
				t.Errorf("Send failed with %d bytes unsent", before)
			}
			break
		}
	}
	if !errors.Is(err, ws.ErrSlowPeer) {
		t.Fatalf("100 Sends: %v, want %v", err, ws.ErrSlowPeer)
	}
	for _, want := range []string{"error true", `close 1006 "" false`} {
		if got := await(t, "event", events); got != want {
			t.Errorf("event %q, want %q", got, want)
		}
	}
	if err := c.Err(); !errors.Is(err, ws.ErrSlowPeer) || ws.CloseStatus(err) != ws.StatusAbnormalClosure {
		t.Errorf("Err: %v", err)
	}
	if err := c.Send(message); !errors.Is(err, ws.ErrInvalidState) {
		t.Errorf("Send afterwards: %v", err)
	}
	// From now on the client gets only whole frames, up to a Close frame or the end.
	client.SetDeadline(time.Now().Add(limit))
	for {
		f, err := client.frame()
		if err != nil {
			break
		}
		if f.first == fin|closeFrame && !strings.HasPrefix(string(f.payload), "\x03\xf0") {
			t.Errorf("Close frame %q", f.payload)
		}
	}
}

// TestAcceptSlowPeerTold: a client that begins to read in time is told 1008.
func TestAcceptSlowPeerTold(t *testing.T) {
	t.Parallel()
	s := serveAccept(t, &ws.AcceptOptions{SendBuffer: 1, Compression: ws.NoCompression})
	client := openClient(t, s.Server)
	client.SetDeadline(time.Now().Add(limit))
	c := await(t, "accepted connection", s.conns)
	for i := 0; ; i++ {
		if err := c.Send(ws.Bytes(noise(1 << 20))); errors.Is(err, ws.ErrSlowPeer) {
			break
		} else if err != nil || i == 100 {
			t.Fatalf("Send %d: %v", i, err)
		}
	}
	for {
		f, err := client.frame()
		if err != nil {
			// A machine that is busy for 2 s has cut the connection, as documented.
			t.Logf("not told: %v", err)
			return
		}
		if f.first == fin|closeFrame {
			if want := "\x03\xf0receives too slowly"; string(f.payload) != want {
				t.Errorf("Close frame %q, want %q", f.payload, want)
			}
			return
		}
	}
}

// TestAcceptNoSlowPeer: a negative SendBuffer is no limit, and below the limit nothing fails.
func TestAcceptNoSlowPeer(t *testing.T) {
	t.Parallel()
	for name, buffer := range map[string]int64{"none": -1, "large": 64 << 20} {
		t.Run(name, func(t *testing.T) {
			s := serveAccept(t, &ws.AcceptOptions{SendBuffer: buffer, Compression: ws.NoCompression})
			client := openClient(t, s.Server)
			client.SetDeadline(time.Now().Add(limit))
			c := await(t, "accepted connection", s.conns)
			const n, size = 24, 1 << 20
			for i := range n {
				if err := c.Send(ws.Bytes(noise(size))); err != nil {
					t.Fatalf("Send %d: %v", i, err)
				}
			}
			c.CloseWith(1000, "")
			got := 0
			for {
				f, err := client.frame()
				if err != nil {
					t.Fatal(err)
				}
				if f.first == fin|closeFrame {
					break
				}
				got += len(f.payload)
			}
			if got != n*size {
				t.Errorf("%d bytes came, want %d", got, n*size)
			}
		})
	}
}

// TestAcceptTimeouts: the server's timeouts end with the request.
func TestAcceptTimeouts(t *testing.T) {
	t.Parallel()
	var handlers sync.WaitGroup
	conns := make(chan *ws.Conn, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		c, err := ws.Accept(w, r, nil)
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		conns <- c
	}))
	const timeout = 300 * time.Millisecond
	server.Config.ReadTimeout, server.Config.WriteTimeout, server.Config.IdleTimeout = timeout, timeout, timeout
	server.Start()
	t.Cleanup(server.Close)
	for range 10 { // on a machine that is busy for so long the request itself may be ended
		c, err := ws.Dial(testContext(t), wsURL(server), nil)
		if err != nil {
			t.Logf("Dial: %v", err)
			continue
		}
		accepted := await(t, "accepted connection", conns)
		time.Sleep(2 * timeout) // the timeouts pass, which is no event
		send(t, c, ws.Text("a"))
		wantText(t, read(t, accepted), "a")
		send(t, accepted, ws.Text("b"))
		wantText(t, read(t, c), "b")
		if err := accepted.Shutdown(testContext(t), ws.StatusGoingAway, ""); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		wait(t, c)
		return
	}
	t.Error("no connection was opened")
}
