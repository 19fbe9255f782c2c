//go:build !js

package ws_test

// How Accept answers requests, byte by byte.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// TestAcceptRequest: each field missing, doubled and wrong.
func TestAcceptRequest(t *testing.T) {
	t.Parallel()
	const (
		get     = "GET /path HTTP/1.1"
		host    = "Host: example.com"
		upgrade = "Upgrade: websocket"
		conn    = "Connection: Upgrade"
		key     = "Sec-WebSocket-Key: " + handshakeKey
		version = "Sec-WebSocket-Version: 13"
	)
	opts := &ws.AcceptOptions{Protocols: []string{"chat.v2", "chat.v1"}, Compression: ws.CompressContext}
	for _, c := range []struct {
		name   string
		lines  []string
		status int
		says   string            // a part of the error's text, and of the body unless the status is 101
		header map[string]string // of the answer
	}{
		{"good", []string{get, host, upgrade, conn, key, version}, 101, "",
			map[string]string{"Sec-WebSocket-Accept": handshakeAccept, "Upgrade": "websocket", "Connection": "Upgrade",
				"Sec-WebSocket-Protocol": "", "Sec-WebSocket-Extensions": "", "Content-Length": ""}},
		{"names and values in other case",
			[]string{get, host, "UPGRADE: WebSocket", "connection: keep-alive, UPGRADE", "sec-websocket-key: " + handshakeKey,
				"SEC-WEBSOCKET-VERSION: 13"}, 101, "", map[string]string{"Sec-WebSocket-Accept": handshakeAccept}},
		{"lists", []string{get, host, "Upgrade: h2c, websocket", "Connection: keep-alive", conn, key, version}, 101, "", nil},
		{"no body, explicitly", []string{get, host, upgrade, conn, key, version, "Content-Length: 0"}, 101, "", nil},
		{"large header", []string{get, host, upgrade, conn, key, version, "Cookie: " + strings.Repeat("c", 60<<10)}, 101, "",
			map[string]string{"Sec-WebSocket-Accept": handshakeAccept}},

		{"no Upgrade", []string{get, host, conn, key, version}, 426, "Upgrade",
			map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}},
		{"other Upgrade", []string{get, host, "Upgrade: h2c", conn, key, version}, 426, `"h2c"`,
			map[string]string{"Upgrade": "websocket"}},
		{"Upgrade with a letter that only Unicode folds", []string{get, host, "Upgrade: web\u017focket", conn, key, version},
			426, "Upgrade", nil},
		{"Upgrade twice", []string{get, host, upgrade, "Upgrade: websocket", conn, key, version}, 101, "", nil},
		{"no Connection", []string{get, host, upgrade, key, version}, 426, "Connection",
			map[string]string{"Upgrade": "websocket"}},
		{"other Connection", []string{get, host, upgrade, "Connection: keep-alive", key, version}, 426, "keep-alive", nil},
		{"plain request", []string{get, host}, 426, "Upgrade", map[string]string{"Upgrade": "websocket"}},

		{"no key", []string{get, host, upgrade, conn, version}, 400, "Sec-WebSocket-Key is missing", nil},
		{"key twice", []string{get, host, upgrade, conn, key, key, version}, 400, "Sec-WebSocket-Key is repeated", nil},
		{"empty key", []string{get, host, upgrade, conn, "Sec-WebSocket-Key:", version}, 400, "Sec-WebSocket-Key", nil},
		{"key of 15 bytes", []string{get, host, upgrade, conn, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA", version}, 400,
			"16 bytes", nil},
		{"key of 18 bytes", []string{get, host, upgrade, conn, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA", version}, 400,
			"16 bytes", nil},
		{"key that is not base64", []string{get, host, upgrade, conn, "Sec-WebSocket-Key: !GhlIHNhbXBsZSBub25jZQ==", version},
			400, "base64", nil},

		{"no version", []string{get, host, upgrade, conn, key}, 400, "Sec-WebSocket-Version is missing", nil},
		{"version twice", []string{get, host, upgrade, conn, key, version, version}, 400, "Sec-WebSocket-Version is repeated",
			nil},
		{"version 8", []string{get, host, upgrade, conn, key, "Sec-WebSocket-Version: 8"}, 426, `"8"`,
			map[string]string{"Sec-WebSocket-Version": "13", "Upgrade": "websocket"}},
		{"versions", []string{get, host, upgrade, conn, key, "Sec-WebSocket-Version: 13, 8"}, 426, "13, 8",
			map[string]string{"Sec-WebSocket-Version": "13"}},

		{"empty host", []string{get, "Host:", upgrade, conn, key, version}, 400, "Host is empty", nil},
		{"whole URL", []string{"GET http://example.com/path HTTP/1.1", "Host: other.example", upgrade, conn, key, version,
			"Origin: http://example.com"}, 101, "", nil},
		{"target without host and path", []string{"GET x:.evil.example/ HTTP/1.1", host, upgrade, conn, key, version}, 400,
			"x:.evil.example/", nil},
		{"asterisk", []string{"GET * HTTP/1.1", host, upgrade, conn, key, version}, 400, `"*"`, nil},

		{"POST", []string{"POST / HTTP/1.1", host, upgrade, conn, key, version}, 405, "POST",
			map[string]string{"Allow": "GET"}},
		{"HEAD", []string{"HEAD / HTTP/1.1", host, upgrade, conn, key, version}, 405, "HEAD",
			map[string]string{"Allow": "GET"}},
		{"HTTP/1.0", []string{"GET / HTTP/1.0", host, upgrade, conn, key, version}, 426, "HTTP/1.0",
			map[string]string{"Upgrade": "websocket"}},
		{"body", []string{get, host, upgrade, conn, key, version, "Content-Length: 1"}, 400, "body", nil},
		{"chunked body", []string{get, host, upgrade, conn, key, version, "Transfer-Encoding: chunked"}, 400, "body", nil},

		{"own host's origin", []string{get, host, upgrade, conn, key, version, "Origin: https://example.com"}, 101, "", nil},
		{"other origin", []string{get, host, upgrade, conn, key, version, "Origin: https://evil.example"}, 403,
			"https://evil.example", nil},
		{"origin twice",
			[]string{get, host, upgrade, conn, key, version, "Origin: https://example.com", "Origin: https://example.com"}, 400,
			"Origin is repeated", nil},
		{"forwarded host", []string{get, host, upgrade, conn, key, version, "Origin: https://evil.example",
			"X-Forwarded-Host: evil.example"}, 403,
			"https://evil.example", nil},

		{"subprotocols", []string{get, host, upgrade, conn, key, version, "Sec-WebSocket-Protocol: x, chat.v1 ,chat.v2"}, 101,
			"", map[string]string{"Sec-WebSocket-Protocol": "chat.v2"}},
		{"subprotocols in two fields", []string{get, host, upgrade, conn, key, version, "Sec-WebSocket-Protocol: x",
			"Sec-WebSocket-Protocol: chat.v1"}, 101, "", map[string]string{"Sec-WebSocket-Protocol": "chat.v1"}},
		{"other subprotocols", []string{get, host, upgrade, conn, key, version, "Sec-WebSocket-Protocol: Chat.V2, x"}, 400,
			"subprotocols", nil},
		{"subprotocol that is no token", []string{get, host, upgrade, conn, key, version, "Sec-WebSocket-Protocol: a b"}, 400,
			`"a b"`, nil},
		{"empty subprotocols", []string{get, host, upgrade, conn, key, version, "Sec-WebSocket-Protocol: ,"}, 101, "",
			map[string]string{"Sec-WebSocket-Protocol": ""}},

		{"extension", []string{get, host, upgrade, conn, key, version,
			"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"}, 101, "",
			map[string]string{"Sec-WebSocket-Extensions": "permessage-deflate"}},
		{"extension in a second field", []string{get, host, upgrade, conn, key, version, "Sec-WebSocket-Extensions: foo",
			"Sec-WebSocket-Extensions: permessage-deflate; x, permessage-deflate; server_max_window_bits=9"}, 101, "",
			map[string]string{"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=9"}},
		{"other extension", []string{get, host, upgrade, conn, key, version, "Sec-WebSocket-Extensions: foo"}, 101, "",
			map[string]string{"Sec-WebSocket-Extensions": ""}},
		{"extensions that are no list",
			[]string{get, host, upgrade, conn, key, version, "Sec-WebSocket-Extensions: permessage-deflate;;"}, 400,
			"Sec-WebSocket-Extensions", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			type accepted struct {
				conn       *ws.Conn
				err, check error
			}
			results := make(chan accepted, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				check := ws.CheckRequest(r, opts)
				c, err := ws.Accept(w, r, opts)
				results <- accepted{c, err, check}
			}))
			t.Cleanup(server.Close)
			behind := maskedFrame(fin|text, "early")
			if c.name == "chunked body" {
				behind = "0\r\n\r\n" // the server answers when it has the end of the body
			}
			client := connectRaw(t, server, strings.Join(c.lines, "\r\n")+"\r\n\r\n"+behind)
			response := client.response()
			got := await(t, "result", results)
			if response.StatusCode != c.status {
				t.Fatalf("the answer is %s, want %d; %v", response.Status, c.status, got.err)
			}
			for name, want := range c.header {
				if values := response.Header.Values(name); strings.Join(values, "|") != want {
					t.Errorf("%s is %q, want %q", name, values, want)
				}
			}
			if c.status == http.StatusSwitchingProtocols {
				if got.err != nil || got.check != nil {
					t.Fatalf("Accept: %v, CheckRequest: %v", got.err, got.check)
				}
				// The frame that came with the request has not been lost.
				wantText(t, read(t, got.conn), "early")
				send(t, got.conn, ws.Text("answer"))
				client.wantFrame(fin|text, "answer")
				client.send(fin|closeFrame, "\x03\xe8")
				client.wantFrame(fin|closeFrame, "\x03\xe8")
				client.wantEnd() // the server ends TCP first
				wait(t, got.conn)
				return
			}
			if got.conn != nil {
				t.Errorf("Accept returned a connection")
			}
			for what, err := range map[string]error{"Accept": got.err, "CheckRequest": got.check} {
				var refused *ws.AcceptError
				if !errors.As(err, &refused) || refused.Status != c.status || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v, want an *AcceptError with %d and %q", what, err, c.status, c.says)
				}
				if strings.Contains(err.Error(), "answered") {
					t.Errorf("%s: %v; CheckRequest has answered nothing", what, err)
				}
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || c.lines[0] != "HEAD / HTTP/1.1" && !strings.Contains(string(body), c.says) {
				t.Errorf("the body is %q, %v; want %q", body, err, c.says)
			}
		})
	}
}

