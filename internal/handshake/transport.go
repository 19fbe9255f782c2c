//go:build !js

package handshake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
)

// transport is an http.RoundTripper for one attempt, with the settings of an http.Transport: the diallers, the proxy
// with its headers and functions, TLS, the limits of time and of the response header. It makes a connection for each
// request and speaks HTTP/1.1. It calls the functions that are set, and the hooks of net/http/httptrace, as
// http.Transport does, but in the goroutine that calls RoundTrip.
//
// It replaces http.Transport, because that one
//   - asks an HTTP proxy to forward the request for http: URLs, where RFC 6455 (section 4.1) and browsers require
//     CONNECT;
//   - treats "Connection: Upgrade, close" as "close";
//   - continues to connect, for later requests, after the context has ended;
//   - starts three goroutines for each connection: without them a dial takes 10 to 20 % less time and processor time.
type transport struct {
	a        *attempt
	settings *http.Transport // only read: its connections are not used

	mu   sync.Mutex
	last net.Conn // on which a request has been sent
}

// RoundTrip sends the request on a new connection. The body of a 101 is a *switched.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	conn, state, err := t.connect(req)
	if err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(req.Context())
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: conn})
	}
	t.mu.Lock()
	t.last = conn
	t.mu.Unlock()
	resp, err := t.exchange(conn, req, trace)
	if err != nil {
		return nil, err
	}
	resp.TLS = state
	return resp, nil
}

// conn returns the connection of the last request, nil if there was none.
func (t *transport) conn() net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// connect makes the connection for a request, through a proxy if the settings name one, with TLS if the URL requires
// it.
func (t *transport) connect(req *http.Request) (net.Conn, *tls.ConnectionState, error) {
	proxy, err := chooseProxy(t.settings, req)
	if err != nil {
		return nil, nil, err
	}
	ctx := req.Context()
	addr := address(req.URL)
	hop := addr
	if proxy != nil {
		hop = address(proxy)
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GetConn != nil {
		trace.GetConn(hop)
	}
	secure := req.URL.Scheme == "https"
	if proxy == nil {
		return t.reach(ctx, hop, secure)
	}
	conn, err := t.tunnel(ctx, proxy, hop, addr)
	if err != nil || !secure {
		return conn, nil, err
	}
	return t.secure(ctx, conn, req.URL.Hostname())
}

// reach connects to addr, the server or a proxy, and starts TLS if required.
func (t *transport) reach(ctx context.Context, addr string, secure bool) (net.Conn, *tls.ConnectionState, error) {
	dial := dialer(t.settings)
	dialTLS := tlsDialer(t.settings)
	if secure && dialTLS != nil {
		dial = dialTLS
	}
	conn, err := dial(ctx, "tcp", addr)
	switch {
	case err != nil:
		return nil, nil, err
	case conn == nil:
		return nil, nil, fmt.Errorf("dial %s: the dialler has returned neither a connection nor an error", addr)
	case !t.a.adopt(conn):
		return nil, nil, context.Cause(t.a.ctx)
	}
	if secure && dialTLS == nil {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, nil, err
		}
		return t.secure(ctx, conn, host)
	}
	state, err := t.stateOf(ctx, conn)
	return conn, state, err
}

// secure starts TLS with host.
func (t *transport) secure(ctx context.Context, conn net.Conn, host string) (net.Conn, *tls.ConnectionState, error) {
	// Clone waits for what http.Transport itself does to the configuration before its first request.
	config := t.settings.Clone().TLSClientConfig
	if config == nil {
		config = new(tls.Config)
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	config.NextProtos = nil // no HTTP/2
	secured := tls.Client(conn, config)
	state, err := t.shakeHands(ctx, secured)
	return secured, state, err
}

// shakeHands performs the handshake of TLS, if that has not been done.
func (t *transport) shakeHands(ctx context.Context, conn *tls.Conn) (*tls.ConnectionState, error) {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	err := t.a.within(t.settings.TLSHandshakeTimeout, "end of the TLS handshake", func() error {
		return conn.HandshakeContext(ctx)
	})
	var state tls.ConnectionState
	if err == nil {
		state = conn.ConnectionState()
	}
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(state, err)
	}
	return &state, err
}

// stateOf returns the state of TLS on a connection that a dialler has made, or nil if it is not a tls.Conn. It returns
// an error if HTTP/2 has been negotiated.
func (t *transport) stateOf(ctx context.Context, conn net.Conn) (*tls.ConnectionState, error) {
	var state *tls.ConnectionState
	if secured, ok := conn.(*tls.Conn); ok {
		var err error
		if state, err = t.shakeHands(ctx, secured); err != nil {
			return nil, err
		}
	}
	return state, checkALPN(conn)
}

// checkALPN returns an error if HTTP/2 has been negotiated on a connection that a dialler of the caller has made.
func checkALPN(conn net.Conn) error {
	secured, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	if ok && secured.ConnectionState().NegotiatedProtocol == "h2" {
		return errors.New(`the dialler's connection has negotiated "h2" by ALPN, which is HTTP/2 and no use here: ` +
			alpnAdvice)
	}
	return nil
}

const alpnAdvice = `its tls.Config.NextProtos must not name "h2"`

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer returns the function with which settings makes connections.
func dialer(settings *http.Transport) dialFunc {
	if settings.DialContext != nil {
		return settings.DialContext
	}
	//lint:ignore SA1019 programs that have it must work
	if dial := settings.Dial; dial != nil {
		return func(_ context.Context, network, addr string) (net.Conn, error) { return dial(network, addr) }
	}
	return new(net.Dialer).DialContext
}

// tlsDialer returns the function with which settings makes TLS connections to a server or an HTTPS proxy; nil means the
// usual way.
func tlsDialer(settings *http.Transport) dialFunc {
	if settings.DialTLSContext != nil {
		return settings.DialTLSContext
	}
	//lint:ignore SA1019 programs that have it must work
	if dial := settings.DialTLS; dial != nil {
		return func(_ context.Context, network, addr string) (net.Conn, error) { return dial(network, addr) }
	}
	return nil
}

// address returns the host and port of a URL. If the URL has no port, it is that of the scheme.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		switch u.Scheme {
		case "http":
			port = "80"
		case "https":
			port = "443"
		case "socks5", "socks5h":
			port = "1080"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}
