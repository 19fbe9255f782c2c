//go:build !js

package handshake

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// headerLimit is how many bytes of response header are read unless the caller's http.Transport says otherwise.
// It is Chromium's limit.
const headerLimit = 256 << 10

// transport is the caller's http.RoundTripper, arranged for one handshake.
type transport struct {
	http.RoundTripper
	own  bool // made of an http.Transport
	fail context.CancelCauseFunc

	mu    sync.Mutex
	stops []func() bool // of the connections that are closed when the context ends
}

// newTransport arranges base, nil being http.DefaultTransport, for one handshake under ctx. Of an http.Transport it
// makes a copy, whose connections belong to this handshake alone: no HTTP connection is reused, HTTP/2 is not
// negotiated, and each is closed at once when ctx ends, in whatever state (http.Transport goes on connecting for the
// sake of later requests). fail ends ctx. Another RoundTripper is used as it is.
func newTransport(ctx context.Context, fail context.CancelCauseFunc, base http.RoundTripper, cfg *Config) *transport {
	if base == nil {
		base = http.DefaultTransport
	}
	t := &transport{RoundTripper: base, fail: fail}
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
	t.watchCallbacks(own)
	t.RoundTripper, t.own = &tunneller{Transport: own, failed: cfg.proxyFailed}, true
	return t
}

// watched calls a function of the caller in a goroutine of http.Transport, and fails the handshake if that function
// ends the goroutine: http.Transport would wait for it for ever.
func (t *transport) watched(call func()) {
	returned := false
	defer func() {
		if !returned {
			t.fail(ErrExited)
		}
	}()
	call()
	returned = true
}

// watchCallbacks makes the functions watched that http.Transport calls besides the diallers.
func (t *transport) watchCallbacks(own *http.Transport) {
	if header := own.GetProxyConnectHeader; header != nil {
		own.GetProxyConnectHeader = func(ctx context.Context, proxy *url.URL, target string) (h http.Header, err error) {
			t.watched(func() { h, err = header(ctx, proxy, target) })
			return h, err
		}
	}
	if answered := own.OnProxyConnectResponse; answered != nil {
		own.OnProxyConnectResponse = func(ctx context.Context, proxy *url.URL, req *http.Request, res *http.Response) (err error) {
			t.watched(func() { err = answered(ctx, proxy, req, res) })
			return err
		}
	}
	if own.TLSClientConfig == nil {
		return
	}
	config := own.TLSClientConfig // a copy, which Transport.Clone has made
	if verify := config.VerifyConnection; verify != nil {
		config.VerifyConnection = func(state tls.ConnectionState) (err error) {
			t.watched(func() { err = verify(state) })
			return err
		}
	}
	if verify := config.VerifyPeerCertificate; verify != nil {
		config.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) (err error) {
			t.watched(func() { err = verify(raw, chains) })
			return err
		}
	}
	if certificate := config.GetClientCertificate; certificate != nil {
		config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (c *tls.Certificate, err error) {
			t.watched(func() { c, err = certificate(info) })
			return c, err
		}
	}
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
	return func(_ context.Context, network, addr string) (conn net.Conn, err error) {
		t.watched(func() { conn, err = dial(ctx, network, addr) })
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