// TestAcceptEarly: what follows the request in the same bytes, in pieces of any length, is the connection's.
func TestAcceptEarly(t *testing.T) {
	t.Parallel()
	s := serveAccept(t, &ws.AcceptOptions{OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) }})
	request := handshakeRequest("example.com")
	var frames strings.Builder
	for i := range 100 {
		frames.WriteString(maskedFrame(fin|text, fmt.Sprint("message ", i)))
	}
	all := request + frames.String()
	for _, cut := range []int{len(request), len(request) + 1, len(request) + 20, len(request) + 1000, len(all)} {
		client := connectRaw(t, s.Server, all[:cut])
		response := client.response()
		if response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(response.Status)
		}
		if _, err := io.WriteString(client, all[cut:]); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			client.wantFrame(fin|text, fmt.Sprint("message ", i))
		}
		client.send(fin|closeFrame, "\x0f\xa0")
		client.wantFrame(fin|closeFrame, "\x0f\xa0")
		client.wantEnd()
		wait(t, await(t, "connection", s.conns))
	}
}

// TestAcceptHeader: w.Header's fields go out with the answer, and cannot break it.
func TestAcceptHeader(t *testing.T) {
	t.Parallel()
	conns := make(chan *ws.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		h := w.Header()
		h.Set("X-Trace", " of\r\nConnection: close\n\r\n ")
		h["x-lower"] = []string{"kept"}
		h["bad name"] = []string{"x"}
		h["Bad\r\nName"] = []string{"x"}
		for _, name := range []string{"Connection", "connection", "Upgrade", "Sec-WebSocket-Accept", "sec-websocket-accept",
			"Sec-WebSocket-Protocol",
			"Sec-WebSocket-Extensions", "Sec-WebSocket-Version", "Content-Length", "Transfer-Encoding", "transfer-encoding",
			"Content-Encoding", "Trailer", http.TrailerPrefix + "X"} {
			h[name] = []string{"wrong"}
		}
		c, err := ws.Accept(w, r, nil)
		if err != nil {
			t.Errorf("Accept: %v", err)
		}
		conns <- c
	}))
	t.Cleanup(server.Close)
	client := connectRaw(t, server, handshakeRequest("example.com"))
	response := client.response()
	want := http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Accept": {handshakeAccept},
		"Set-Cookie": {"a=1", "b=2"}, "X-Trace": {"of  Connection: close"}, "X-Lower": {"kept"},
	}
	if got := fmt.Sprint(response.Header); response.StatusCode != http.StatusSwitchingProtocols ||
		got != fmt.Sprint(want) {
		t.Errorf("the answer is %s with\n%s, want\n%v", response.Status, got, want)
	}
	client.send(fin|closeFrame, "")
	client.wantFrame(fin|closeFrame, "")
	client.wantEnd()
	wait(t, await(t, "connection", conns))
}

