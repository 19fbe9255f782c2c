//go:build !js

package handshake

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// proxy is a handler that connects with the target of CONNECT and sends the request to requests; others get a 501.
func proxy(t testing.TB, requests chan<- *request) func(net.Conn) {
	return func(conn net.Conn) {
		req := readRequest(t, conn)
		if req == nil {
			return
		}
		requests <- req
		if req.Request == nil || req.Method != http.MethodConnect {
			conn.Write([]byte("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n"))
			return
		}
		target, err := net.Dial("tcp", req.Host)
		if err != nil {
			conn.Write([]byte("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"))
			return
		}
		defer target.Close()
		conn.Write([]byte("HTTP/1.1 200 Connected\r\n\r\n"))
		go func() {
			io.Copy(target, conn)
			target.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(conn, target)
	}
}

// through is a client that uses a proxy.
func through(raw string, server *server, config *tls.Config) *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: raw, Host: server.Addr().String(),
			User: url.UserPassword("me", "pass")}),
		ProxyConnectHeader: http.Header{"X-A": {"b"}},
		TLSClientConfig:    config,
	}}
}

func TestProxy(t *testing.T) {
	cert, pool := certificate(t)
	config := &tls.Config{RootCAs: pool}
	proxied := make(chan *request, 1)
	requests := make(chan *request, 1)
	plainProxy, tlsProxy := serve(t, proxy(t, proxied)), serveTLS(t, cert, proxy(t, proxied))
	plain, secure := serve(t, opener(t, requests)), serveTLS(t, cert, opener(t, requests))
	for _, c := range []struct {
		name, url string
		client    *http.Client
	}{
		{"ws over http", "ws://" + plain.Addr().String(), through("http", plainProxy, config)},
		{"ws over https", "ws://" + plain.Addr().String(), through("https", tlsProxy, config)},
		{"wss over http", "wss://" + secure.Addr().String(), through("http", plainProxy, config)},
		{"wss over https", "wss://" + secure.Addr().String(), through("https", tlsProxy, config)},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := parseURL(t, c.url)
			req := open(t, &Config{URL: u, Client: c.client}, requests)
			if req.line() != "GET / HTTP/1.1" || req.field("Proxy-Authorization") != "" {
				t.Errorf("request %q", req.text)
			}
			connect := <-proxied
			if connect.line() != "CONNECT "+u.Host+" HTTP/1.1" || connect.field("Host") != u.Host ||
				connect.field("Proxy-Authorization") != "Basic bWU6cGFzcw==" || connect.field("X-A") != "b" {
				t.Errorf("CONNECT %q", connect.text)
			}
		})
	}
}

// descriptors is how many file descriptors the process has open, 0 where that cannot be told.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// released waits until no more descriptors are open than n.
func released(t testing.TB, n int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for descriptors() > n {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors are open, want %d", descriptors(), n)
		}
		runtime.Gosched()
	}
}

// TestProxyFailures: whatever an HTTP proxy answers, the error is a ProxyError, the same for ws and wss. The server
// gets nothing, the proxy gets nothing more, and no connection remains.
func TestProxyFailures(t *testing.T) {
	for _, c := range []struct {
		name, response string
		status         int
		want           string // in the text, beside the proxy
	}{
		{"407", "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nX-A: b\r\n" +
			"Content-Length: 5\r\n\r\nhello", 407, "407 Proxy Authentication Required"},
		{"407 without a challenge", "HTTP/1.1 407 Proxy Authentication Required\r\nX-A: b\r\n\r\n", 407,
			"407 Proxy Authentication Required"},
		{"500 without a reason", "HTTP/1.1 500\r\nX-A: b\r\n\r\n", 500, "500 Internal Server Error"},
		{"redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nX-A: b\r\n\r\n", 302, "302 Found"},
		{"unknown status", "HTTP/1.1 599 What\r\nX-A: b\r\n\r\n", 599, "599"},
		{"interim", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 503 Later\r\nX-A: b\r\n\r\n", 503, "503 Service Unavailable"},
		{"101", "HTTP/1.1 101 Switching Protocols\r\nX-A: b\r\n\r\n", 101, "101 Switching Protocols"},
		{"garbage", "hello\r\n\r\n", 0, "malformed"},
		{"long garbage", strings.Repeat("x", 20000) + "\r\n", 0, "malformed"},
		{"binary", "\x15\x03\x01\x00\x02\x02\x46", 0, "malformed"},
		{"half a line", "HTTP/1.1 20", 0, "malformed"},
		{"half a header", "HTTP/1.1 200 OK\r\nX-A: b\r\nX", 0, "malformed"},
		{"header without colon", "HTTP/1.1 200 OK\r\nX-A b\r\n\r\n", 0, "malformed"},
		{"long header", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n", 10000) + "\r\n", 0,
			"exceeds"},
		{"interim without end", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20000), 0, "exceeds"},
		{"ends", "", 0, "unexpected EOF"},
		{"speaks before", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n", 0, "before the request"},
	} {
		for _, scheme := range []string{"ws", "wss"} {
			t.Run(c.name+"/"+scheme, func(t *testing.T) {
				more := make(chan string, 1)
				server := serve(t, func(conn net.Conn) {
					readRequest(t, conn)
					conn.Write([]byte(c.response))
					conn.(*net.TCPConn).CloseWrite()
					rest, _ := io.ReadAll(conn)
					more <- string(rest)
				})
				goroutines, open := runtime.NumGoroutine(), descriptors()
				_, err := Dial(patient(t),
					&Config{URL: parseURL(t, scheme+"://nowhere.invalid/"), Client: through("http", server, nil)})
				var failure *ProxyError
				var status *StatusError
				if !errors.As(err, &failure) || errors.As(err, &status) {
					t.Fatalf("error %v", err)
				}
				if failure.Address != server.Addr().String() || failure.StatusCode != c.status ||
					(failure.Cause == nil) != (c.status != 0) {
					t.Errorf("failure %+v", failure)
				}
				if c.status != 0 && http.Header(failure.Header).Get("X-A") != "b" {
					t.Errorf("header %v", failure.Header)
				}
				for _, part := range []string{scheme + "://nowhere.invalid", failure.Address, c.want} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("the error does not say %q: %v", part, err)
					}
				}
				if text := err.Error(); strings.Contains(text, "pass@") || len(text) > 600 {
					t.Errorf("the error has %d bytes: %.600s", len(text), text)
				}
				if rest := <-more; rest != "" {
					t.Errorf("the proxy got %q", rest)
				}
				settled(t, goroutines)
				released(t, open)
			})
		}
	}
}

