//go:build !js

package ws_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/seed2c7e30c3/ws"
)

// echoServer is a handler that answers by github.com/coder/websocket and sends back what it gets.
func echoServer(t *testing.T, setCookie *http.Cookie) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if setCookie != nil {
			http.SetCookie(w, setCookie)
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			kind, data, err := c.Read(context.Background())
			if err != nil || c.Write(context.Background(), kind, data) != nil {
				return
			}
		}
	})
}

// wsURL is the server's URL with the scheme ws or wss.
func wsURL(server *httptest.Server) string { return "ws" + strings.TrimPrefix(server.URL, "http") }

func wantEcho(t testing.TB, c *ws.Conn) {
	t.Helper()
	send(t, c, ws.Text("hello"), ws.Bytes(pattern(200000)))
	wantText(t, read(t, c), "hello")
	wantBuffer(t, read(t, c), pattern(200000))
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(echoServer(t, nil))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // what it says is expected
	server.StartTLS()
	defer server.Close()
	c := dial(t, wsURL(server), &ws.Options{Native: ws.NativeOptions{HTTPClient: server.Client()}})
	if !strings.HasPrefix(c.URL(), "wss://") {
		t.Errorf("URL %q", c.URL())
	}
	wantEcho(t, c)
	if err := c.CloseWith(4000, "done"); err != nil {
		t.Fatal(err)
	}
	wantClosedEverywhere(t, c, ws.CloseEvent{Code: 4000, Reason: "done", WasClean: true})
}

// deaf is a connection that ignores deadlines.
type deaf struct{ net.Conn }

func (deaf) SetDeadline(time.Time) error     { return nil }
func (deaf) SetReadDeadline(time.Time) error { return nil }

// TestCancelReadOf: a cancelled Read gives up on every kind of connection, and loses nothing. Only natively are there
// several kinds.
func TestCancelReadOf(t *testing.T) {
	t.Parallel()
	encrypted := httptest.NewTLSServer(echoServer(t, nil))
	defer encrypted.Close()
	plain := httptest.NewServer(echoServer(t, nil))
	defer plain.Close()
	deafClient := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network,
		addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return deaf{conn}, err
	}}}
	for name, of := range map[string]struct {
		server *httptest.Server
		client *http.Client
	}{"TCP": {plain, nil}, "TLS": {encrypted, encrypted.Client()}, "no deadlines": {plain, deafClient}} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, wsURL(of.server), &ws.Options{Native: ws.NativeOptions{HTTPClient: of.client}})
			for i := range 20 {
				ctx, cancel := context.WithTimeout(testContext(t), time.Duration(i)*200*time.Microsecond)
				if m, err := c.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("Read returned %v, %v", m, err)
				}
				cancel()
				wantEcho(t, c)
				wantEcho(t, c)
			}
			c.Close()
			wait(t, c)
		})
	}
}

