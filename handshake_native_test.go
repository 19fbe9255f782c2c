//go:build !js

package ws_test

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// These tests are native: a browser has no http.Client, no proxy that a program knows of, and shows no response.

// TestDialContextReaches: the context of Dial is that of the dialler, the proxy function and the RoundTripper, and it
// outlives Dial. New has none.
func TestDialContextReaches(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var contexts []context.Context
	note := func(ctx context.Context) {
		mu.Lock()
		defer mu.Unlock()
		contexts = append(contexts, ctx)
	}
	transport := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) { note(r.Context()); return nil, nil },
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			note(ctx)
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	for name, rt := range map[string]http.RoundTripper{"http.Transport": transport,
		"wrapped": foreignTransport{transport}} {
		opts := &ws.Options{Native: ws.NativeOptions{HTTPClient: &http.Client{Transport: rt}}}
		hooks := make(chan string, 10)
		ctx, cancel := context.WithCancel(context.WithValue(testContext(t), dialKey{}, "value"))
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			ConnectDone: func(string, string, error) { hooks <- "ConnectDone" },
			GotConn:     func(httptrace.GotConnInfo) { hooks <- "GotConn" },
		})
		c, err := ws.Dial(ctx, absolute("/echo"), opts)
		if err != nil {
			t.Fatal(err)
		}
		closeAfter(t, c)
		cancel()
		mu.Lock()
		if len(contexts) < 2 {
			t.Errorf("%s: %d contexts", name, len(contexts))
		}
		for _, got := range contexts {
			if got.Value(dialKey{}) != "value" {
				t.Errorf("%s: a context without the value", name)
			}
			if got.Err() != nil {
				t.Errorf("%s: a context has ended: %v", name, got.Err())
			}
		}
		contexts = nil
		mu.Unlock()
		for _, want := range []string{"ConnectDone", "GotConn"} {
			if got := await(t, "hook", hooks); got != want {
				t.Errorf("%s: hook %s, want %s", name, got, want)
			}
		}
		wantEcho(t, c)
	}
	transport.CloseIdleConnections()
	opened := make(chan struct{})
	c := construct(t, "/echo", &ws.Options{
		OnOpen: func(*ws.Conn) { close(opened) },
		Native: ws.NativeOptions{HTTPClient: &http.Client{Transport: transport}},
	})
	await(t, "open event", opened)
	wantEcho(t, c)
	mu.Lock()
	defer mu.Unlock()
	for _, got := range contexts {
		if _, ok := got.Deadline(); ok || got.Value(dialKey{}) != nil {
			t.Error("New's context has a deadline or a value")
		}
	}
}

// TestDiallerDeadline: when a dialler knows the deadline, Dial's error is the context's all the same.
func TestDiallerDeadline(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	cause := errors.New("the cause")
	for range 20 {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, cause)
		transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if deadline, ok := ctx.Deadline(); ok && err == nil {
				err = conn.SetDeadline(deadline)
			}
			return conn, err
		}}
		c, err := ws.Dial(ctx, p.URL, &ws.Options{Native: ws.NativeOptions{HTTPClient: &http.Client{Transport: transport}}})
		closeUnwanted(t, c)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cause) {
			t.Errorf("Dial returned %v", err)
		}
		cancel()
	}
}

// TestProxyError: a proxy that refuses is a *ws.ProxyError for ws and for wss, in which nothing of the server stands.
func TestProxyError(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			t.Errorf("the proxy got %s %s", r.Method, r.RequestURI)
		}
		w.Header().Set("Proxy-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	via, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	via.User = url.UserPassword("me", "secret")
	transport := &http.Transport{Proxy: http.ProxyURL(via)}
	defer transport.CloseIdleConnections()
	for _, target := range []string{"ws://nowhere.invalid/", "wss://nowhere.invalid/"} {
		c, err := ws.Dial(testContext(t), target,
			&ws.Options{Native: ws.NativeOptions{HTTPClient: &http.Client{Transport: transport}}})
		closeUnwanted(t, c)
		var failure *ws.ProxyError
		var refused *ws.HandshakeError
		if !errors.As(err, &failure) || errors.As(err, &refused) {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if failure.Address != via.Host || failure.StatusCode != 407 ||
			http.Header(failure.Header).Get("Proxy-Authenticate") == "" || failure.Cause != nil {
			t.Errorf("%s: %+v", target, failure)
		}
		if text := err.Error(); !strings.Contains(text, via.Host) || !strings.Contains(text, "407") ||
			strings.Contains(text, "secret") {
			t.Errorf("%s: %s", target, text)
		}
	}
	c, err := ws.Dial(testContext(t), "ws://nowhere.invalid/", &ws.Options{
		Native: ws.NativeOptions{HTTPClient: &http.Client{Transport: foreignTransport{transport}}},
	})
	closeUnwanted(t, c)
	var failure *ws.ProxyError
	if !errors.As(err, &failure) || failure.Address != via.Host || failure.StatusCode != 0 || failure.Cause == nil {
		t.Errorf("by a wrapped transport: %v", err)
	}
}

// TestUpgradeAndClose: load balancers answer with both options.
func TestUpgradeAndClose(t *testing.T) {
	t.Parallel()
	for connection, open := range map[string]bool{"Upgrade, close": true, "close": false} {
		p := newPeer(t)
		dialled := make(chan error, 1)
		var c *ws.Conn
		go func() {
			var err error
			c, err = ws.Dial(testContext(t), p.URL, nil)
			dialled <- err
		}()
		sum := sha1.Sum([]byte(http.Header(p.conn(0).request().Header).Get("Sec-WebSocket-Key") +
			"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		p.conn(0).answer("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: "+connection,
			"Sec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:]))
		err := await(t, "end of Dial", dialled)
		if (err == nil) != open {
			t.Errorf("%s: %v", connection, err)
		}
		if err == nil {
			c.CloseNow()
		} else if !strings.Contains(err.Error(), `["close"]`) {
			t.Errorf("the error does not name the field's value: %v", err)
		}
	}
}
