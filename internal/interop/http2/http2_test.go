// Package http2 tries Accept over HTTP/2 (RFC 8441) with a client that sends what no browser does. It is a package of
// its own because net/http reads the switch for it when a program starts.
package http2

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/seed2c7e30c3/ws"
)

const (
	debugVariable = "GODEBUG"
	debug         = "http2xconnect=1"

	// limit is how long a test waits for what must happen.
	limit = 30 * time.Second
)

// TestMain starts the tests again with the switch.
func TestMain(m *testing.M) {
	if os.Getenv(debugVariable) == debug {
		os.Exit(m.Run())
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), debugVariable+"="+debug)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		os.Exit(exited.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func await[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(limit):
		buf := make([]byte, 1<<20)
		t.Fatalf("no %s within %v\n%s", what, limit, buf[:runtime.Stack(buf, true)])
		panic("not reached")
	}
}

// serve starts an HTTP/2 server.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// accepting is a handler that stays until the connection has ended, and reports both.
type accepting struct {
	opts     *ws.AcceptOptions
	conns    chan *ws.Conn
	errs     chan error
	returned chan struct{}
}

func newAccepting(opts *ws.AcceptOptions) *accepting {
	return &accepting{opts, make(chan *ws.Conn, 8), make(chan error, 8), make(chan struct{}, 8)}
}

func (a *accepting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() { a.returned <- struct{}{} }()
	c, err := ws.Accept(w, r, a.opts)
	if err != nil {
		a.errs <- err
		return
	}
	a.conns <- c
	<-c.Done()
}

// stream is a client's end: frames out, frames in.
type stream struct {
	t      *testing.T
	resp   *http.Response
	out    *io.PipeWriter
	cancel context.CancelFunc
}

// open makes an extended CONNECT.
func open(t *testing.T, s *httptest.Server, change func(*http.Request)) *stream {
	t.Helper()
	transport := &http2.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the server's own certificate
	t.Cleanup(transport.CloseIdleConnections)
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	t.Cleanup(cancel)
	in, out := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, s.URL+"/ws", in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header[":protocol"] = []string{"websocket"}
	req.Header["Sec-Websocket-Version"] = []string{"13"}
	if change != nil {
		change(req)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &stream{t, resp, out, cancel}
}

// frame is a client's frame, whose mask is zero.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func (s *stream) send(b []byte) {
	s.t.Helper()
	if _, err := s.out.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

// want reads a frame with a short payload.
func (s *stream) want(first byte, payload string) {
	s.t.Helper()
	want := append([]byte{first, byte(len(payload))}, payload...)
	got := make([]byte, len(want))
	if n, err := io.ReadFull(s.resp.Body, got); err != nil || !bytes.Equal(got, want) {
		s.t.Fatalf("read %q, %v, want %q", got[:n], err, want)
	}
}

// wantEnd reads until the server ends the stream, and drops what comes before.
func (s *stream) wantEnd() error {
	s.t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, s.resp.Body)
		ended <- err
	}()
	return await(s.t, "end of the stream", ended)
}

func closeFrame(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

// TestFraming: frames may be cut into DATA frames anywhere, and control frames are answered.
func TestFraming(t *testing.T) {
	t.Parallel()
	a := newAccepting(&ws.AcceptOptions{OnMessage: func(c *ws.Conn, m ws.Message) { _ = c.Send(m) }})
	s := open(t, serve(t, a), func(r *http.Request) {
		r.Header["Sec-Websocket-Protocol"] = nil
		r.Header["Origin"] = []string{"https://" + r.URL.Host}
	})
	if s.resp.StatusCode != http.StatusOK || s.resp.Header.Get("Sec-Websocket-Accept") != "" {
		t.Fatalf("answered %v", s.resp)
	}
	c := await(t, "connection", a.conns)
	if got := c.URL(); !strings.HasPrefix(got, "wss://127.0.0.1:") || !strings.HasSuffix(got, "/ws") {
		t.Errorf("URL is %q", got)
	}
	if c.LocalAddr() == nil || c.RemoteAddr() == nil {
		t.Errorf("addresses %v, %v", c.LocalAddr(), c.RemoteAddr())
	}
	for _, b := range frame(0x81, "byte by byte") {
		s.send([]byte{b})
	}
	s.want(0x81, "byte by byte")
	s.send(append(frame(0x89, "ping"), frame(0x82, "behind it")...))
	s.want(0x8a, "ping")
	s.want(0x82, "behind it")
	s.send(frame(0x88, closeFrame(3000, "bye")))
	s.want(0x88, closeFrame(3000, "bye"))
	if err := s.wantEnd(); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	await(t, "return of the handler", a.returned)
	if e, _ := c.Wait(t.Context()); e != (ws.CloseEvent{Code: 3000, Reason: "bye", WasClean: true}) {
		t.Errorf("closed with %+v", e)
	}
}

// TestRefused: what is no handshake, with the status of its answer.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		change func(*http.Request)
	}{
		"protocol":    {501, func(r *http.Request) { r.Header[":protocol"] = []string{"connect-udp"} }},
		"no version":  {400, func(r *http.Request) { delete(r.Header, "Sec-Websocket-Version") }},
		"version":     {426, func(r *http.Request) { r.Header["Sec-Websocket-Version"] = []string{"8"} }},
		"origin":      {403, func(r *http.Request) { r.Header["Origin"] = []string{"https://elsewhere.example"} }},
		"subprotocol": {400, func(r *http.Request) { r.Header["Sec-Websocket-Protocol"] = []string{"other"} }},
		"GET": {426, func(r *http.Request) {
			r.Method = http.MethodGet
			r.Body = nil
			delete(r.Header, ":protocol")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccepting(&ws.AcceptOptions{Protocols: []string{"chat"}})
			s := open(t, serve(t, a), c.change)
			if s.resp.StatusCode != c.status {
				t.Errorf("answered %s, want %d", s.resp.Status, c.status)
			}
			var refusal *ws.AcceptError
			if err := await(t, "error", a.errs); !errors.As(err, &refusal) || refusal.Status != c.status {
				t.Errorf("Accept returned %v", err)
			}
		})
	}
}

