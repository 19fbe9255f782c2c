//go:build !js

package handshake

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
)

// opener is a handler that opens every connection, with the first subprotocol of its request, which it sends to
// requests.
func opener(t testing.TB, requests chan<- *request) func(net.Conn) {
	return func(conn net.Conn) {
		req := readRequest(t, conn)
		if req == nil {
			return
		}
		lines := ""
		if protocol, _, _ := strings.Cut(req.field("Sec-WebSocket-Protocol"), ","); protocol != "" {
			lines = "Sec-WebSocket-Protocol: " + protocol + "\r\n"
		}
		conn.Write([]byte(req.open(lines, "")))
		requests <- req
		ended(t, conn)
	}
}

// open dials and closes the stream, and returns the request that the server got.
func open(t testing.TB, cfg *Config, requests <-chan *request) *request {
	t.Helper()
	result, err := Dial(patient(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Stream.Close(); err != nil {
		t.Error(err)
	}
	return <-requests
}

func TestRequest(t *testing.T) {
	requests := make(chan *request, 1)
	server := serve(t, opener(t, requests))
	req := open(t, &Config{
		URL:         server.url(t, "/x?y"),
		Protocols:   []string{"b", "a", "B"},
		Compression: true,
		Header: http.Header{
			"host":                   {"example.org:8080"},
			"Origin":                 {"https://example.org"},
			"X-A":                    {"1", "2"},
			"cookie":                 {"a=b"},
			"Connection":             {"close"},
			"upgrade":                {"h2c"},
			"sec-websocket-key":      {"x"},
			"Sec-WebSocket-Protocol": {"x"},
			"Content-Length":         {"5"},
		},
	}, requests)
	key := req.field("Sec-WebSocket-Key")
	want := strings.Join([]string{
		"GET /x?y HTTP/1.1",
		"Host: example.org:8080",
		"User-Agent: Go-http-client/1.1",
		"Connection: Upgrade",
		"Origin: https://example.org",
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
		"Sec-WebSocket-Key: " + key,
		"Sec-WebSocket-Protocol: b, a, B",
		"Sec-WebSocket-Version: 13",
		"Upgrade: websocket",
		"X-A: 1",
		"X-A: 2",
		"cookie: a=b",
		"", "",
	}, "\r\n")
	if req.text != want {
		t.Errorf("request\n%swant\n%s", req.text, want)
	}
	if len(key) != 24 {
		t.Errorf("key %q", key)
	}
}

func TestBareRequest(t *testing.T) {
	requests := make(chan *request, 1)
	server := serve(t, opener(t, requests))
	cfg := &Config{URL: server.url(t, "/"), Header: http.Header{"User-Agent": {""}}}
	first, second := open(t, cfg, requests), open(t, cfg, requests)
	for _, name := range []string{"User-Agent", "Origin", "Accept-Encoding", "Sec-WebSocket-Protocol",
		"Sec-WebSocket-Extensions", "Cookie"} {
		if value := first.field(name); value != "" || strings.Contains(first.text, name) {
			t.Errorf("%s: %s", name, value)
		}
	}
	if first.field("Sec-WebSocket-Key") == second.field("Sec-WebSocket-Key") {
		t.Error("key used twice")
	}
}

func TestInvalidHeader(t *testing.T) {
	server := serve(t, opener(t, make(chan *request, 1)))
	for _, header := range []http.Header{{"X-A": {"a\r\nb: c"}}, {"X A": {"b"}}, {"": {"b"}}} {
		_, err := Dial(patient(t), &Config{URL: server.url(t, "/"), Header: header})
		if err == nil {
			t.Errorf("opened with header %q", header)
		}
		t.Log(err)
	}
}

func TestStream(t *testing.T) {
	tail := strings.Repeat("early", 4000) // more than net/http buffers
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("", tail)))
		io.Copy(conn, conn)
	})
	var hooked *http.Response
	result, err := Dial(patient(t), &Config{
		URL:         server.url(t, "/"),
		OnHandshake: func(resp *http.Response) { hooked = resp },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Stream.Close()
	if hooked == nil || hooked != result.Response || hooked.StatusCode != 101 {
		t.Errorf("OnHandshake got %v", hooked)
	}
	rest := make([]byte, len(tail)-len(result.Early))
	if _, err := io.ReadFull(result.Stream, rest); err != nil {
		t.Fatal(err)
	}
	if string(result.Early)+string(rest) != tail {
		t.Error("bytes behind the header are not what the server sent")
	}
	echo(t, result.Stream)
}

// echo writes to a stream and reads the same from it.
func echo(t testing.TB, stream io.ReadWriter) {
	t.Helper()
	if _, err := io.WriteString(stream, "ping"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4)
	if _, err := io.ReadFull(stream, buf); err != nil || string(buf) != "ping" {
		t.Fatalf("echo %q, %v", buf, err)
	}
}

func TestContextAfterDial(t *testing.T) {
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("", "")))
		io.Copy(conn, conn)
	})
	ctx, cancel := context.WithCancel(patient(t))
	result, err := Dial(ctx, &Config{URL: server.url(t, "/")})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Stream.Close()
	cancel()
	echo(t, result.Stream)
}