// unwrapping is middleware as it should be.
type unwrapping struct {
	http.ResponseWriter
	bytes int
}

func (u *unwrapping) Unwrap() http.ResponseWriter { return u.ResponseWriter }

func (u *unwrapping) Write(p []byte) (int, error) {
	u.bytes += len(p)
	return u.ResponseWriter.Write(p)
}

// hiding is middleware that hides everything except the interface.
type hiding struct{ w http.ResponseWriter }

func (h hiding) Header() http.Header         { return h.w.Header() }
func (h hiding) Write(p []byte) (int, error) { return h.w.Write(p) }
func (h hiding) WriteHeader(status int)      { h.w.WriteHeader(status) }

// compressing stands for middleware that compresses what is written; it only counts the writes.
type compressing struct {
	unwrapping
	began bool
}

func (c *compressing) WriteHeader(status int) {
	c.began = true
	c.Header().Set("Content-Encoding", "gzip")
	c.Header().Del("Content-Length")
	c.unwrapping.WriteHeader(status)
}

func (c *compressing) Write(p []byte) (int, error) {
	if !c.began {
		c.WriteHeader(http.StatusOK)
	}
	return c.unwrapping.Write(p)
}

// TestAcceptMiddleware: the connection is found behind middleware that has Unwrap; without, w is answered 500.
func TestAcceptMiddleware(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		wrap   func(http.Handler) http.Handler
		status int
	}{
		{"none", func(h http.Handler) http.Handler { return h }, 101},
		{"three with Unwrap", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(&unwrapping{ResponseWriter: &unwrapping{ResponseWriter: &unwrapping{ResponseWriter: w}}}, r)
			})
		}, 101},
		{"compression", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Vary", "Accept-Encoding")
				inner := &compressing{unwrapping: unwrapping{ResponseWriter: w}}
				h.ServeHTTP(inner, r)
				if inner.began || inner.bytes > 0 {
					t.Errorf("Accept wrote through middleware")
				}
			})
		}, 101},
		{"without Unwrap", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(hiding{w}, r) })
		}, 500},
		{"http.TimeoutHandler", func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "late") },
			500},
		{"StripPrefix and MaxBytesHandler", func(h http.Handler) http.Handler {
			return http.StripPrefix("/", http.MaxBytesHandler(h, 10))
		}, 101},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			errs := make(chan error, 1)
			server := httptest.NewServer(c.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := ws.Accept(w, r, &ws.AcceptOptions{OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) }})
				errs <- err
			})))
			t.Cleanup(server.Close)
			conn, err := ws.Dial(testContext(t), wsURL(server), nil)
			acceptErr := await(t, "result", errs)
			if c.status == http.StatusSwitchingProtocols {
				if err != nil || acceptErr != nil {
					t.Fatalf("Dial: %v, Accept: %v", err, acceptErr)
				}
				wantEcho(t, conn)
				conn.Shutdown(testContext(t), 1000, "")
				return
			}
			var refused *ws.AcceptError
			var answer *ws.HandshakeError
			if !errors.As(acceptErr, &refused) || refused.Status != c.status || !strings.Contains(acceptErr.Error(), "Unwrap") ||
				!errors.Is(acceptErr, errors.ErrUnsupported) {
				t.Errorf("Accept: %v, want an *AcceptError with %d that names Unwrap", acceptErr, c.status)
			}
			if !errors.As(err, &answer) || answer.StatusCode != c.status || strings.Contains(string(answer.Body), "Unwrap") {
				t.Errorf("Dial: %v, want %d without details", err, c.status)
			}
		})
	}
}

