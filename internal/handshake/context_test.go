//go:build !js

package handshake

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

type contextKey struct{}

// seen notes the contexts that functions of a caller get.
type seen struct {
	mu       sync.Mutex
	contexts map[string]context.Context
}

func (s *seen) note(where string, ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.contexts == nil {
		s.contexts = map[string]context.Context{}
	}
	s.contexts[where] = ctx
}

// check wants contexts of these places, with the value and the deadline.
func (s *seen) check(t *testing.T, deadline time.Time, places ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, place := range places {
		ctx := s.contexts[place]
		if ctx == nil {
			t.Errorf("%s was not called", place)
			continue
		}
		if got, ok := ctx.Deadline(); !ok || !got.Equal(deadline) {
			t.Errorf("%s: deadline %v, %v; want %v", place, got, ok, deadline)
		}
		if ctx.Value(contextKey{}) != "value" {
			t.Errorf("%s: value %v", place, ctx.Value(contextKey{}))
		}
	}
}

// tracing is a wrapper, and notes what it gets.
type tracing struct {
	base http.RoundTripper
	seen *seen
}

func (w tracing) RoundTrip(req *http.Request) (*http.Response, error) {
	w.seen.note("RoundTripper", req.Context())
	req = req.Clone(req.Context())
	req.Header.Set("X-Traced", "yes")
	return w.base.RoundTrip(req)
}

// exposing is tracing that tells what it is around.
type exposing struct{ tracing }

func (w exposing) Unwrap() http.RoundTripper { return w.base }

func (w exposing) Wrap(base http.RoundTripper) http.RoundTripper {
	return exposing{tracing{base, w.seen}}
}

// TestContext: values and deadline of Dial's context reach every function of the caller, and the end of that context
// after Dial does not affect them.
func TestContext(t *testing.T) {
	cert, pool := certificate(t)
	proxied := make(chan *request, 9)
	requests := make(chan *request, 9)
	forward := serve(t, proxy(t, proxied))
	plain, secure := serve(t, opener(t, requests)), serveTLS(t, cert, opener(t, requests))
	for name, target := range map[string]string{"ws": "ws://" + plain.Addr().String(),
		"wss": "wss://" + secure.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			var all seen
			transport := &http.Transport{
				Proxy: func(req *http.Request) (*url.URL, error) {
					all.note("Proxy", req.Context())
					return &url.URL{Scheme: "http", Host: forward.Addr().String()}, nil
				},
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					all.note("DialContext", ctx)
					return new(net.Dialer).DialContext(ctx, network, addr)
				},
				GetProxyConnectHeader: func(ctx context.Context, _ *url.URL, _ string) (http.Header, error) {
					all.note("GetProxyConnectHeader", ctx)
					return nil, nil
				},
				OnProxyConnectResponse: func(ctx context.Context, _ *url.URL, _ *http.Request, _ *http.Response) error {
					all.note("OnProxyConnectResponse", ctx)
					return nil
				},
				TLSClientConfig: &tls.Config{RootCAs: pool},
			}
			deadline := time.Now().Add(patience)
			ctx, cancel := context.WithDeadline(context.WithValue(t.Context(), contextKey{}, "value"), deadline)
			defer cancel()
			result, err := Dial(ctx, &Config{
				URL:    parseURL(t, target),
				Client: &http.Client{Transport: exposing{tracing{transport, &all}}, Timeout: 2 * patience},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer result.Stream.Close()
			all.check(t, deadline, "Proxy", "DialContext", "GetProxyConnectHeader", "OnProxyConnectResponse", "RoundTripper")
			if req := <-requests; req.field("X-Traced") != "yes" {
				t.Errorf("request %q", req.text)
			}
			cancel()
			for place, ctx := range all.contexts {
				if err := ctx.Err(); err != nil {
					t.Errorf("the context of %s has ended: %v", place, err)
				}
			}
			<-proxied
		})
	}
}