// TestEnds: each way in which a connection ends, the handler can return, and nobody is left.
func TestEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("all", func(t *testing.T) {
		for name, end := range map[string]func(*testing.T, *stream, *ws.Conn){
			"client resets": func(_ *testing.T, s *stream, _ *ws.Conn) { s.out.CloseWithError(errors.New("reset")) },
			"client ends":   func(_ *testing.T, s *stream, _ *ws.Conn) { s.out.Close() },
			"server closes": func(t *testing.T, s *stream, c *ws.Conn) {
				if err := c.CloseWith(ws.StatusGoingAway, "stop"); err != nil {
					t.Error(err)
				}
				s.want(0x88, closeFrame(1001, "stop"))
				s.send(frame(0x88, closeFrame(1001, "")))
				if err := s.wantEnd(); err != nil {
					t.Errorf("the stream ended with %v", err)
				}
			},
			"server cuts": func(_ *testing.T, s *stream, c *ws.Conn) {
				_ = c.CloseNow()
				_ = s.wantEnd() // by a reset, or not
			},
			"server cuts while it writes": func(t *testing.T, s *stream, c *ws.Conn) {
				// More than the client's window: the write waits.
				if err := c.Send(ws.Bytes(make([]byte, 8<<20))); err != nil {
					t.Error(err)
				}
				_ = c.CloseNow()
			},
			"bad frame": func(t *testing.T, s *stream, _ *ws.Conn) {
				s.send(frame(0x83, "no such opcode"))
				head := make([]byte, 4)
				if _, err := io.ReadFull(s.resp.Body, head); err != nil || head[0] != 0x88 ||
					binary.BigEndian.Uint16(head[2:]) != 1002 {
					t.Errorf("read %x, %v", head, err)
				}
				s.out.Close()
				_ = s.wantEnd()
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				a := newAccepting(nil)
				s := open(t, serve(t, a), nil)
				c := await(t, "connection", a.conns)
				end(t, s, c)
				await(t, "return of the handler", a.returned)
				if _, err := c.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	})
	deadline := time.After(limit)
	for runtime.NumGoroutine() > before {
		select {
		case <-deadline:
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, before %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		default:
			runtime.Gosched()
		}
	}
}

// TestReturnsEarly: a handler that returns while its connection is open loses it.
func TestReturnsEarly(t *testing.T) {
	t.Parallel()
	conns := make(chan *ws.Conn, 100)
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_ = c.Send(ws.Text("hello"))
		conns <- c
	}))
	for range 20 {
		open(t, server, nil)
		c := await(t, "connection", conns)
		_ = c.Send(ws.Bytes(make([]byte, 1000)))
		if e, err := c.Wait(t.Context()); err != nil || e.Code != ws.StatusAbnormalClosure {
			t.Errorf("ended with %+v, %v", e, err)
		}
	}
}

