//go:build !js

package handshake

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// proxyLimit is how long a proxy may take to connect once it has been reached, as in http.Transport.
const proxyLimit = time.Minute

// chooseProxy returns the proxy for a request, nil if there is none.
func chooseProxy(settings *http.Transport, req *http.Request) (*url.URL, error) {
	if settings.Proxy == nil {
		return nil, nil
	}
	proxy, err := settings.Proxy(req)
	if err != nil {
		return nil, fmt.Errorf("choose proxy: %w", secretive{err})
	}
	return proxy, nil
}

// secretive is an error whose text may quote a URL.
type secretive struct{ error }

func (s secretive) Error() string { return HidePassword(s.error.Error()) }

func (s secretive) Unwrap() error { return s.error }

// forwards reports whether a proxy is an HTTP proxy, which http.Transport asks to forward requests for http: URLs.
func forwards(proxy *url.URL) bool {
	return proxy != nil && (proxy.Scheme == "http" || proxy.Scheme == "https")
}

// tunnel connects to addr through the proxy, which is at hop.
func (t *transport) tunnel(ctx context.Context, proxy *url.URL, hop, addr string) (net.Conn, error) {
	failure := &ProxyError{Address: hop}
	conn, err := t.reachThrough(ctx, proxy, addr, failure)
	if err == nil && failure.StatusCode == 0 {
		return conn, nil
	}
	failure.Cause = err
	return nil, t.a.cfg.proxyFailed(failure)
}

// reachThrough does the work of tunnel. If the proxy does not connect, its answer is left in failure.
func (t *transport) reachThrough(
	ctx context.Context, proxy *url.URL, addr string, failure *ProxyError,
) (net.Conn, error) {
	var negotiate func(net.Conn) error
	switch proxy.Scheme {
	case "http", "https":
		negotiate = func(conn net.Conn) error { return t.askHTTP(ctx, conn, proxy, addr, failure) }
	case "socks5", "socks5h":
		negotiate = func(conn net.Conn) error { return askSOCKS(conn, proxy.User, addr) }
	default:
		return nil, fmt.Errorf("the scheme %q is none of http, https, socks5 and socks5h", proxy.Scheme)
	}
	conn, _, err := t.reach(ctx, failure.Address, proxy.Scheme == "https")
	if err != nil {
		return nil, err
	}
	err = t.a.within(proxyLimit, "answer", func() error { return negotiate(conn) })
	return conn, err
}

// askHTTP asks an HTTP proxy to connect conn to addr. If the proxy refuses, its answer is put into failure.
func (t *transport) askHTTP(
	ctx context.Context, conn net.Conn, proxy *url.URL, addr string, failure *ProxyError,
) error {
	req, err := t.connectRequest(ctx, proxy, addr)
	if err != nil {
		return err
	}
	if err := req.Write(conn); err != nil {
		return fmt.Errorf("CONNECT %s: %w", addr, err)
	}
	in := newHeaderReader(conn, t.settings.MaxResponseHeaderBytes)
	resp, err := in.response(req, nil)
	if err != nil {
		return fmt.Errorf("CONNECT %s: %w", addr, err)
	}
	if answered := t.settings.OnProxyConnectResponse; answered != nil {
		err = answered(ctx, proxy, req, resp)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		failure.StatusCode, failure.Header = resp.StatusCode, resp.Header
		return err
	}
	if in.Buffered() > 0 {
		return fmt.Errorf("CONNECT %s: bytes from the server before the request", addr)
	}
	return nil
}

// connectRequest makes the request for a connection to addr.
func (t *transport) connectRequest(ctx context.Context, proxy *url.URL, addr string) (*http.Request, error) {
	header := t.settings.ProxyConnectHeader
	if get := t.settings.GetProxyConnectHeader; get != nil {
		var err error
		if header, err = get(ctx, proxy, addr); err != nil {
			return nil, err
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
	if err := checkFields(header); err != nil {
		return nil, err
	}
	return &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: header}, nil
}

// forwarding returns the error of a RoundTripper around an http.Transport that would have asked an HTTP proxy to
// forward the handshake.
func (a *attempt) forwarding(hop string, rt http.RoundTripper) error {
	return a.cfg.proxyFailed(&ProxyError{Address: hop, Cause: fmt.Errorf(
		"a ws URL needs CONNECT, and the RoundTripper %T, which has not both methods Unwrap and Wrap, would not use it", rt)})
}
