//go:build !js

package handshake

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOrigins: origins x hosts x lists.
func TestOrigins(t *testing.T) {
	t.Parallel()
	list := func(s ...string) []string { return s }
	for _, c := range []struct {
		origin, host string
		list         []string
		want         bool
	}{
		// The request's own host.
		{"https://example.com", "example.com", nil, true},
		{"http://example.com", "example.com", nil, true},
		{"https://EXAMPLE.com", "example.COM", nil, true},
		{"https://example.com:443", "example.com", nil, true},
		{"https://example.com", "example.com:443", nil, true},
		{"http://example.com", "example.com:80", nil, true},
		{"http://example.com:80", "example.com", nil, true},
		{"http://example.com:8080", "example.com:8080", nil, true},
		{"http://127.0.0.1:8080", "127.0.0.1:8080", nil, true},
		{"http://[::1]:8080", "[::1]:8080", nil, true},
		{"https://[2001:db8::1]", "[2001:DB8::1]:443", nil, true},
		{"http://localhost", "localhost", nil, true},
		{"http://a_b.example.", "a_b.example.", nil, true},
		{"https://example.com", "example.com:80", nil, false},
		{"http://example.com", "example.com:443", nil, false},
		{"http://example.com:8080", "example.com", nil, false},
		{"http://example.com", "example.com:8080", nil, false},
		{"http://example.com:8080", "example.com:8081", nil, false},
		{"https://evil.example", "example.com", nil, false},
		{"https://sub.example.com", "example.com", nil, false},
		{"https://example.com", "sub.example.com", nil, false},
		{"https://example.com.evil.example", "example.com", nil, false},
		{"https://evilexample.com", "example.com", nil, false},
		{"https://localhost", "127.0.0.1", nil, false},
		{"https://example.com", "", nil, false},
		{"https://[::1]", "[::2]", nil, false},
		{"https://[::1]", "::1", nil, false},
		{"https://[::1", "[::1", nil, false},
		// What is no site's, though the host is the same.
		{"null", "null", nil, false},
		{"file://", "", nil, false},
		{"capacitor://example.com", "example.com", nil, false},
		{"chrome-extension://example.com", "example.com", nil, false},
		// What no browser sends.
		{"", "example.com", nil, false},
		{"example.com", "example.com", nil, false},
		{"//example.com", "example.com", nil, false},
		{"://example.com", "example.com", nil, false},
		{"https:example.com", "example.com", nil, false},
		{"https://example.com/", "example.com", nil, false},
		{"https://example.com/path", "example.com", nil, false},
		{"https://user@example.com", "example.com", nil, false},
		{"https://example.com#x", "example.com", nil, false},
		{"https://example.com https://example.com", "example.com", nil, false},
		{"https://example.com, https://example.com", "example.com", nil, false},
		{"https://example.com:x", "example.com", nil, false},
		{"https://exam\\ple.com", "example.com", nil, false},
		{"https://*.example.com", "example.com", list("https://*.example.com"), false},
		{"https://example.com:*", "example.com", list("https://example.com:*"), false},
		// Lists.
		{"https://app.example.com", "example.com", list("https://app.example.com"), true},
		{"https://APP.example.com:443", "example.com", list("HTTPS://app.Example.com"), true},
		{"https://app.example.com", "example.com", list("https://app.example.com:443"), true},
		{"https://app.example.com", "example.com", list("https://other.example", "https://app.example.com"), true},
		{"http://localhost:3000", "api.example.com", list("http://localhost:3000"), true},
		{"http://localhost:3000", "api.example.com", list("http://localhost:*"), true},
		{"http://localhost", "api.example.com", list("http://localhost:*"), true},
		{"http://[::1]:3000", "api.example.com", list("http://[::1]:*"), true},
		{"chrome-extension://abcdef", "example.com", list("chrome-extension://abcdef"), true},
		{"https://example.com", "example.com", list("https://app.example.com"), true}, // the own host always may
		{"http://app.example.com", "example.com", list("https://app.example.com"), false},
		{"https://app.example.com:8443", "example.com", list("https://app.example.com"), false},
		{"https://localhost:3000", "api.example.com", list("http://localhost:*"), false},
		{"https://b.app.example.com", "example.com", list("https://app.example.com"), false},
		{"https://a.example.com", "x", list("https://*.example.com"), true},
		{"https://a.b.example.com", "x", list("https://*.example.com"), true},
		{"https://a.example.com:8443", "x", list("https://*.example.com:8443"), true},
		{"https://a.example.com:8443", "x", list("https://*.example.com:*"), true},
		{"https://example.com", "x", list("https://*.example.com"), false},
		{"https://.example.com", "x", list("https://*.example.com"), false},
		{"https://evilexample.com", "x", list("https://*.example.com"), false},
		{"http://a.example.com", "x", list("https://*.example.com"), false},
		{"https://a.example.com:8443", "x", list("https://*.example.com"), false},
		{"https://a.example.com.evil.example", "x", list("https://*.example.com"), false},
		{"null", "example.com", list("null"), true},
		{"NULL", "example.com", list("null"), false},
		{"null", "example.com", list("https://*.example.com"), false},
		{"null", "example.com", list("*"), true},
		{"https://evil.example", "example.com", list("*"), true},
		{"nonsense", "example.com", list("*"), true},
		{"https://evil.example", "example.com", list("null"), false},
	} {
		origins, err := ParseOrigins(c.list)
		if err != nil {
			t.Errorf("%q: %v", c.list, err)
			continue
		}
		for _, forwarded := range []bool{false, true} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Host = c.host
			r.Header = http.Header{"Origin": {c.origin}}
			if forwarded {
				// Anybody may say this.
				host := strings.TrimPrefix(strings.TrimPrefix(c.origin, "https://"), "http://")
				r.Header["X-Forwarded-Host"], r.Header["X-Forwarded-Proto"] = []string{host}, []string{"https"}
				r.Header["Forwarded"] = []string{"host=" + host}
			}
			refusal := origins.check(r)
			switch {
			case refusal == nil && !c.want, refusal != nil && c.want:
				t.Errorf("origin %q, host %q, list %q: %+v, want %v", c.origin, c.host, c.list, refusal, c.want)
			case refusal != nil:
				text := refusal.Err.Error()
				if refusal.Status != http.StatusForbidden || !strings.Contains(text, quoted(c.origin)) ||
					!strings.Contains(text, quoted(c.host)) || !strings.Contains(text, "AcceptOptions.Origins") {
					t.Errorf("origin %q, host %q: %d %v", c.origin, c.host, refusal.Status, refusal.Err)
				}
			}
		}
	}
	origins, err := ParseOrigins(nil)
	if err != nil {
		t.Fatal(err)
	}
	if refusal := origins.check(httptest.NewRequest(http.MethodGet, "/", nil)); refusal != nil {
		t.Errorf("no Origin: %+v", refusal)
	}
}

// quoted is a string as an error shows it.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `\`, `\\`) + `"` }

func TestParseOrigins(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "example.com", "*.example.com", "https://", "https://*", "https://*.", "https://*.*.example.com",
		"https://a*.example.com",
		"https://example.*", "*://example.com", "https://example.com/", "https://example.com:x", "https://example.com:8*",
		"https://a b",
		"https://user@example.com", "https://[::1", "Null", "**", "https://example.com?x",
	} {
		if _, err := ParseOrigins([]string{"https://good.example", s}); err == nil ||
			!strings.Contains(err.Error(), quoted(s)) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
