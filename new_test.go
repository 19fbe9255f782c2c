package ws_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

func TestNew(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	opened := make(chan struct{})
	c := construct(t, p.URL+"a/b?q=%C3%A9", &ws.Options{
		Protocols: []string{"first", "second"},
		OnOpen:    func(*ws.Conn) { close(opened) },
	})
	wantState(t, c, ws.Connecting)
	if got, want := c.URL(), p.URL+"a/b?q=%C3%A9"; got != want {
		t.Errorf("URL %q, want %q", got, want)
	}
	if c.Protocol() != "" || c.Extensions() != "" || c.BufferedAmount() != 0 || c.BinaryType() != ws.BinaryArrayBuffer ||
		c.Err() != nil {
		t.Errorf("Protocol %q, Extensions %q, BufferedAmount %d, BinaryType %q, Err %v", c.Protocol(), c.Extensions(),
			c.BufferedAmount(), c.BinaryType(), c.Err())
	}
	select {
	case <-c.Done():
		t.Error("Done is closed while connecting")
	default:
	}

	request := p.conn(0).accept("second")
	if want := "GET /a/b?q=%C3%A9 HTTP/1.1"; request.Line != want {
		t.Errorf("request %q, want %q", request.Line, want)
	}
	var offered []string
	for _, v := range request.Header["Sec-Websocket-Protocol"] {
		for name := range strings.SplitSeq(v, ",") {
			offered = append(offered, strings.TrimSpace(name))
		}
	}
	if got := strings.Join(offered, " "); got != "first second" {
		t.Errorf("offered protocols %q", got)
	}
	await(t, "open event", opened)
	wantState(t, c, ws.Open)
	if c.Protocol() != "second" {
		t.Errorf("Protocol %q, want %q", c.Protocol(), "second")
	}
}

func TestDial(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*ws.Options{
		"nil Options":  nil,
		"zero Options": {},
		"all handlers": {
			OnOpen: func(*ws.Conn) {}, OnError: func(*ws.Conn, error) {}, OnClose: func(*ws.Conn, ws.CloseEvent) {},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, "/echo", opts)
			wantState(t, c, ws.Open)
			send(t, c, ws.Text("hello"))
			wantText(t, read(t, c), "hello")
			c.Close()
			if ev, want := wait(t, c), (ws.CloseEvent{Code: ws.StatusNoStatusRcvd, WasClean: true}); ev != want {
				t.Errorf("closed with %+v, want %+v", ev, want)
			}
		})
	}
}

