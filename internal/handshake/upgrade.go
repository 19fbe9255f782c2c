//go:build !js

package handshake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// placeholder is the URL that coder/websocket is given. It parses URLs by other rules than the URL standard's, so
// upgrade puts in the true one.
const placeholder = "ws://localhost/"

// upgrade is the http.RoundTripper under coder/websocket for one attempt. It sends the request as browsers do, checks
// the response, and keeps the upgraded stream: coder/websocket verifies the rest of the response and gets a stream on
// which nothing happens.
type upgrade struct {
	cfg           *Config
	authorization string
	cancel        context.CancelFunc
	transport     *transport

	result  *Result
	refusal *StatusError
	err     error
}

func newUpgrade(ctx context.Context, fail context.CancelCauseFunc, cfg *Config, authorization string) *upgrade {
	var base http.RoundTripper
	if cfg.Client != nil {
		base = cfg.Client.Transport
	}
	cancel := func() { fail(nil) }
	return &upgrade{cfg: cfg, authorization: authorization, cancel: cancel, transport: newTransport(ctx, fail, base, cfg)}
}

func (u *upgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := u.roundTrip(req)
	u.err = err
	return resp, err
}

func (u *upgrade) roundTrip(req *http.Request) (*http.Response, error) {
	var conn net.Conn
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { conn = info.Conn },
	})
	resp, err := u.transport.RoundTrip(u.request(ctx, req))
	if err != nil {
		return nil, err
	}
	u.takeCookies(resp)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return nil, u.refused(resp, nil)
	}
	n, err := check(resp, u.cfg.Protocols, u.cfg.Compression)
	if err != nil {
		resp.Body.Close()
		return nil, u.refused(resp, err)
	}
	body, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		resp.Body.Close()
		return nil, fmt.Errorf("the RoundTripper's body of a 101 response is a %T, which cannot be written", resp.Body)
	}
	var local, remote net.Addr
	if conn != nil {
		local, remote = conn.LocalAddr(), conn.RemoteAddr()
	}
	if !u.transport.own {
		conn = nil // what the RoundTripper has put around it may matter
	}
	stream, early, err := take(body, conn)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	resp.Body = http.NoBody
	u.result = &Result{
		Stream: stream, Early: early, Local: local, Remote: remote,
		Protocol: n.protocol, Extensions: n.extensions, Deflate: n.deflate, Deflated: n.deflated,
		Response: resp,
	}
	return forCoder(resp), nil
}

// refused keeps what is known about a response that does not open the connection, and returns the error.
func (u *upgrade) refused(resp *http.Response, cause error) error {
	u.refusal = refused(resp, cause, u.cancel)
	return u.cfg.refused(u.refusal)
}

// forCoder is resp as coder/websocket gets it: without extensions, since it refuses client_max_window_bits, which
// browsers accept (h-ext-cmwb-9), and compression is not its affair, and with an idle stream.
func forCoder(resp *http.Response) *http.Response {
	r := *resp
	r.Header = maps.Clone(resp.Header)
	r.Header.Del("Sec-WebSocket-Extensions")
	r.Body = idle{}
	return &r
}

// request makes the request that goes out of the one coder/websocket made.
func (u *upgrade) request(ctx context.Context, req *http.Request) *http.Request {
	out := req.Clone(ctx)
	out.URL = requestURL(u.cfg.URL)
	out.Host = u.cfg.URL.Host
	if host := u.cfg.Header.Get("Host"); host != "" {
		out.Host = host
	}
	// net/http would spell these names Sec-Websocket-, as no browser does, and there are servers that compare bytes.
	for _, name := range []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version"} {
		out.Header[name] = out.Header.Values(name)
		out.Header.Del(name)
	}
	out.Header.Del("Sec-WebSocket-Protocol")
	if len(u.cfg.Protocols) > 0 {
		out.Header["Sec-WebSocket-Protocol"] = []string{strings.Join(u.cfg.Protocols, ", ")}
	}
	if u.cfg.Compression {
		out.Header["Sec-WebSocket-Extensions"] = []string{deflate.Offer}
	}
	if u.authorization != "" {
		out.Header.Set("Authorization", u.authorization)
	}
	u.giveCookies(out)
	return out
}

// requestURL is u for net/http.
func requestURL(u *URL) *url.URL {
	out := &url.URL{Scheme: "http", Host: u.Host, Opaque: u.Target}
	if u.Secure {
		out.Scheme = "https"
	}
	if !strings.HasPrefix(u.Target, "//") {
		return out
	}
	// net/http takes such an Opaque for the start of a URL without scheme.
	path, query, hasQuery := strings.Cut(u.Target, "?")
	unescaped, err := url.PathUnescape(path)
	out.Opaque, out.Path, out.RawPath, out.RawQuery, out.ForceQuery = "", unescaped, path, query, hasQuery
	if err != nil || out.EscapedPath() != path {
		// Nor can it write this path from its parts ("//a|b"): the one target that is sent in absolute form.
		out.Opaque = "//" + u.Host + u.Target
		out.Path, out.RawPath, out.RawQuery, out.ForceQuery = "", "", "", false
	}
	return out
}

// canonical is h with its names in canonical form, in which net/http looks them up.
func canonical(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		name = textproto.CanonicalMIMEHeaderKey(name)
		out[name] = append(out[name], values...)
	}
	return out
}

// requestHeader is the caller's part of the request header: h without what is not the caller's to decide, and without
// Host, which net/http does not take from there.
func requestHeader(h http.Header) http.Header {
	out := maps.Clone(h)
	for name := range h {
		if strings.HasPrefix(name, "Sec-Websocket-") {
			delete(out, name)
		}
	}
	for _, name := range []string{
		"Host", "Connection", "Upgrade", "Expect", "Content-Length", "Transfer-Encoding", "Trailer", "Te",
	} {
		delete(out, name)
	}
	return out
}

// giveCookies adds the jar's cookies to a request.
func (u *upgrade) giveCookies(req *http.Request) {
	if jar := u.jar(); jar != nil {
		for _, cookie := range jar.Cookies(cookieURL(u.cfg.URL)) {
			req.AddCookie(cookie)
		}
	}
}

// takeCookies puts a response's cookies into the jar.
func (u *upgrade) takeCookies(resp *http.Response) {
	if jar := u.jar(); jar != nil {
		if cookies := resp.Cookies(); len(cookies) > 0 {
			jar.SetCookies(cookieURL(u.cfg.URL), cookies)
		}
	}
}

func (u *upgrade) jar() http.CookieJar {
	if u.cfg.Client == nil {
		return nil
	}
	return u.cfg.Client.Jar
}

// cookieURL is u as net/http would show an http: or https: URL to a jar, so that cookies are shared with it.
func cookieURL(u *URL) *url.URL {
	path, _, _ := strings.Cut(u.Target, "?")
	if unescaped, err := url.PathUnescape(path); err == nil {
		path = unescaped
	}
	out := &url.URL{Scheme: "http", Host: u.Host, Path: path}
	if u.Secure {
		out.Scheme = "https"
	}
	return out
}