// TestContextAfterFailure: the contexts that a handshake has passed on end if it fails.
func TestContextAfterFailure(t *testing.T) {
	server := serve(t, func(conn net.Conn) {
		readRequest(t, conn)
		conn.Write([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
		ended(t, conn)
	})
	var all seen
	client := &http.Client{Transport: exposing{tracing{&http.Transport{}, &all}}}
	if _, err := Dial(patient(t), &Config{URL: server.url(t, "/"), Client: client}); err == nil {
		t.Fatal("opened")
	}
	if all.contexts["RoundTripper"].Err() == nil {
		t.Error("the context goes on")
	}
}

// TestTrace: the hooks of net/http/httptrace are called as http.Transport calls them.
func TestTrace(t *testing.T) {
	cert, pool := certificate(t)
	requests := make(chan *request, 9)
	handle := func(conn net.Conn) {
		req := readRequest(t, conn)
		if req == nil {
			return
		}
		conn.Write([]byte("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + req.open("", "")))
		requests <- req
		ended(t, conn)
	}
	plain, secure := serve(t, handle), serveTLS(t, cert, handle)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	for _, c := range []struct {
		name, url string
		rt        http.RoundTripper
		want      string
	}{
		{"ws", "ws://" + plain.Addr().String(), transport,
			"GetConn ConnectStart ConnectDone GotConn Host WroteHeaders WroteRequest first 103"},
		{"wss", "wss://" + secure.Addr().String(), transport,
			"GetConn ConnectStart ConnectDone TLSStart TLSDone GotConn Host WroteHeaders WroteRequest first 103"},
		{"another RoundTripper", "ws://" + plain.Addr().String(), wrapped{transport},
			"GetConn ConnectStart ConnectDone GotConn Host WroteHeaders WroteRequest first 103"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			var calls []string
			note := func(what string) {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, what)
			}
			trace := &httptrace.ClientTrace{
				GetConn:              func(string) { note("GetConn") },
				GotConn:              func(httptrace.GotConnInfo) { note("GotConn") },
				ConnectStart:         func(string, string) { note("ConnectStart") },
				ConnectDone:          func(string, string, error) { note("ConnectDone") },
				TLSHandshakeStart:    func() { note("TLSStart") },
				TLSHandshakeDone:     func(tls.ConnectionState, error) { note("TLSDone") },
				WroteHeaders:         func() { note("WroteHeaders") },
				WroteRequest:         func(httptrace.WroteRequestInfo) { note("WroteRequest") },
				GotFirstResponseByte: func() { note("first") },
				Got1xxResponse:       func(int, textproto.MIMEHeader) error { note("103"); return nil },
			}
			trace.WroteHeaderField = func(name string, _ []string) {
				if name == "Host" {
					note(name)
				}
			}
			ctx := httptrace.WithClientTrace(patient(t), trace)
			result, err := Dial(ctx, &Config{URL: parseURL(t, c.url), Client: &http.Client{Transport: c.rt}})
			if err != nil {
				t.Fatal(err)
			}
			result.Stream.Close()
			<-requests
			mu.Lock()
			defer mu.Unlock()
			if got := strings.Join(calls, " "); got != c.want {
				t.Errorf("called %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestDeadline: a deadline that a dialler sees is not taken for a failure of the dialler.
func TestDeadline(t *testing.T) {
	cause := errors.New("the cause")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, cause)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			near, far := net.Pipe()
			t.Cleanup(func() { far.Close() })
			deadline, _ := ctx.Deadline()
			near.SetDeadline(deadline)
			go io.Copy(io.Discard, far)
			return near, nil
		},
	}}
	_, err := Dial(ctx, &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: client})
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) || !errors.Is(err, cause) {
		t.Errorf("error %v, the context's %v", err, ctx.Err())
	}
}

// TestContextCause cancels with a cause at several stages of a handshake.
func TestContextCause(t *testing.T) {
	cause := errors.New("the cause")
	for _, stage := range []string{"Proxy", "DialContext", "RoundTripper", "TLS", "response"} {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(patient(t))
			defer cancel(nil)
			server := serve(t, func(conn net.Conn) {
				conn.Read(make([]byte, 1))
				cancel(cause)
				ended(t, conn)
			})
			at := func(ctx context.Context, this string) error {
				if this != stage {
					return nil
				}
				cancel(cause)
				<-ctx.Done()
				return ctx.Err()
			}
			transport := &http.Transport{
				Proxy: func(req *http.Request) (*url.URL, error) { return nil, at(req.Context(), "Proxy") },
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					if err := at(ctx, "DialContext"); err != nil {
						return nil, err
					}
					return new(net.Dialer).DialContext(ctx, network, addr)
				},
			}
			var rt http.RoundTripper = transport
			if stage == "RoundTripper" {
				rt = roundTripFunc(func(req *http.Request) (*http.Response, error) { return nil, at(req.Context(), stage) })
			}
			scheme := "ws://"
			if stage == "TLS" {
				scheme = "wss://"
			}
			_, err := Dial(ctx, &Config{URL: parseURL(t, scheme+server.Addr().String()), Client: &http.Client{Transport: rt}})
			if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
				t.Error(err)
			}
		})
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestBrokenRoundTrippers: a result that a RoundTripper must not return is an error.
func TestBrokenRoundTrippers(t *testing.T) {
	for name, rt := range map[string]roundTripFunc{
		"nothing": func(*http.Request) (*http.Response, error) { return nil, nil },
		"no body": func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 404}, nil },
		"empty":   func(*http.Request) (*http.Response, error) { return new(http.Response), nil },
		"101": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 101, ProtoMajor: 1, ProtoMinor: 1}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Dial(patient(t),
				&Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: &http.Client{Transport: rt}}); err == nil {
				t.Error("opened")
			}
		})
	}
}

// TestNoConnection: a dialler that returns neither a connection nor an error is an error.
func TestNoConnection(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil },
	}}
	if _, err := Dial(patient(t), &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Client: client}); err == nil {
		t.Error("opened")
	}
}

// TestLimitsOfTransport: the limits of time and of the response header that http.Transport has.
func TestLimitsOfTransport(t *testing.T) {
	silent := serve(t, func(conn net.Conn) { ended(t, conn) })
	long := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("X-Long: "+strings.Repeat("x", 2000)+"\r\n", "")))
		ended(t, conn)
	})
	for _, c := range []struct {
		name, url string
		transport *http.Transport
		want      []string
	}{
		{"ResponseHeaderTimeout", "ws://" + silent.Addr().String(), &http.Transport{ResponseHeaderTimeout: time.Millisecond},
			[]string{"response header", "1ms"}},
		{"TLSHandshakeTimeout", "wss://" + silent.Addr().String(), &http.Transport{TLSHandshakeTimeout: time.Millisecond},
			[]string{"TLS handshake", "1ms"}},
		{"MaxResponseHeaderBytes", "ws://" + long.Addr().String(), &http.Transport{MaxResponseHeaderBytes: 1000},
			[]string{"exceeds 1000 bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dial(patient(t), &Config{URL: parseURL(t, c.url), Client: &http.Client{Transport: c.transport}})
			if err == nil ||
				slices.ContainsFunc(c.want, func(part string) bool { return !strings.Contains(err.Error(), part) }) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if strings.Contains(c.name, "Timeout") {
				var timeout net.Error
				if !errors.As(err, &timeout) || !timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v is no timeout, or a context's", err)
				}
			}
		})
	}
}