// badURLs do not parse with any base.
var badURLs = []string{
	"ws://", "ws://a b/", "ws://[::1", "ws://[1:2]/", "ws://host:99999/", "ws://host:port/", "ws://ho%00st/",
	"ws://ho<st/",
	"ws://256.256.256.256/", "ws://1.2.3.4.5/", "ws://user@/", "ws://%zz/",
	"ftp://127.0.0.1/", "file:///x", "mailto:someone", "javascript:0", "data:,x", "blob:x", "wss+x://127.0.0.1/",
	"ws://127.0.0.1/#", "ws://127.0.0.1/#fragment", "http://127.0.0.1/a#b",
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	type argument struct {
		what string
		url  string
		opts ws.Options
		kind error
	}
	arguments := []argument{
		{what: "an unknown BinaryType", url: "ws://127.0.0.1/", opts: ws.Options{BinaryType: "nodebuffer"}, kind: typeError},
		{what: "a base that does not parse", url: "path", opts: ws.Options{BaseURL: "no url"}, kind: ws.ErrSyntax},
		{what: "a base that does not parse, for an absolute URL", url: "ws://127.0.0.1/", opts: ws.Options{BaseURL: "no url"},
			kind: ws.ErrSyntax},
		{what: "a base without hierarchy", url: "path", opts: ws.Options{BaseURL: "mailto:someone"}, kind: ws.ErrSyntax},
		{what: "a base of another scheme", url: "path", opts: ws.Options{BaseURL: "ftp://127.0.0.1/"}, kind: ws.ErrSyntax},
		{what: "a relative fragment", url: "#x", opts: ws.Options{BaseURL: "ws://127.0.0.1/"}, kind: ws.ErrSyntax},
	}
	for _, url := range badURLs {
		arguments = append(arguments, argument{what: fmt.Sprintf("the URL %q", url), url: url, kind: ws.ErrSyntax})
	}
	for _, name := range []string{"", " ", "a b", "a,b", "a\tb", "a\x00", "a\x7f", "é", "a/b", "a:b", `a"b`, "a(b)",
		"a;b", "a=b", "a@b", "a[b]", "a{b}", `a\b`, "a?", "\xff"} {
		arguments = append(arguments, argument{
			what: fmt.Sprintf("the protocol %q", name), url: "ws://127.0.0.1/",
			opts: ws.Options{Protocols: []string{"good", name}}, kind: ws.ErrSyntax,
		})
	}
	arguments = append(arguments, argument{
		what: "a protocol twice", url: "ws://127.0.0.1/", opts: ws.Options{Protocols: []string{"a", "b", "a"}},
		kind: ws.ErrSyntax,
	})
	for _, port := range []int{1, 7, 22, 25, 110, 143, 389, 587, 993, 2049, 5060, 5061, 6000, 6566, 6665, 6669, 6697,
		10080} {
		for _, scheme := range []string{"ws", "wss", "http", "https"} {
			url := fmt.Sprintf("%s://127.0.0.1:%d/", scheme, port)
			arguments = append(arguments, argument{what: url, url: url, kind: ws.ErrSecurity})
		}
	}
	for _, a := range arguments {
		t.Run(a.what, func(t *testing.T) {
			onHost(t, func(t testing.TB) {
				a.opts.OnOpen = func(*ws.Conn) { t.Error("OnOpen was called") }
				a.opts.OnError = func(_ *ws.Conn, err error) { t.Errorf("OnError was called with %v", err) }
				a.opts.OnClose = func(_ *ws.Conn, ev ws.CloseEvent) { t.Errorf("OnClose was called with %v", ev) }
				c, err := ws.New(a.url, &a.opts)
				wantException(t, "New", err, a.kind)
				if c != nil {
					t.Errorf("New returned a connection besides %v", err)
					c.Close()
					wait(t, c)
				}
				c, err = ws.Dial(testContext(t), a.url, &a.opts)
				wantException(t, "Dial", err, a.kind)
				if c != nil {
					t.Errorf("Dial returned a connection besides %v", err)
				}
			})
		})
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	host := strings.TrimSuffix(strings.TrimPrefix(p.URL, "ws://"), "/")
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ url, base, want, line string }{
		{"ws://" + host, "", "ws://" + host + "/", "/"},
		{"http://" + host + "/x", "", "ws://" + host + "/x", "/x"},
		{"WS://" + host + "/a/./b/../c", "", "ws://" + host + "/a/c", "/a/c"},
		{"  ws://" + host + "/x\n", "", "ws://" + host + "/x", "/x"},
		{"ws:\\\\" + host + "\\x", "", "ws://" + host + "/x", "/x"},
		{"ws://" + host + "/%zz?a b", "", "ws://" + host + "/%zz?a%20b", "/%zz?a%20b"},
		{"ws://" + host + "/é?é", "", "ws://" + host + "/%C3%A9?%C3%A9", "/%C3%A9?%C3%A9"},
		{"sub?q", "http://" + host + "/dir/page.html?x", "ws://" + host + "/dir/sub?q", "/dir/sub?q"},
		{"/abs", "ws://" + host + "/dir/", "ws://" + host + "/abs", "/abs"},
		{"?q", "ws://" + host + "/dir/file", "ws://" + host + "/dir/file?q", "/dir/file?q"},
		{"", "ws://" + host + "/dir/file?q", "ws://" + host + "/dir/file?q", "/dir/file?q"},
		{"//" + host + "/other", "http://127.0.0.1/", "ws://" + host + "/other", "/other"},
	} {
		c, err := ws.New(test.url, &ws.Options{BaseURL: test.base})
		if err != nil {
			t.Errorf("New(%q) with base %q: %v", test.url, test.base, err)
			continue
		}
		if c.URL() != test.want {
			t.Errorf("New(%q) with base %q has URL %q, want %q", test.url, test.base, c.URL(), test.want)
		}
		c.Close()
		wait(t, c)
	}

	// What is sent is what URL says.
	c := construct(t, "/%zz/a b?é", &ws.Options{BaseURL: "http://127.0.0.1:" + port})
	c.Close()
	p = newPeer(t)
	construct(t, "x/../%zz/a b?é", &ws.Options{BaseURL: p.URL})
	if got, want := p.conn(0).accept("").Line, "GET /%zz/a%20b?%C3%A9 HTTP/1.1"; got != want {
		t.Errorf("request %q, want %q", got, want)
	}
}

