//go:build !js

package handshake

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"
)

func TestURLOfRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host, target string
		secure       bool
		want         string
	}{
		{"example.com", "/", false, "ws://example.com/"},
		{"example.com", "/chat?room=1&x=%20", true, "wss://example.com/chat?room=1&x=%20"},
		{"example.com:8080", "/a/b", false, "ws://example.com:8080/a/b"},
		{"EXAMPLE.com", "/", false, "ws://example.com/"},
		{"example.com:80", "/", false, "ws://example.com/"},
		{"example.com:443", "/", false, "ws://example.com:443/"},
		{"example.com:443", "/", true, "wss://example.com/"},
		{"example.com:080", "/", false, "ws://example.com/"},
		{"example.com:", "/", false, "ws://example.com/"},
		{"127.0.0.1:9", "/", false, "ws://127.0.0.1:9/"},
		{"127.1", "/", false, "ws://127.0.0.1/"},
		{"0x7f.1", "/", false, "ws://127.0.0.1/"},
		{"[::1]:8080", "/", false, "ws://[::1]:8080/"},
		{"[0::1]", "/", false, "ws://[::1]/"},
		{"example.com", "/a/../b/./c", false, "ws://example.com/b/c"},
		{"example.com", "/a|b", false, "ws://example.com/a|b"},
		{"example.com", "/\"<>", false, "ws://example.com/%22%3C%3E"},
		{"example.com", "//evil.example/x", false, "ws://example.com//evil.example/x"},
		{"example.com", "http://example.com/whole?x", false, "ws://example.com/whole?x"},
		{"example.com", "", false, "ws://example.com/"},
		// A URL that does not parse is returned as it came.
		{"", "/", false, "ws:///"},
		{"", "/chat", false, "ws:///chat"},
		{"a b", "/", false, "ws://a b/"},
		{"256.256.256.256", "/", false, "ws://256.256.256.256/"},
		{"example.com:99999", "/", false, "ws://example.com:99999/"},
	} {
		r := &http.Request{Host: c.host, RequestURI: c.target}
		if u, err := url.ParseRequestURI(c.target); err == nil {
			r.URL = u
		}
		if c.secure {
			r.TLS = new(tls.ConnectionState)
		}
		if got := RequestURL(r); got != c.want {
			t.Errorf("host %q, target %q: %q, want %q", c.host, c.target, got, c.want)
		}
	}
}

// FuzzRequestURL checks that what is not parsed would come out of the parser as it is.
func FuzzRequestURL(f *testing.F) {
	f.Add("example.com:8080", "/chat?a=b&c#", false)
	f.Add("127.0.0.1", "/a/../b", true)
	f.Add("xn--bcher-kva.example", "/%2e%2e/x", true)
	f.Add("1.2.3", "//x", false)
	f.Fuzz(func(t *testing.T, host, target string, secure bool) {
		r := &http.Request{Host: host, RequestURI: "/" + target}
		scheme := "ws://"
		if secure {
			r.TLS, scheme = new(tls.ConnectionState), "wss://"
		}
		got := RequestURL(r)
		raw := scheme + host + "/" + target
		if host == "" {
			if got != raw {
				t.Fatalf("%q: %q", raw, got)
			}
			return
		}
		if u, err := ParseURL(raw, ""); err == nil && got != u.Href {
			t.Fatalf("%q: %q, want %q", raw, got, u.Href)
		} else if err != nil && (got != raw || plainHost(host, secure) && plainTarget("/"+target)) {
			t.Fatalf("%q: %q, and %v", raw, got, err)
		}
	})
}