// TestAcceptBadCalls: arguments that are wrong are errors, and w is answered once.
func TestAcceptBadCalls(t *testing.T) {
	t.Parallel()
	request := func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "http://example.com/", nil)
		r.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Key": {handshakeKey},
			"Sec-Websocket-Version": {"13"}}
		return r
	}
	for _, c := range []struct {
		name    string
		w       *httptest.ResponseRecorder
		request *http.Request
		opts    *ws.AcceptOptions
		status  int
		kind    error
	}{
		{"nil w", nil, request(), nil, 0, typeError},
		{"nil request", httptest.NewRecorder(), nil, nil, 500, typeError},
		{"zero request", httptest.NewRecorder(), new(http.Request), nil, 405, nil},
		{"w that has no connection", httptest.NewRecorder(), request(), nil, 500, errors.ErrUnsupported},
		{"nil options", httptest.NewRecorder(), request(), nil, 500, errors.ErrUnsupported},
		{"BinaryType", httptest.NewRecorder(), request(), &ws.AcceptOptions{BinaryType: "text"}, 500, typeError},
		{"Compression", httptest.NewRecorder(), request(), &ws.AcceptOptions{Compression: 9}, 500, typeError},
		{"Origins", httptest.NewRecorder(), request(), &ws.AcceptOptions{Origins: []string{"example.com"}}, 500,
			ws.ErrSyntax},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w http.ResponseWriter
			if c.w != nil {
				w = c.w
			}
			conn, err := ws.Accept(w, c.request, c.opts)
			var refused *ws.AcceptError
			if conn != nil || !errors.As(err, &refused) || refused.Status != c.status ||
				c.kind != nil && !errors.Is(err, c.kind) {
				t.Errorf("Accept: %v, %v; want an *AcceptError with %d and %v", conn, err, c.status, c.kind)
			}
			if c.w != nil && c.w.Code != c.status {
				t.Errorf("answered %d, want %d", c.w.Code, c.status)
			}
			if c.kind != errors.ErrUnsupported {
				if err := ws.Serve(w, c.request, c.opts); !errors.As(err, &refused) {
					t.Errorf("Serve: %v", err)
				}
			}
		})
	}
	if err := ws.CheckRequest(request(), nil); err != nil {
		t.Errorf("CheckRequest: %v", err)
	}
	if err := ws.CheckRequest(nil, nil); !errors.Is(err, typeError) {
		t.Errorf("CheckRequest of nil: %v", err)
	}
	if text := new(ws.AcceptError).Error(); text == "" {
		t.Error("an empty AcceptError says nothing")
	}
}