func TestOptionsAreCopied(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	called := make(chan string, 2)
	opts := &ws.Options{
		Protocols: []string{"first"},
		OnOpen:    func(*ws.Conn) { called <- "the old handler" },
	}
	c := construct(t, p.URL, opts)
	opts.Protocols[0] = "changed"
	opts.OnOpen = func(*ws.Conn) { called <- "the new handler" }
	opts.OnMessage = func(*ws.Conn, ws.Message) { t.Error("the new OnMessage was called") }
	opts.BinaryType = ws.BinaryBlob
	if got := p.conn(0).accept("first").Header["Sec-Websocket-Protocol"]; len(got) != 1 || got[0] != "first" {
		t.Errorf("offered protocols %q", got)
	}
	if who := await(t, "open event", called); who != "the old handler" {
		t.Errorf("%s was called", who)
	}
	p.conn(0).frame(fin|binaryFrame, "bytes")
	wantBuffer(t, read(t, c), []byte("bytes"))
}

func TestSubprotocols(t *testing.T) {
	t.Parallel()
	t.Run("selected", func(t *testing.T) {
		c := dial(t, "/echo?protocols=other,b", &ws.Options{Protocols: []string{"a", "b"}})
		if c.Protocol() != "b" {
			t.Errorf("Protocol %q, want b", c.Protocol())
		}
		c.Close()
		wait(t, c)
		if c.Protocol() != "b" {
			t.Errorf("Protocol %q after the close event, want b", c.Protocol())
		}
	})
	t.Run("differing in case", func(t *testing.T) {
		onHost(t, func(t testing.TB) {
			p := newPeer(t)
			c := construct(t, p.URL, &ws.Options{Protocols: []string{"chat", "Chat"}})
			p.conn(0).accept("Chat")
			p.conn(0).texts("hello")
			wantText(t, read(t, c), "hello")
			if c.Protocol() != "Chat" {
				t.Errorf("Protocol %q, want Chat", c.Protocol())
			}
		})
	})
	for _, test := range []struct {
		name    string
		offered []string
		chosen  string
	}{
		{"none selected", []string{"a"}, ""},
		{"another selected", []string{"a"}, "b"},
		{"another case selected", []string{"chat"}, "Chat"},
		{"selected though none offered", nil, "a"},
		{"two selected", []string{"a", "b"}, "a, b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			onHost(t, func(t testing.TB) {
				p := newPeer(t)
				opts := &ws.Options{Protocols: test.offered}
				log := record(opts)
				c := construct(t, p.URL, opts)
				p.conn(0).accept(test.chosen)
				log.want(t, "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)
				wantClosed(t, c, c.Err(), abnormal)
			})
		})
	}
}

