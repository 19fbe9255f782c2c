//go:build !js

package handshake

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// tunneller is an http.Transport that reaches ws: servers through an HTTP proxy by CONNECT, as browsers do and as
// RFC 6455 section 4.1 demands. By itself http.Transport asks the proxy to forward the request, for http: URLs, and
// few proxies forward an upgrade. SOCKS proxies and wss: are left to http.Transport.
type tunneller struct {
	*http.Transport
	failed func(*ProxyError) error
}

func (t *tunneller) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.Proxy != nil && req.URL.Scheme == "http" {
		proxy, err := t.Proxy(req)
		if err != nil {
			return nil, fmt.Errorf("choose proxy: %w", err)
		}
		t.Proxy = http.ProxyURL(proxy) // asked once only
		if proxy != nil && (proxy.Scheme == "http" || proxy.Scheme == "https") {
			t.Proxy = nil
			t.DialContext = t.connect(proxy, t.DialContext)
		}
	}
	return t.Transport.RoundTrip(req)
}

// connect makes connections to an address through proxy.
func (t *tunneller) connect(proxy *url.URL, dial dialer) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		failure := &ProxyError{Address: proxyAddr(proxy)}
		conn, err := dial(ctx, network, failure.Address)
		if err != nil {
			failure.Cause = err
			return nil, t.failed(failure)
		}
		if proxy.Scheme == "https" {
			conn, err = t.secure(ctx, conn, proxy.Hostname())
		}
		if err == nil {
			err = t.exchange(ctx, conn, proxy, addr, failure)
		}
		if err != nil || failure.StatusCode != 0 {
			conn.Close()
			failure.Cause = err
			return nil, t.failed(failure)
		}
		return conn, nil
	}
}

// proxyAddr is the host and port of a proxy.
func proxyAddr(proxy *url.URL) string {
	port := proxy.Port()
	if port == "" {
		port = proxy.Scheme // "http" and "https" name their ports
	}
	return net.JoinHostPort(proxy.Hostname(), port)
}

// secure starts TLS with an https proxy.
func (t *tunneller) secure(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	if d := t.TLSHandshakeTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	config := &tls.Config{}
	if t.TLSClientConfig != nil {
		config = t.TLSClientConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	config.NextProtos = nil
	secured := tls.Client(conn, config)
	return secured, secured.HandshakeContext(ctx)
}

// exchange asks the proxy to connect conn with addr. It puts an answer that is no consent into failure. The end of the
// handshake's context closes conn.
func (t *tunneller) exchange(ctx context.Context, conn net.Conn, proxy *url.URL, addr string, failure *ProxyError) error {
	header := t.ProxyConnectHeader
	if t.GetProxyConnectHeader != nil {
		var err error
		if header, err = t.GetProxyConnectHeader(ctx, proxy, addr); err != nil {
			return err
		}
	}
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		header.Set("Proxy-Authorization", basicAuth(user.Username(), password))
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: header}
	if err := req.Write(conn); err != nil {
		return fmt.Errorf("CONNECT %s: %w", addr, err)
	}
	br := bufio.NewReader(&io.LimitedReader{R: conn, N: t.MaxResponseHeaderBytes})
	resp, err := http.ReadResponse(br, req)
	if err != nil {
		return fmt.Errorf("CONNECT %s: %w", addr, err)
	}
	if t.OnProxyConnectResponse != nil {
		if err := t.OnProxyConnectResponse(ctx, proxy, req, resp); err != nil {
			return err
		}
	}
	if resp.StatusCode != http.StatusOK {
		failure.StatusCode, failure.Header = resp.StatusCode, resp.Header
		return nil
	}
	if br.Buffered() > 0 {
		return fmt.Errorf("CONNECT %s: bytes from the server before the request", addr)
	}
	return nil
}