func TestTLSFailure(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(echoServer(t, nil))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // what it says is expected
	server.StartTLS()
	defer server.Close()
	c, err := ws.Dial(testContext(t), wsURL(server), nil)
	var cause *tls.CertificateVerificationError
	var closed *ws.CloseError
	if c != nil || !errors.As(err, &closed) || closed.CloseEvent != abnormal || !errors.As(err, &cause) {
		t.Errorf("Dial returned %v, %v, want a *CloseError with a %T", c, err, cause)
	}

	// Plain HTTP on a TLS port and the other way round.
	for _, url := range []string{"ws" + strings.TrimPrefix(server.URL, "https"),
		"wss" + strings.TrimPrefix(serverURL, "ws")} {
		if c, err := ws.Dial(testContext(t), url, nil); c != nil || !errors.As(err, &closed) || closed.Err == nil {
			t.Errorf("Dial(%s) returned %v, %v, want a *CloseError with a cause", url, c, err)
		}
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(echoServer(t, &http.Cookie{Name: "given", Value: "by-the-server"}))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	wantEcho(t, dial(t, wsURL(server), &ws.Options{Native: ws.NativeOptions{HTTPClient: client}}))
	if cookies := jar.Cookies(at); len(cookies) != 1 || cookies[0].String() != "given=by-the-server" {
		t.Errorf("the jar has %v", cookies)
	}

	p := newPeer(t)
	to, err := url.Parse("http" + strings.TrimPrefix(p.URL, "ws"))
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(to, []*http.Cookie{{Name: "kept", Value: "in-the-jar"}})
	construct(t, p.URL, &ws.Options{Native: ws.NativeOptions{HTTPClient: client}})
	if got := p.conn(0).accept("").Header["Cookie"]; len(got) != 1 || got[0] != "kept=in-the-jar" {
		t.Errorf("the request has Cookie %q", got)
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	header := http.Header{
		"Origin":                   {"https://example.com"},
		"X-Several":                {"one", "two"},
		"Authorization":            {"Bearer token"},
		"Sec-Websocket-Version":    {"8"},
		"Sec-Websocket-Protocol":   {"smuggled"},
		"Sec-Websocket-Extensions": {"x-smuggled"},
		"Upgrade":                  {"h2c"},
	}
	construct(t, p.URL, &ws.Options{Protocols: []string{"real"}, Native: ws.NativeOptions{Header: header}})
	header.Set("Origin", "https://changed.example")
	got := p.conn(0).accept("real").Header
	for name, want := range map[string]string{
		"Origin": "[https://example.com]", "X-Several": "[one two]", "Authorization": "[Bearer token]",
		"Sec-Websocket-Version": "[13]", "Sec-Websocket-Protocol": "[real]", "Upgrade": "[websocket]",
		"Connection": "[Upgrade]", "Sec-Websocket-Extensions": "[permessage-deflate; client_max_window_bits]",
	} {
		if fmt.Sprint(got[name]) != want {
			t.Errorf("the request has %s %q, want %s", name, got[name], want)
		}
	}
	if key, err := base64.StdEncoding.DecodeString(strings.Join(got["Sec-Websocket-Key"], "")); err != nil ||
		len(key) != 16 {
		t.Errorf("the request has Sec-WebSocket-Key %q", got["Sec-Websocket-Key"])
	}

	p = newPeer(t)
	construct(t, p.URL, &ws.Options{Native: ws.NativeOptions{DisableCompression: true}})
	got = p.conn(0).accept("").Header
	for _, name := range []string{"Origin", "Sec-Websocket-Extensions", "Sec-Websocket-Protocol", "Cookie"} {
		if v, ok := got[name]; ok {
			t.Errorf("the request has %s %q", name, v)
		}
	}
}

func TestHandshakeError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code, size int
	}{{404, 3000}, {500, 10}, {401, 0}, {302, 5}, {307, 0}, {200, 1024}, {426, 1025}, {204, 0}} {
		t.Run(fmt.Sprint(test.code), func(t *testing.T) {
			t.Parallel()
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
				t.Error("a redirect was about to be followed")
				return nil
			}}
			_, err := ws.Dial(testContext(t), absolute(fmt.Sprintf("/status?code=%d&size=%d", test.code, test.size)),
				&ws.Options{
					Native: ws.NativeOptions{HTTPClient: client,
						OnHandshake: func(*http.Response) { t.Error("OnHandshake was called") }},
				})
			var refused *ws.HandshakeError
			if !errors.As(err, &refused) {
				t.Fatalf("Dial returned %v, want a *HandshakeError", err)
			}
			if refused.StatusCode != test.code || http.Header(refused.Header).Get("X-Test") != "yes" ||
				string(refused.Body) != strings.Repeat("b", min(test.size, 1024)) {
				t.Errorf("StatusCode %d, X-Test %q, Body of %d bytes", refused.StatusCode,
					http.Header(refused.Header).Get("X-Test"), len(refused.Body))
			}
			if !strings.Contains(err.Error(), fmt.Sprint(test.code)) || !strings.Contains(err.Error(), "/status?...") {
				t.Errorf("the error does not name the status and the URL: %v", err)
			}
		})
	}
	t.Run("wrong 101", func(t *testing.T) {
		p := newPeer(t)
		c := construct(t, p.URL, nil)
		p.conn(0).request()
		p.conn(0).answer("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", "X-Test: yes")
		wait(t, c)
		var refused *ws.HandshakeError
		if !errors.As(c.Err(), &refused) || refused.StatusCode != 101 || http.Header(refused.Header).Get("X-Test") != "yes" {
			t.Errorf("Err %v, %+v", c.Err(), refused)
		}
	})
}

// TestClientTimeout: it bounds the handshake, and nothing later.
func TestClientTimeout(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := construct(t, p.URL,
		&ws.Options{Native: ws.NativeOptions{HTTPClient: &http.Client{Timeout: 200 * time.Millisecond}}})
	wantClosedEverywhere(t, c, abnormal)
	if !os.IsTimeout(errors.Unwrap(c.Err())) && !errors.Is(c.Err(), context.DeadlineExceeded) {
		t.Errorf("the cause is %v, want a timeout", errors.Unwrap(c.Err()))
	}

	const timeout = 3 * time.Second
	c = dial(t, "/echo", &ws.Options{Native: ws.NativeOptions{HTTPClient: &http.Client{Timeout: timeout}}})
	over := time.NewTimer(timeout + 300*time.Millisecond)
	defer over.Stop()
	select {
	case <-over.C:
	case <-c.Done():
		t.Fatalf("the connection was closed: %v", c.Err())
	}
	wantEcho(t, c)
}

