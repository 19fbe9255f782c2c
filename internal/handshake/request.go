//go:build !js

package handshake

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// request makes the request that is sent from the one that coder/websocket has made.
func (a *attempt) request(from *http.Request) *http.Request {
	out := new(http.Request)
	*out = *from
	out.URL = requestURL(a.cfg.URL)
	out.Host = a.cfg.URL.Host
	out.Header = make(http.Header, len(a.cfg.Header)+6)
	for name, values := range a.cfg.Header {
		switch canonical := textproto.CanonicalMIMEHeaderKey(name); {
		case canonical == "Host" && len(values) > 0 && values[0] != "":
			out.Host = values[0]
		case canonical == "User-Agent" && name != canonical:
			// Without this, net/http would add its own.
			out.Header[canonical] = []string{""}
			out.Header[name] = values
		case !reserved(canonical):
			out.Header[name] = values
		}
	}
	a.addFields(out.Header, from.Header.Get("Sec-WebSocket-Key"))
	a.giveCookies(out.Header)
	return out
}

// addFields adds the fields of the handshake. net/http would spell some of these names Sec-Websocket-, which no browser
// does, and some servers compare bytes.
func (a *attempt) addFields(h http.Header, key string) {
	h["Connection"] = []string{"Upgrade"}
	h["Upgrade"] = []string{"websocket"}
	h["Sec-WebSocket-Key"] = []string{key}
	h["Sec-WebSocket-Version"] = []string{"13"}
	if len(a.cfg.Protocols) > 0 {
		h["Sec-WebSocket-Protocol"] = []string{strings.Join(a.cfg.Protocols, ", ")}
	}
	if a.cfg.Compression {
		h["Sec-WebSocket-Extensions"] = []string{deflate.Offer}
	}
	if a.authorization != "" {
		h["Authorization"] = []string{a.authorization}
	}
}

// reserved reports whether the caller may not set a field, because the handshake itself or HTTP's framing depends on
// it.
func reserved(canonical string) bool {
	switch canonical {
	case "Host", "Connection", "Upgrade", "Expect", "Content-Length", "Transfer-Encoding", "Trailer", "Te":
		return true
	}
	return strings.HasPrefix(canonical, "Sec-Websocket-")
}

// spelling returns how h spells the field with a canonical name, or canonical itself if h has no such field.
func spelling(h http.Header, canonical string) string {
	if _, ok := h[canonical]; ok {
		return canonical
	}
	for name := range h {
		if textproto.CanonicalMIMEHeaderKey(name) == canonical {
			return name
		}
	}
	return canonical
}

// requestURL returns u for net/http, RoundTrippers and OnHandshake. If its parts do not result in the request target
// that browsers send ("/a|b"), the target is in Opaque, and the parts are only for readers.
func requestURL(u *URL) *url.URL {
	out := &url.URL{Scheme: "http", Host: u.Host}
	if u.Secure {
		out.Scheme = "https"
	}
	path, query, hasQuery := strings.Cut(u.Target, "?")
	out.RawQuery, out.ForceQuery = query, hasQuery && query == ""
	var err error
	if out.Path, err = url.PathUnescape(path); err != nil {
		out.Path = path
	}
	if out.EscapedPath() == path {
		return out
	}
	out.RawPath = path
	if out.EscapedPath() == path {
		return out
	}
	out.RawPath, out.Opaque = "", path
	if strings.HasPrefix(path, "//") {
		// net/http takes such an Opaque for the start of a URL without scheme: "//a|b" is the one target that is sent
		// in absolute form.
		out.Opaque = "//" + u.Host + path
	}
	return out
}

// giveCookies adds the jar's cookies to those of the caller.
func (a *attempt) giveCookies(h http.Header) {
	jar := a.jar()
	if jar == nil {
		return
	}
	cookies := jar.Cookies(cookieURL(a.cfg.URL))
	if len(cookies) == 0 {
		return
	}
	name := spelling(h, "Cookie")
	all := http.Request{Header: http.Header{}}
	if mine := h[name]; len(mine) > 0 {
		all.Header["Cookie"] = []string{strings.Join(mine, "; ")}
	}
	for _, cookie := range cookies {
		all.AddCookie(cookie)
	}
	h[name] = all.Header["Cookie"]
}

// takeCookies puts a response's cookies into the jar.
func (a *attempt) takeCookies(resp *http.Response) {
	if jar := a.jar(); jar != nil {
		if cookies := resp.Cookies(); len(cookies) > 0 {
			jar.SetCookies(cookieURL(a.cfg.URL), cookies)
		}
	}
}

func (a *attempt) jar() http.CookieJar {
	if a.cfg.Client == nil {
		return nil
	}
	return a.cfg.Client.Jar
}

// cookieURL is u as net/http would show an http: or https: URL to a jar, so that cookies are shared with it.
func cookieURL(u *URL) *url.URL {
	out := requestURL(u)
	return &url.URL{Scheme: out.Scheme, Host: out.Host, Path: out.Path}
}