// TestProxyUnreachable: a proxy that cannot be reached is a ProxyError with the dialler's or TLS's error.
func TestProxyUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := &server{Listener: listener}
	listener.Close()
	plain := serve(t, func(conn net.Conn) {
		conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		ended(t, conn)
	})
	for _, scheme := range []string{"ws", "wss"} {
		u := parseURL(t, scheme+"://nowhere.invalid/")
		for proxy, at := range map[string]*server{"http": closed, "https": closed, "socks5": closed} {
			_, err := Dial(patient(t), &Config{URL: u, Client: through(proxy, at, nil)})
			var failure *ProxyError
			var op *net.OpError
			if !errors.As(err, &failure) || failure.Address != at.Addr().String() || !errors.As(err, &op) {
				t.Errorf("%s by %s: %v", scheme, proxy, err)
			}
		}
		_, err := Dial(patient(t), &Config{URL: u, Client: through("https", plain, nil)})
		var failure *ProxyError
		var record tls.RecordHeaderError
		if !errors.As(err, &failure) || !errors.As(err, &record) {
			t.Errorf("%s by TLS with a proxy without: %v", scheme, err)
		}
		_, err = Dial(patient(t), &Config{URL: u, Client: through("gopher", plain, nil)})
		if !errors.As(err, &failure) || !strings.Contains(err.Error(), `"gopher"`) {
			t.Errorf("%s by a proxy of an unknown scheme: %v", scheme, err)
		}
	}
}

// TestProxyFunctionsFail: errors of the caller's functions around CONNECT.
func TestProxyFunctionsFail(t *testing.T) {
	mine := errors.New("mine")
	requests := make(chan *request, 9)
	server := serve(t, proxy(t, requests))
	for name, change := range map[string]func(*http.Transport){
		"GetProxyConnectHeader": func(transport *http.Transport) {
			transport.GetProxyConnectHeader = func(context.Context, *url.URL, string) (http.Header, error) { return nil, mine }
		},
		"OnProxyConnectResponse": func(transport *http.Transport) {
			transport.OnProxyConnectResponse = func(context.Context, *url.URL, *http.Request,
				*http.Response) error {
				return mine
			}
		},
		"ProxyConnectHeader": func(transport *http.Transport) {
			transport.ProxyConnectHeader = http.Header{"X-A": {"a\r\nX-B: b"}}
		},
	} {
		client := through("http", server, nil)
		change(client.Transport.(*http.Transport))
		_, err := Dial(patient(t), &Config{URL: parseURL(t, "ws://127.0.0.1:1/"), Client: client})
		var failure *ProxyError
		if !errors.As(err, &failure) || errors.Is(err, mine) != (name != "ProxyConnectHeader") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "OnProxyConnectResponse" && failure.StatusCode != 502 {
			t.Errorf("%s: status %d", name, failure.StatusCode)
		}
	}
}

// TestProxySilent: a proxy that is silent is given up. The network is in memory and the time is not real.
func TestProxySilent(t *testing.T) {
	for _, scheme := range []string{"http", "socks5"} {
		synctest.Test(t, func(t *testing.T) {
			client := through(scheme, &server{Listener: nowhere{}}, nil)
			client.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go io.Copy(io.Discard, far)
				return near, nil
			}
			began := time.Now()
			_, err := Dial(t.Context(), &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: client})
			var failure *ProxyError
			if !errors.As(err, &failure) || !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "1m0s") {
				t.Errorf("%s: %v", scheme, err)
			}
			if took := time.Since(began); took != proxyLimit {
				t.Errorf("%s: took %v", scheme, took)
			}
		})
	}
}

// nowhere is a listener that has only an address.
type nowhere struct{ net.Listener }

func (nowhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3128} }

// TestProxyCancel cancels a handshake while a proxy is silent.
func TestProxyCancel(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		ctx, cancel := context.WithCancel(patient(t))
		server := serve(t, func(conn net.Conn) {
			conn.Read(make([]byte, 1))
			cancel()
			ended(t, conn)
		})
		_, err := Dial(ctx, &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: through(scheme, server, nil)})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestProxyChoiceFails(t *testing.T) {
	failure := errors.New(`parse "http://user:secret@[bad": missing ']' in host`)
	client := &http.Client{Transport: &http.Transport{Proxy: func(req *http.Request) (*url.URL, error) {
		if req.URL.Host != "nowhere.invalid" {
			t.Errorf("proxy for %v", req.URL)
		}
		return nil, failure
	}}}
	_, err := Dial(patient(t), &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: client})
	if !errors.Is(err, failure) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