// TestFailedAttempt: whatever keeps a connection from opening is one error event, one close event, and Dial's
// *CloseError.
func TestFailedAttempt(t *testing.T) {
	t.Parallel()
	closedPort := func(t testing.TB) string {
		// The peer's port is free again when it has stopped.
		p := newPeer(t)
		p.stop()
		return p.URL
	}
	answering := func(lines ...string) func(*peerConn) {
		return func(c *peerConn) {
			c.request()
			c.answer(lines...)
			c.end("fin")
		}
	}
	for _, test := range []struct {
		name   string
		url    func(testing.TB) string
		server func(*peerConn)
	}{
		{name: "refused", url: closedPort},
		{name: "404", url: func(testing.TB) string { return absolute("/status?code=404&size=10") }},
		{name: "500", url: func(testing.TB) string { return absolute("/status?code=500") }},
		{name: "200", url: func(testing.TB) string { return absolute("/status?code=200&size=10") }},
		{name: "redirect", url: func(testing.TB) string { return absolute("/status?code=302") }},
		{name: "not HTTP", server: answering("SSH-2.0-OpenSSH_9.2")},
		{name: "garbage", server: answering("\x00\xff\xfe garbage \x01")},
		{name: "no answer", server: func(c *peerConn) { c.request(); c.end("fin") }},
		{name: "reset", server: func(c *peerConn) { c.request(); c.end("reset") }},
		{name: "half an answer", server: func(c *peerConn) {
			c.request()
			c.do("write", nil, "text", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs")
			c.end("fin")
		}},
		{name: "no Upgrade",
			server: answering("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Sec-WebSocket-Accept: {ACCEPT}")},
		{name: "no Connection",
			server: answering("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Sec-WebSocket-Accept: {ACCEPT}")},
		{name: "no Accept",
			server: answering("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")},
		{name: "wrong Accept", server: answering("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket",
			"Connection: Upgrade", "Sec-WebSocket-Accept: c3VwZXJjYWxpZnJhZ2lsaXM=")},
		{name: "unknown extension", server: answering("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket",
			"Connection: Upgrade", "Sec-WebSocket-Accept: {ACCEPT}", "Sec-WebSocket-Extensions: x-unknown")},
	} {
		t.Run(test.name, func(t *testing.T) {
			onHost(t, func(t testing.TB) {
				var url string
				opts := &ws.Options{}
				log := record(opts)
				failed := make(chan error, 1)
				var p *peer
				if test.server != nil {
					p = newPeer(t)
					url = p.URL
				} else {
					url = test.url(t)
				}
				ctx := testContext(t)
				var conn *ws.Conn
				opts.OnClose = func(onClose func(*ws.Conn, ws.CloseEvent)) func(*ws.Conn, ws.CloseEvent) {
					return func(c *ws.Conn, ev ws.CloseEvent) {
						conn = c
						onClose(c, ev)
					}
				}(opts.OnClose)
				go func() {
					c, err := ws.Dial(ctx, url, opts)
					if c != nil {
						c.Close()
						err = fmt.Errorf("a connection, besides %v", err)
					}
					failed <- err
				}()
				if test.server != nil {
					test.server(p.conn(0))
				}
				err := await(t, "result of Dial", failed)
				log.want(t, "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)
				if conn == nil {
					t.Fatal("OnClose got no *Conn")
				}
				wantClosed(t, conn, err, abnormal)
				if cause := errors.Unwrap(conn.Err()); onHostObject == (cause != nil) {
					t.Errorf("the cause is %v: a JavaScript host tells none, anything else does", cause)
				}
				shown, _, _ := strings.Cut(conn.URL(), "?") // the query may contain a ticket and is not shown
				if onHostObject && !(strings.Contains(err.Error(), shown) && strings.Contains(err.Error(), "did not open") &&
					strings.Contains(err.Error(), "the server's log")) {
					t.Errorf("Dial's error %q does not say that %s did not open, and where the cause is", err, shown)
				}
			})
		})
	}
}

// TestDialEndedContext: nothing is attempted.
func TestDialEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := ws.Dial(ctx, "/no URL",
		&ws.Options{OnClose: func(*ws.Conn, ws.CloseEvent) { t.Error("a connection was made") }})
	if c != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Dial returned %v, %v, want %v", c, err, context.Canceled)
	}
}

// TestRelativeWithoutBase: where there is no page, the error of a relative URL says what it needs.
func TestRelativeWithoutBase(t *testing.T) {
	t.Parallel()
	c, err := ws.New("/echo", nil)
	if err == nil { // relative to the page
		c.CloseNow()
		return
	}
	if !errors.Is(err, ws.ErrSyntax) || !strings.Contains(err.Error(), "Options.BaseURL") {
		t.Error(err)
	}
}