// TestAcceptTwice: a second Accept of a request is an error, and the first one's connection is not disturbed.
func TestAcceptTwice(t *testing.T) {
	t.Parallel()
	type result struct {
		conn *ws.Conn
		errs [2]error
	}
	results := make(chan result, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var got result
		got.conn, got.errs[0] = ws.Accept(w, r, nil)
		_, got.errs[1] = ws.Accept(w, r, nil)
		results <- got
	}))
	t.Cleanup(server.Close)
	c := dial(t, wsURL(server), nil)
	got := await(t, "result", results)
	var refused *ws.AcceptError
	if got.errs[0] != nil || !errors.As(got.errs[1], &refused) || refused.Status != 0 ||
		!errors.Is(refused, http.ErrHijacked) {
		t.Fatalf("Accept: %v, and again: %v", got.errs[0], got.errs[1])
	}
	send(t, c, ws.Text("a"))
	wantText(t, read(t, got.conn), "a")
	send(t, got.conn, ws.Text("b"))
	wantText(t, read(t, c), "b")
	got.conn.CloseNow()
}

// TestAcceptAnswered: a request that has been answered before leaves nothing behind.
func TestAcceptAnswered(t *testing.T) {
	t.Parallel()
	results := make(chan *ws.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		c, err := ws.Accept(w, r, nil)
		if err != nil {
			t.Logf("Accept: %v", err)
		}
		results <- c
	}))
	t.Cleanup(server.Close)
	_, err := ws.Dial(testContext(t), wsURL(server), nil)
	var answer *ws.HandshakeError
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusTeapot {
		t.Errorf("Dial: %v, want 418", err)
	}
	if c := await(t, "result", results); c != nil {
		wait(t, c) // the client has gone
	}
}

