//go:build !js

package handshake

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestRequestURL: the request target is what browsers send, and the URL has its parts for code that signs or traces
// requests.
func TestRequestURL(t *testing.T) {
	requests := make(chan *request, 1)
	server := serve(t, opener(t, requests))
	for _, c := range []struct {
		target, path, query string
		opaque              bool
	}{
		{"/", "/", "", false},
		{"/chat/room", "/chat/room", "", false},
		{"/x?y=1&z=a+b", "/x", "y=1&z=a+b", false},
		{"/x?", "/x", "", false},
		{"/a%20b%2Fc", "/a b/c", "", false},
		{"/a'b(c)!*;=:@,$&[d]", "/a'b(c)!*;=:@,$&[d]", "", false},
		{"/%E2%82%AC?q=%E2%82%AC", "/€", "q=%E2%82%AC", false},
		{"/%e2", "/\xe2", "", false},
		{"//a/b?c", "//a/b", "c", false},
		{"/?a|b^c`{d}", "/", "a|b^c`{d}", false},
		{"/a|b?c", "/a|b", "c", true},
		{"/a%zz?c", "/a%zz", "c", true},
	} {
		t.Run(c.target, func(t *testing.T) {
			var seen *url.URL
			var hooked *http.Request
			look := func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
				seen = req.URL
				return base.RoundTrip(req)
			}
			req := open(t, &Config{
				URL:         server.url(t, c.target),
				Client:      &http.Client{Transport: rewrappable{look, &http.Transport{}}},
				OnHandshake: func(resp *http.Response) { hooked = resp.Request },
			}, requests)
			if want := "GET " + c.target + " HTTP/1.1"; req.line() != want {
				t.Errorf("request line %q, want %q", req.line(), want)
			}
			if seen.Path != c.path || seen.RawQuery != c.query || (seen.Opaque != "") != c.opaque ||
				seen.Host != server.Addr().String() {
				t.Errorf("URL %#v", seen)
			}
			if hooked == nil || hooked.URL.Path != c.path || hooked.URL.RawQuery != c.query {
				t.Errorf("OnHandshake's request has the URL %#v", hooked)
			}
		})
	}
}

// rewrappable is a function around a RoundTripper, which can be put around another.
type rewrappable struct {
	send func(base http.RoundTripper, req *http.Request) (*http.Response, error)
	base http.RoundTripper
}

func (r rewrappable) RoundTrip(req *http.Request) (*http.Response, error) { return r.send(r.base, req) }

func (r rewrappable) Unwrap() http.RoundTripper { return r.base }

func (r rewrappable) Wrap(base http.RoundTripper) http.RoundTripper { return rewrappable{r.send, base} }

// TestHeaderSpelling: names are sent as the caller spells them, those that net/http looks for too.
func TestHeaderSpelling(t *testing.T) {
	jar := testJar{"j": "1"}
	for _, c := range []struct {
		name   string
		header http.Header
		jar    http.CookieJar
		want   []string // lines
		not    []string // names
	}{
		{"any", http.Header{"X-MBX-APIKEY": {"k"}, "x-lower": {"l"}, "X-Canonical": {"c"}}, nil,
			[]string{"X-MBX-APIKEY: k", "x-lower: l", "X-Canonical: c"}, []string{"X-Mbx-Apikey", "X-Lower"}},
		{"User-Agent", http.Header{"user-agent": {"me"}}, nil, []string{"user-agent: me"}, []string{"User-Agent"}},
		{"Cookie", http.Header{"cookie": {"a=b", "c=d"}}, nil, []string{"cookie: a=b", "cookie: c=d"}, []string{"Cookie"}},
		{"Cookie and jar", http.Header{"cookie": {"a=b", "c=d"}}, jar, []string{"cookie: a=b; c=d; j=1"}, []string{"Cookie"}},
		{"jar", nil, jar, []string{"Cookie: j=1"}, nil},
		{"Authorization", http.Header{"AUTHORIZATION": {"Bearer x"}}, nil, []string{"AUTHORIZATION: Bearer x"},
			[]string{"Authorization"}},
		{"the handshake's", http.Header{"UPGRADE": {"x"}, "sec-websocket-KEY": {"x"}, "HOST": {"example.org"}}, nil,
			[]string{"Host: example.org", "Upgrade: websocket"}, []string{"UPGRADE", "sec-websocket-KEY", "HOST"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			requests := make(chan *request, 1)
			server := serve(t, opener(t, requests))
			req := open(t, &Config{URL: server.url(t, "/"), Header: c.header, Client: &http.Client{Jar: c.jar}}, requests)
			for _, line := range c.want {
				if !strings.Contains(req.text, "\r\n"+line+"\r\n") {
					t.Errorf("no line %q in %q", line, req.text)
				}
			}
			for _, name := range c.not {
				if strings.Contains(req.text, "\r\n"+name+":") {
					t.Errorf("a line %s in %q", name, req.text)
				}
			}
		})
	}
}

// testJar has the same cookies for every URL.
type testJar map[string]string

func (j testJar) SetCookies(*url.URL, []*http.Cookie) {}

func (j testJar) Cookies(*url.URL) (list []*http.Cookie) {
	for name, value := range j {
		list = append(list, &http.Cookie{Name: name, Value: value})
	}
	return list
}

// TestCredentialsSpelling: an Authorization of the caller's, however spelled, is not followed by the URL's.
func TestCredentialsSpelling(t *testing.T) {
	requests := make(chan *request, 9)
	server := serve(t, unauthorized(t, "WWW-Authenticate: Basic\r\n", "", requests))
	u := parseURL(t, "ws://user:pass@"+server.Addr().String()+"/")
	if _, err := Dial(patient(t), &Config{URL: u, Header: http.Header{"authorization": {"Bearer x"}}}); err == nil {
		t.Error("opened")
	}
	if len(requests) != 1 {
		t.Errorf("%d requests", len(requests))
	}
}
