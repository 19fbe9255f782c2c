//go:build !js

package handshake

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// headerLimit is how many bytes of response header are read unless the caller's http.Transport says otherwise.
// It is Chromium's limit.
const headerLimit = 256 << 10

// transport is the caller's http.RoundTripper, arranged for one handshake.
type transport struct {
	http.RoundTripper
	own bool // made of an http.Transport

	mu    sync.Mutex
	stops []func() bool // of the connections that are closed when the context ends
}

// newTransport arranges base, nil being http.DefaultTransport, for one handshake under ctx. Of an http.Transport it
// makes a copy, whose connections belong to this handshake alone: no HTTP connection is reused, HTTP/2 is not
// negotiated, and each is closed at once when ctx ends, in whatever state (http.Transport goes on connecting for the
// sake of later requests). Another RoundTripper is used as it is.
func newTransport(ctx context.Context, base http.RoundTripper) *transport {
	if base == nil {
		base = http.DefaultTransport
	}
	t := &transport{RoundTripper: base}
	shared, ok := base.(*http.Transport)
	if !ok {
		return t
	}
	own := shared.Clone()
	own.DisableKeepAlives = true
	own.DisableCompression = true // adds a field to the request, for the sake of bodies that nobody reads
	own.MaxConnsPerHost = 0
	own.ForceAttemptHTTP2 = false
	own.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	own.Protocols = new(http.Protocols)
	own.Protocols.SetHTTP1(true)
	if own.MaxResponseHeaderBytes == 0 {
		own.MaxResponseHeaderBytes = headerLimit
	}
	dial := dialFunc(own)
	own.Dial = nil
	own.DialContext = t.guard(ctx, dial)
	if dialTLS := dialTLSFunc(own); dialTLS != nil {
		own.DialTLS = nil
		own.DialTLSContext = t.guard(ctx, dialTLS)
	}
	t.RoundTripper, t.own = &tunneller{Transport: own}, true
	return t
}

// release ends the connections' dependence on the context. It reports false if the context has ended before.
func (t *transport) release() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, stop := range t.stops {
		if !stop() {
			return false
		}
	}
	t.stops = nil
	return true
}

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// guard is dial under ctx, whose end closes the connection too. http.Transport's own context ends only when the dial
// has.
func (t *transport) guard(ctx context.Context, dial dialer) dialer {
	return func(_ context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		// Nobody is left to hear what goes wrong when a connection that is given up closes.
		t.stops = append(t.stops, context.AfterFunc(ctx, func() { conn.Close() }))
		return conn, nil
	}
}

// dialFunc is how t makes connections.
func dialFunc(t *http.Transport) dialer {
	if t.DialContext != nil {
		return t.DialContext
	}
	if dial := t.Dial; dial != nil {
		return func(_ context.Context, network, addr string) (net.Conn, error) { return dial(network, addr) }
	}
	return new(net.Dialer).DialContext
}

// dialTLSFunc is how t makes TLS connections without a proxy, nil being the usual way.
func dialTLSFunc(t *http.Transport) dialer {
	if t.DialTLSContext != nil {
		return t.DialTLSContext
	}
	if dial := t.DialTLS; dial != nil {
		return func(_ context.Context, network, addr string) (net.Conn, error) { return dial(network, addr) }
	}
	return nil
}