// TestAcceptGone: a client that has gone is an error or the end of the connection, and the handler returns.
func TestAcceptGone(t *testing.T) {
	t.Parallel()
	entered, gone := make(chan struct{}), make(chan struct{})
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		close(entered)
		<-gone
		<-r.Context().Done() // net/http has seen it
		c, err := ws.Accept(w, r, nil)
		if err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			if _, err := c.Wait(ctx); err != nil {
				t.Errorf("Wait: %v", err)
			}
		}
	}))
	t.Cleanup(server.Close)
	client := connectRaw(t, server, handshakeRequest("example.com"))
	<-entered
	client.Close()
	close(gone)
	await(t, "end of the handler", ended)
}

// TestAcceptBehindClose: a client may send control frames behind its Close frame (RFC 6455, section 5.5.1). They must
// not cost it what the server sent before: a TCP connection that is closed with unread data, or that gets data
// afterwards, is reset.
func TestAcceptBehindClose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		start  func(http.Handler) *httptest.Server
		before string // comes with the Close frame
	}{
		{"with it", httptest.NewServer, maskedFrame(fin|pong, "at once")},
		{"later", httptest.NewServer, ""},
		{"TLS", httptest.NewTLSServer, maskedFrame(fin|pong, "at once")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			accepted := make(chan *ws.Conn, 1)
			server := c.start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := ws.Accept(w, r, &ws.AcceptOptions{Compression: ws.NoCompression})
				if err != nil {
					t.Error(err)
				}
				accepted <- conn
			}))
			t.Cleanup(server.Close)
			client := openClient(t, server)
			tcp := client.Conn
			if s, ok := tcp.(*tls.Conn); ok {
				tcp = s.NetConn()
			}
			tcp.(*net.TCPConn).SetReadBuffer(8 << 10) // so that most of the message stays with the server's system
			conn := await(t, "connection", accepted)
			message := strings.Repeat("m", 100<<10)
			send(t, conn, ws.Text(message))
			if _, err := io.WriteString(client, maskedFrame(fin|closeFrame, "\x03\xe8")+c.before); err != nil {
				t.Fatal(err)
			}
			if ev := wait(t, conn); !ev.WasClean {
				t.Errorf("the close event is %+v", ev)
			}
			client.send(fin|pong, "behind Close")
			var got []byte
			for last := false; !last; {
				f, err := client.frame()
				if err != nil {
					t.Fatalf("%v after %d bytes", err, len(got))
				}
				got, last = append(got, f.payload...), f.first&fin != 0
			}
			if string(got) != message {
				t.Errorf("%d bytes came, not the message", len(got))
			}
			client.wantFrame(fin|closeFrame, "\x03\xe8")
			client.wantEnd()
			if tcp != client.Conn { // the server has ended TCP too
				newRawClient(t, tcp, "").wantEnd()
			}
		})
	}
}
