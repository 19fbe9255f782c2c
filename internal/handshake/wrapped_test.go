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
	"strings"
	"testing"
)

// unwrapping is a RoundTripper that has Unwrap but no Wrap.
type unwrapping struct{ wrapped }

func (u unwrapping) Unwrap() http.RoundTripper { return u.RoundTripper }

// TestWrappedProxy: a ws: URL through an HTTP proxy by a RoundTripper around an http.Transport. It uses CONNECT, or
// fails and sends nothing.
func TestWrappedProxy(t *testing.T) {
	cert, pool := certificate(t)
	proxied := make(chan *request, 9)
	requests := make(chan *request, 9)
	forward := serve(t, proxy(t, proxied))
	plain, secure := serve(t, opener(t, requests)), serveTLS(t, cert, opener(t, requests))
	client := through("http", forward, &tls.Config{RootCAs: pool})
	transport := client.Transport.(*http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	for _, c := range []struct {
		name, url string
		rt        http.RoundTripper
		open      bool
	}{
		{"exposing", "ws://" + plain.Addr().String(), exposing{tracing{transport, new(seen)}}, true},
		{"exposing twice", "ws://" + plain.Addr().String(),
			exposing{tracing{exposing{tracing{transport, new(seen)}}, new(seen)}}, true},
		{"unwrapping", "ws://" + plain.Addr().String(), unwrapping{wrapped{transport}}, false},
		{"wrapped", "ws://" + plain.Addr().String(), wrapped{transport}, false},
		{"wrapped, TLS", "wss://" + secure.Addr().String(), wrapped{transport}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := &Config{URL: parseURL(t, c.url), Client: &http.Client{Transport: c.rt}}
			if c.open {
				req := open(t, cfg, requests)
				if traced := req.field("X-Traced") == "yes"; traced != strings.HasPrefix(c.name, "exposing") {
					t.Errorf("request %q", req.text)
				}
				if connect := <-proxied; connect.Method != http.MethodConnect {
					t.Errorf("the proxy got %q", connect.text)
				}
				return
			}
			_, err := Dial(patient(t), cfg)
			var failure *ProxyError
			if !errors.As(err, &failure) || failure.Address != forward.Addr().String() ||
				!strings.Contains(err.Error(), "CONNECT") {
				t.Errorf("error %v", err)
			}
		})
	}
	if len(proxied) > 0 {
		t.Errorf("the proxy got %q", (<-proxied).text)
	}
}

// TestWrappedPool: a connection with the proxy that is in the http.Transport's pool is not used either.
func TestWrappedPool(t *testing.T) {
	got := make(chan string, 100)
	forward := serve(t, func(conn net.Conn) {
		for {
			req := readRequest(t, conn)
			if req == nil {
				return
			}
			got <- req.line()
			conn.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n"))
		}
	})
	transport := through("http", forward, nil).Transport.(*http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	for range 20 {
		resp, err := (&http.Client{Transport: transport}).Get("http://nowhere.invalid/get")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		_, err = Dial(patient(t),
			&Config{URL: parseURL(t, "ws://nowhere.invalid/ws"), Client: &http.Client{Transport: wrapped{transport}}})
		var failure *ProxyError
		if !errors.As(err, &failure) {
			t.Fatalf("error %v", err)
		}
	}
	for len(got) > 0 {
		if line := <-got; line != "GET http://nowhere.invalid/get HTTP/1.1" {
			t.Errorf("the proxy got %q", line)
		}
	}
}

// TestWrappedElsewhere: a RoundTripper that goes elsewhere than to the URL's host, without an HTTP proxy, works if it
// tells what it is around.
func TestWrappedElsewhere(t *testing.T) {
	requests := make(chan *request, 9)
	target := serve(t, opener(t, requests))
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	moved := roundTripFunc(func(req *http.Request) (*http.Response, error) {
		req = req.Clone(req.Context())
		req.URL.Host = target.Addr().String()
		return transport.RoundTrip(req)
	})
	cfg := &Config{URL: parseURL(t, "ws://nowhere.invalid/x"), Client: &http.Client{Transport: around{moved, transport}}}
	if req := open(t, cfg, requests); req.field("Host") != "nowhere.invalid" {
		t.Errorf("request %q", req.text)
	}
	cfg.Client = &http.Client{Transport: moved}
	_, err := Dial(patient(t), cfg)
	var failure *ProxyError
	if !errors.As(err, &failure) || failure.Address != target.Addr().String() {
		t.Errorf("error %v", err)
	}
	socksProxy := serve(t, socks(t, []byte("\x05\x01\x00\x03\x0fnowhere.invalid\x00\x50"), "", target.Addr().String()))
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "socks5", Host: socksProxy.Addr().String()})
	cfg.Client = &http.Client{Transport: unwrapping{wrapped{transport}}}
	open(t, cfg, requests)
}