// settled waits until no more goroutines run than n.
func settled(t testing.TB, n int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > n {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), n, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

// TestCancel cancels a handshake that the server never answers, at every stage of it.
func TestCancel(t *testing.T) {
	for _, stage := range []struct{ name, scheme string }{{"response", "ws://"}, {"TLS", "wss://"}} {
		t.Run(stage.name, func(t *testing.T) {
			goroutines := runtime.NumGoroutine()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			ctx, cancel := context.WithCancel(patient(t))
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := Dial(ctx, &Config{URL: parseURL(t, stage.scheme+listener.Addr().String()+"/")})
				done <- err
			}()
			conn, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			if _, err := conn.Read(make([]byte, 1)); err != nil { // the client now waits for an answer
				t.Fatal(err)
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			ended(t, conn)
			conn.Close()
			settled(t, goroutines)
		})
	}
}

// TestCancelRace lets the context end around the moment in which the handshake succeeds: either Dial fails and the
// connection is closed, or it is open and stays so.
func TestCancelRace(t *testing.T) {
	cancels := make(chan context.CancelFunc, 1)
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		if req == nil {
			return
		}
		cancel := <-cancels
		if _, err := conn.Write([]byte(req.open("", ""))); err == nil {
			cancel()
			io.Copy(conn, conn)
		}
	})
	u := server.url(t, "/")
	opened := 0
	for range 100 {
		ctx, cancel := context.WithCancel(patient(t))
		cancels <- cancel
		result, err := Dial(ctx, &Config{URL: u})
		switch {
		case err == nil:
			opened++
			echo(t, result.Stream)
			result.Stream.Close()
		case !errors.Is(err, context.Canceled):
			t.Fatal(err)
		}
	}
	t.Logf("%d of 100 opened", opened)
}

func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("the cause")
	cancel(cause)
	_, err := Dial(ctx, &Config{URL: parseURL(t, "ws://127.0.0.1:1/")})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	server := serve(t, func(conn net.Conn) { ended(t, conn) })
	_, err := Dial(patient(t), &Config{URL: server.url(t, "/"), Client: &http.Client{Timeout: time.Millisecond}})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1ms") {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, err = Dial(patient(t), &Config{URL: parseURL(t, "ws://user:secret@"+address+"/")})
	var op *net.OpError
	if !errors.As(err, &op) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), placeholder) {
		t.Error(err)
	}
	if _, err := Dial(patient(t), &Config{URL: parseURL(t, "ws://127.0.0.1:0/")}); err == nil {
		t.Error("opened port 0")
	}
}

func TestRedirect(t *testing.T) {
	requests := make(chan *request, 9)
	server := serve(t, func(conn net.Conn) {
		requests <- readRequest(t, conn)
		conn.Write([]byte("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"))
		ended(t, conn)
	})
	var status *StatusError
	_, err := Dial(patient(t), &Config{URL: server.url(t, "/"), Client: http.DefaultClient})
	if !errors.As(err, &status) || status.StatusCode != 302 || http.Header(status.Header).Get("Location") != "/other" {
		t.Error(err)
	}
	if len(requests) != 1 {
		t.Errorf("%d requests", len(requests))
	}
}

// unauthorized is a handler that answers 401 with the challenges until the request carries want.
func unauthorized(t testing.TB, challenges, want string, requests chan<- *request) func(net.Conn) {
	return func(conn net.Conn) {
		req := readRequest(t, conn)
		requests <- req
		if want != "" && req.field("Authorization") == want {
			conn.Write([]byte(req.open("", "")))
		} else {
			conn.Write([]byte("HTTP/1.1 401 Unauthorized\r\n" + challenges + "Content-Length: 0\r\n\r\n"))
		}
		ended(t, conn)
	}
}

func TestCredentials(t *testing.T) {
	const basic = "WWW-Authenticate: Basic realm=\"x\"\r\n"
	for _, c := range []struct {
		name, userinfo, challenges, want string
		header                           http.Header
		requests                         int
		open                             bool
	}{
		{"basic", "user:pa%20ss%C3%A9@", basic, "Basic dXNlcjpwYSBzc8Op", nil, 2, true},
		{"user only", "user@", basic, "Basic dXNlcjo=", nil, 2, true},
		{"wrong", "user:other@", basic, "Basic dXNlcjpwYXNz", nil, 2, false},
		{"none", "", basic, "", nil, 1, false},
		{"digest", "user:pass@", "WWW-Authenticate: Digest realm=\"a, Basic b\", nonce=Basic, basic = 1\r\n", "", nil, 1,
			false},
		{"both", "user:pass@", "WWW-Authenticate: Digest realm=\"a\\\"\", qop=auth, BASIC realm=b\r\n", "Basic dXNlcjpwYXNz",
			nil, 2, true},
		{"two fields", "user:pass@", "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: basic\r\n", "Basic dXNlcjpwYXNz", nil,
			2, true},
		{"no challenge", "user:pass@", "", "", nil, 1, false},
		{"caller's", "user:pass@", basic, "Bearer x", http.Header{"Authorization": {"Bearer x"}}, 1, true},
		{"caller's refused", "user:pass@", basic, "", http.Header{"Authorization": {"Bearer x"}}, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			requests := make(chan *request, 9)
			server := serve(t, unauthorized(t, c.challenges, c.want, requests))
			u := parseURL(t, "ws://"+c.userinfo+server.Addr().String()+"/")
			result, err := Dial(patient(t), &Config{URL: u, Header: c.header})
			if err == nil {
				result.Stream.Close()
			}
			var status *StatusError
			if c.open != (err == nil) || !c.open && (!errors.As(err, &status) || status.StatusCode != 401) {
				t.Error(err)
			}
			if len(requests) != c.requests {
				t.Errorf("%d requests, want %d", len(requests), c.requests)
			}
			if first := (<-requests).field("Authorization"); first != c.header.Get("Authorization") {
				t.Errorf("first request with Authorization: %s", first)
			}
		})
	}
}