func TestOnHandshake(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(echoServer(t, &http.Cookie{Name: "a", Value: "b"}))
	defer server.Close()
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		order = append(order, what)
		mu.Unlock()
	}
	opened := make(chan struct{})
	c := dial(t, wsURL(server), &ws.Options{
		OnOpen: func(*ws.Conn) { note("OnOpen"); close(opened) },
		Native: ws.NativeOptions{OnHandshake: func(r *http.Response) {
			note(fmt.Sprint("OnHandshake ", r.StatusCode, " ", r.Header.Get("Set-Cookie")))
		}},
	})
	await(t, "open event", opened)
	wantEcho(t, c)
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(order, ", "); got != "OnHandshake 101 a=b, OnOpen" {
		t.Errorf("called %s", got)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"/echo?compress=1", "/coder/echo?compress=1"} {
		c := dial(t, server, nil)
		if !strings.HasPrefix(c.Extensions(), "permessage-deflate") {
			t.Errorf("Extensions %q", c.Extensions())
		}
		for i := range 50 {
			text := strings.Repeat(fmt.Sprintf(`{"number": %d, "text": "the same again"}`, i), i*20)
			send(t, c, ws.Text(text))
			wantText(t, read(t, c), text)
		}
	}
	if c := dial(t, "/echo?compress=1",
		&ws.Options{Native: ws.NativeOptions{DisableCompression: true}}); c.Extensions() != "" {
		t.Errorf("Extensions %q although compression is disabled", c.Extensions())
	}
	if c := dial(t, "/echo", nil); c.Extensions() != "" {
		t.Errorf("Extensions %q although the server wants none", c.Extensions())
	}
}

// TestPingInterval: the server is dead and answers nothing. What keeps a connection open is in ping_native_test.go.
func TestPingInterval(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	opts := &ws.Options{Native: ws.NativeOptions{PingInterval: 200 * time.Millisecond}}
	events := record(opts)
	c := construct(t, p.URL, opts)
	if f := p.accept().next(); f.First != fin|ping {
		t.Fatalf("the client sent %s, want a ping", showFrame(f))
	}
	events.want(t, "open OPEN", "error CLOSED CloseError=true", `close 1006 "" false CLOSED`)
	wantClosed(t, c, c.Err(), abnormal)
	if errors.Unwrap(c.Err()) == nil {
		t.Error("the CloseError has no cause")
	}
}

// TestProxy: the transport's proxy is used.
func TestProxy(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(echoServer(t, nil))
	defer target.Close()
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer from.Close()
		if _, err := io.WriteString(from, "HTTP/1.1 200 Connected\r\n\r\n"); err != nil {
			t.Error(err)
			return
		}
		go func() {
			io.Copy(to, from)
			to.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(from, to)
	}))
	defer proxy.Close()
	via, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via)}}
	c := dial(t, wsURL(target), &ws.Options{Native: ws.NativeOptions{HTTPClient: client}})
	wantEcho(t, c)
	c.Close()
	wait(t, c)
	if got, want := await(t, "request to the proxy", asked),
		"CONNECT "+strings.TrimPrefix(target.URL, "http://"); got != want {
		t.Errorf("the proxy was asked for %q, want %q", got, want)
	}
}

// TestReadBuffer: when more than ReadBuffer is unread TCP holds the server back; reading lets it go on, and nothing
// is lost.
func TestReadBuffer(t *testing.T) {
	t.Parallel()
	const (
		readBuffer = 1 << 20
		most       = 256 << 20 // what a client that does not stop takes
		bound      = 64 << 20  // far more than the socket buffers
		size       = 1 << 16
	)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	stalled := make(chan int, 1) // how much the server had written then
	served := make(chan error, 1)
	go func() { served <- pressServer(listener, size, most, stalled) }()

	c := dial(t, "ws://"+listener.Addr().String()+"/", &ws.Options{ReadBuffer: readBuffer})
	n := await(t, "stall of the server", stalled)
	if n > bound {
		t.Errorf("the server could write %d MiB to a client that does not read", n>>20)
	}
	for i := range n/size + 1 {
		b, ok := read(t, c).(*ws.ArrayBuffer)
		if !ok || b.Len() != size || binary.BigEndian.Uint64(b.Bytes()) != uint64(i) {
			t.Fatalf("message %d is %v", i, b.Len())
		}
	}
	if err := await(t, "end of the server", served); err != nil {
		t.Errorf("the server: %v", err)
	}
	wantClosedEverywhere(t, c, ws.CloseEvent{Code: 1000, WasClean: true})
}

// pressServer sends numbered messages until one does not go through for a second, tells how much it has sent,
// completes that one, and closes.
func pressServer(listener net.Listener, size, most int, stalled chan<- int) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err = fmt.Fprintf(conn,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint64([]byte{fin | binaryFrame, 127}, uint64(size))
	head := len(frame)
	frame = append(frame, make([]byte, size)...)
	for sent := 0; ; sent += size {
		binary.BigEndian.PutUint64(frame[head:], uint64(sent/size))
		if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		n, err := conn.Write(frame)
		if err == nil && sent < most {
			continue
		}
		stalled <- sent
		if err := conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
			return err
		}
		if _, err := conn.Write(append(frame[n:], fin|closeFrame, 2, 0x03, 0xe8)); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, conn)
		return err
	}
}