// around is a function that tells what it is around.
type around struct {
	roundTripFunc
	base http.RoundTripper
}

func (a around) Unwrap() http.RoundTripper { return a.base }

// TestWrappedProxyChoice: the proxy function's error.
func TestWrappedProxyChoice(t *testing.T) {
	mine := errors.New("mine")
	transport := &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, mine }}
	for _, rt := range []http.RoundTripper{wrapped{transport}, unwrapping{wrapped{transport}},
		exposing{tracing{transport, new(seen)}}} {
		if _, err := Dial(patient(t),
			&Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: &http.Client{Transport: rt}}); !errors.Is(err, mine) {
			t.Errorf("%T: %v", rt, err)
		}
	}
}

// bodyWrapper puts something around the body of a 101, like a RoundTripper that counts bytes.
type bodyWrapper struct{ exposing }

type countedBody struct{ io.ReadWriteCloser }

func (w bodyWrapper) Wrap(base http.RoundTripper) http.RoundTripper {
	return roundTripFunc(func(req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err == nil {
			resp.Body = countedBody{resp.Body.(io.ReadWriteCloser)}
		}
		return resp, err
	})
}

// TestWrappedBody: what a RoundTripper has put around the body of a 101 is read and written through.
func TestWrappedBody(t *testing.T) {
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("", "early")))
		io.Copy(conn, conn)
	})
	client := &http.Client{Transport: bodyWrapper{exposing{tracing{&http.Transport{}, new(seen)}}}}
	result, err := Dial(patient(t), &Config{URL: server.url(t, "/"), Client: client})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Stream.Close()
	if _, ok := result.Stream.(countedBody); !ok {
		t.Errorf("stream is a %T", result.Stream)
	}
	if result.Remote == nil || result.Remote.String() != server.Addr().String() {
		t.Errorf("remote address %v", result.Remote)
	}
	early := make([]byte, 5)
	if _, err := io.ReadFull(result.Stream, early); err != nil || string(early) != "early" {
		t.Errorf("early bytes %q, %v", early, err)
	}
	echo(t, result.Stream)
}

// hidden is a connection that does not show that it is TLS.
type hidden struct{ net.Conn }

// TestALPN: the error of a dialler that has negotiated HTTP/2 names ALPN.
func TestALPN(t *testing.T) {
	cert, pool := certificate(t)
	got := make(chan string, 9)
	listener, err := tls.Listen("tcp", "127.0.0.1:0",
		&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	server := serveOn(t, listener, func(conn net.Conn) {
		buf := make([]byte, 1024)
		n, _ := conn.Read(buf)
		got <- string(buf[:n])
		if n > 0 {
			conn.Write([]byte("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00"))
			ended(t, conn)
		}
	})
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialer := &tls.Dialer{Config: &tls.Config{RootCAs: pool, NextProtos: []string{"h2", "http/1.1"}}}
		return dialer.DialContext(ctx, network, addr)
	}
	lazy := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", NextProtos: []string{"h2"}}), err
	}
	hide := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return hidden{conn}, err
	}
	for _, c := range []struct {
		name, scheme string
		rt           http.RoundTripper
		sends        bool
	}{
		{"DialTLSContext", "wss", &http.Transport{DialTLSContext: dial}, false},
		//lint:ignore SA1019 programs that have it must work
		{"DialTLS", "wss", &http.Transport{DialTLS: func(network, addr string) (net.Conn, error) {
			return dial(t.Context(), network, addr)
		}}, false},
		{"before its handshake", "wss", &http.Transport{DialTLSContext: lazy}, false},
		{"DialContext", "ws", &http.Transport{DialContext: dial}, false},
		{"hidden", "wss", &http.Transport{DialTLSContext: hide}, true},
		{"wrapped", "wss", wrapped{&http.Transport{DialTLSContext: dial}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := parseURL(t, c.scheme+"://"+server.Addr().String()+"/")
			_, err := Dial(patient(t), &Config{URL: u, Client: &http.Client{Transport: c.rt}})
			if err == nil || !strings.Contains(err.Error(), "ALPN") || !strings.Contains(err.Error(), "h2") {
				t.Errorf("error %v", err)
			}
			if text := <-got; (text != "") != c.sends {
				t.Errorf("the server got %q", text)
			}
		})
	}
}