func TestCookies(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	refusals := 0
	requests := make(chan *request, 1)
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		if refusals == 0 {
			refusals++
			conn.Write([]byte("HTTP/1.1 503 Later\r\nSet-Cookie: refused=1; Path=/a b\r\nContent-Length: 0\r\n\r\n"))
		} else {
			conn.Write([]byte(req.open("Set-Cookie: opened=2\r\nSet-Cookie: other=3; Path=/elsewhere\r\n", "")))
		}
		requests <- req
		ended(t, conn)
	})
	cfg := &Config{URL: server.url(t, "/a%20b/c|d"), Client: &http.Client{Jar: jar},
		Header: http.Header{"Cookie": {"mine=0"}}}
	if _, err := Dial(patient(t), cfg); err == nil {
		t.Fatal("opened")
	}
	<-requests
	for _, want := range []string{"mine=0; refused=1", "mine=0; refused=1; opened=2"} {
		if got := open(t, cfg, requests).field("Cookie"); got != want {
			t.Errorf("Cookie: %s, want %s", got, want)
		}
	}
	base := &url.URL{Scheme: "http", Host: server.Addr().String(), Path: "/elsewhere"}
	if cookies := jar.Cookies(base); len(cookies) != 1 || cookies[0].String() != "other=3" {
		t.Errorf("cookies of /elsewhere: %v", cookies)
	}
}

// wrapped is a RoundTripper that is no http.Transport.
type wrapped struct{ http.RoundTripper }

func TestRoundTripper(t *testing.T) {
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("", "early")))
		io.Copy(conn, conn)
	})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	result, err := Dial(patient(t), &Config{URL: server.url(t, "/"), Client: &http.Client{Transport: wrapped{transport}}})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Stream.Close()
	early := make([]byte, 5)
	if n := copy(early, result.Early); n < 5 {
		if _, err := io.ReadFull(result.Stream, early[n:]); err != nil {
			t.Fatal(err)
		}
	}
	if string(early) != "early" {
		t.Errorf("early bytes %q", early)
	}
	echo(t, result.Stream)
}

// unreadable is a RoundTripper whose 101 has a body like any other response's.
type unreadable struct{ http.RoundTripper }

func (u unreadable) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := u.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = struct{ io.ReadCloser }{resp.Body}
	}
	return resp, err
}

func TestRoundTripperWithoutWriter(t *testing.T) {
	requests := make(chan *request, 1)
	server := serve(t, opener(t, requests))
	client := &http.Client{Transport: unreadable{&http.Transport{}}}
	if _, err := Dial(patient(t), &Config{URL: server.url(t, "/"), Client: client}); err == nil {
		t.Error("opened")
	}
}

// undated is a connection that ignores deadlines.
type undated struct{ net.Conn }

func (undated) SetDeadline(time.Time) error      { return nil }
func (undated) SetReadDeadline(time.Time) error  { return nil }
func (undated) SetWriteDeadline(time.Time) error { return nil }

func TestDiallerOfCaller(t *testing.T) {
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("", "early")))
		io.Copy(conn, conn)
	})
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr != "nowhere.invalid:80" {
				t.Errorf("dials %s", addr)
			}
			conn, err := new(net.Dialer).DialContext(ctx, network, server.Addr().String())
			return undated{conn}, err
		},
	}}
	result, err := Dial(patient(t), &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: client})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Stream.Close()
	if _, ok := result.Stream.(net.Conn); !ok {
		t.Errorf("stream is a %T", result.Stream)
	}
	early := make([]byte, 5)
	n := copy(early, result.Early)
	if _, err := io.ReadFull(result.Stream, early[n:]); err != nil || string(early) != "early" {
		t.Errorf("early bytes %q, %v", early, err)
	}
	echo(t, result.Stream)
}

// TestGoroutines opens and closes connections and finds nothing left.
func TestGoroutines(t *testing.T) {
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("", "")))
		ended(t, conn)
	})
	goroutines := runtime.NumGoroutine()
	for range 20 {
		result, err := Dial(patient(t), &Config{URL: server.url(t, "/")})
		if err != nil {
			t.Fatal(err)
		}
		settled(t, goroutines+1) // the server's
		result.Stream.Close()
		settled(t, goroutines)
	}
}
