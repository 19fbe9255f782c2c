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
	"testing"
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
		Proxy:              http.ProxyURL(&url.URL{Scheme: raw, Host: server.Addr().String(), User: url.UserPassword("me", "pass")}),
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

func TestProxyFailures(t *testing.T) {
	for name, response := range map[string]string{
		"refuses":       "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
		"garbage":       "hello\r\n\r\n",
		"ends":          "",
		"speaks before": "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, func(conn net.Conn) {
				readRequest(t, conn)
				conn.Write([]byte(response))
				conn.(*net.TCPConn).CloseWrite()
				ended(t, conn)
			})
			_, err := Dial(patient(t), &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: through("http", server, nil)})
			var status *StatusError
			if err == nil || errors.As(err, &status) {
				t.Errorf("error %v", err)
			}
			t.Log(err)
		})
	}
}

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
	failure := errors.New("no proxy today")
	client := &http.Client{Transport: &http.Transport{Proxy: func(req *http.Request) (*url.URL, error) {
		if req.URL.Host != "nowhere.invalid" {
			t.Errorf("proxy for %v", req.URL)
		}
		return nil, failure
	}}}
	if _, err := Dial(patient(t), &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: client}); !errors.Is(err, failure) {
		t.Error(err)
	}
}

// TestSOCKS reaches a server through a SOCKS5 proxy, which is http.Transport's business.
func TestSOCKS(t *testing.T) {
	requests := make(chan *request, 1)
	target := serve(t, opener(t, requests))
	socks := serve(t, func(conn net.Conn) {
		greeting := make([]byte, 2)
		if _, err := io.ReadFull(conn, greeting); err != nil {
			t.Error(err)
			return
		}
		io.CopyN(io.Discard, conn, int64(greeting[1])) // methods
		conn.Write([]byte{5, 0})
		connect := make([]byte, 4+4+2) // of an IPv4 address
		if _, err := io.ReadFull(conn, connect); err != nil || connect[3] != 1 {
			t.Errorf("SOCKS request %x, %v", connect, err)
			return
		}
		conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		server, err := net.Dial("tcp", target.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer server.Close()
		go func() {
			io.Copy(server, conn)
			server.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(conn, server)
	})
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "socks5", Host: socks.Addr().String()}),
	}}
	req := open(t, &Config{URL: target.url(t, "/x"), Client: client}, requests)
	if req.line() != "GET /x HTTP/1.1" {
		t.Errorf("request %q", req.text)
	}
}