// TestWrongCalls: a second Accept of a request, also of a copy, and a writer that cannot carry a connection.
func TestWrongCalls(t *testing.T) {
	t.Parallel()
	errs := make(chan error, 1)
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r.WithContext(t.Context()), nil) // as middleware hands it on
		if err != nil {
			t.Error(err)
			return
		}
		_, err = ws.Accept(shouting{w}, r, nil)
		errs <- err
		_ = c.Send(ws.Text("still there"))
		<-c.Done()
	})), nil)
	var refusal *ws.AcceptError
	if err := await(t, "error", errs); !errors.As(err, &refusal) || refusal.Status != 0 {
		t.Errorf("the second Accept returned %v", err)
	}
	s.want(0x81, "still there")

	a := newAccepting(nil)
	s = open(t, serve(t, http.TimeoutHandler(a, limit, "")), nil)
	if s.resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("answered %s", s.resp.Status)
	}
	if err := await(t, "error", a.errs); !errors.As(err, &refusal) || refusal.Status != http.StatusInternalServerError {
		t.Errorf("Accept behind a TimeoutHandler returned %v", err)
	}
}

// shouting is middleware that changes what is written, and can be seen through.
type shouting struct{ http.ResponseWriter }

func (s shouting) Write(p []byte) (int, error) { return s.ResponseWriter.Write(bytes.ToUpper(p)) }
func (s shouting) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// separate is middleware that has a header of its own until the status is written.
type separate struct {
	http.ResponseWriter
	header http.Header
}

func (s separate) Header() http.Header         { return s.header }
func (s separate) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s separate) WriteHeader(status int) {
	maps.Copy(s.ResponseWriter.Header(), s.header)
	s.ResponseWriter.WriteHeader(status)
}

// TestSeparateHeader: what has been negotiated reaches the client through middleware that has a header of its own.
func TestSeparateHeader(t *testing.T) {
	t.Parallel()
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Below", "1")
		own := http.Header{"Set-Cookie": {"a=b"}, "Content-Length": {"5"}}
		_ = ws.Serve(separate{w, own}, r, &ws.AcceptOptions{Protocols: []string{"chat"}})
	})), func(r *http.Request) {
		r.Header["Sec-Websocket-Protocol"] = []string{"chat"}
		r.Header["Sec-Websocket-Extensions"] = []string{"permessage-deflate"}
	})
	for name, want := range map[string]string{
		"Sec-Websocket-Protocol":   "chat",
		"Sec-Websocket-Extensions": "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
		"X-Below":                  "1", "Set-Cookie": "a=b", "Content-Length": "",
	} {
		if got := s.resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestMiddleware: what is written goes past middleware, and header fields go out with the answer.
func TestMiddleware(t *testing.T) {
	t.Parallel()
	s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Content-Encoding", "gzip")
		_ = ws.Serve(shouting{w}, r, &ws.AcceptOptions{OnOpen: func(c *ws.Conn) { _ = c.Send(ws.Text("quiet")) }})
	})), nil)
	if h := s.resp.Header; h.Get("Set-Cookie") != "a=b" || h.Get("Content-Length") != "" ||
		h.Get("Content-Encoding") != "" {
		t.Errorf("answered with %v", h)
	}
	s.want(0x81, "quiet")
}

// TestShutdown: the server waits for its streams, and a Group ends them.
func TestShutdown(t *testing.T) {
	t.Parallel()
	var group ws.Group
	a := newAccepting(&ws.AcceptOptions{Group: &group})
	server := serve(t, a)
	s := open(t, server, nil)
	await(t, "connection", a.conns)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	server.Config.RegisterOnShutdown(func() { go group.Shutdown(ctx, 0, "") })
	stopped := make(chan error, 1)
	go func() { stopped <- errors.Join(server.Config.Shutdown(ctx), group.Shutdown(ctx, 0, "")) }()
	s.want(0x88, closeFrame(1001, ""))
	s.send(frame(0x88, closeFrame(1001, "")))
	if err := s.wantEnd(); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	if err := await(t, "end of Shutdown", stopped); err != nil {
		t.Error(err)
	}
}

// TestServeContext: with Serve, a connection does not end with the request's context, which a server may end to stop,
// or middleware after a time.
func TestServeContext(t *testing.T) {
	t.Parallel()
	base, stop := context.WithCancel(t.Context())
	defer stop()
	var group ws.Group
	opened := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = ws.Serve(w, r, &ws.AcceptOptions{Group: &group, OnOpen: func(*ws.Conn) { close(opened) }})
	}))
	server.Config.BaseContext = func(net.Listener) context.Context { return base }
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	s := open(t, server, nil)
	await(t, "connection", opened)
	stop()
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	go func() { ended <- group.Shutdown(ctx, 0, "") }()
	s.want(0x88, closeFrame(1001, ""))
	s.send(frame(0x88, closeFrame(1001, "")))
	if err := s.wantEnd(); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	if err := await(t, "end of Shutdown", ended); err != nil {
		t.Error(err)
	}
}
