//go:build !js

package handshake

import (
	"fmt"
	"net/http"
	"strings"
)

// Origins are the origins of pages that may connect, besides pages from the request's own host.
type Origins struct {
	list     []string // as given
	patterns []origin
	any      bool // "*"
	null     bool // "null"
}

// origin is a page's origin (RFC 6454), or a pattern of some.
type origin struct {
	scheme string
	host   string // in lower case; of a pattern, it may begin with "*."
	port   string // "" is the default of the scheme; of a pattern, "*" is any
}

// ParseOrigins parses a list: "https://example.com", "https://*.example.com" for every host below example.com,
// "http://localhost:*" for every port, "null", "*" for all.
func ParseOrigins(list []string) (Origins, error) {
	o := Origins{list: list}
	for _, s := range list {
		switch s {
		case "*":
			o.any = true
		case "null":
			o.null = true
		default:
			pattern, ok := parseOrigin(s)
			if name := strings.TrimPrefix(pattern.host, "*."); !ok || name == "" || strings.Contains(name, "*") {
				return Origins{},
					fmt.Errorf(`%q is no origin: want "https://example.com", "https://*.example.com", "null" or "*"`, s)
			}
			o.patterns = append(o.patterns, pattern)
		}
	}
	return o, nil
}

// check refuses a request of a page that may not connect. Browsers send the page's origin, and pages cannot prevent
// that; a request without the field does not come from a page.
//
// The request's own host is what the client asked for. What proxies say about it (X-Forwarded-Host and such) could be
// anybody's, and is not read.
func (o *Origins) check(r *http.Request) *Refusal {
	values := r.Header["Origin"]
	switch len(values) {
	case 0:
		return nil
	case 1:
	default:
		return refuse(http.StatusBadRequest, "Origin is repeated: %q", values)
	}
	if o.allows(values[0], r.Host) {
		return nil
	}
	refusal := refuse(http.StatusForbidden, "the page's origin %q is not allowed", values[0])
	refusal.Err = fmt.Errorf(
		"the page's Origin %q differs from the request's Host %q, and is not in AcceptOptions.Origins %q",
		values[0], r.Host, o.list)
	return refusal
}

// allows reports whether a page of that origin may connect to the host of a request.
func (o *Origins) allows(value, host string) bool {
	if o.any {
		return true
	}
	if value == "null" { // a page without an origin of its own: a file, a sandbox
		return o.null
	}
	page, ok := parseOrigin(value)
	if !ok || strings.Contains(page.host+page.port, "*") {
		return false
	}
	if page.sameHost(host) {
		return true
	}
	for _, pattern := range o.patterns {
		if pattern.matches(page) {
			return true
		}
	}
	return false
}

// sameHost reports whether a page comes from the host of a request: from a site, with the same name and port. The
// scheme may differ, because the request does not tell it behind a proxy that ends TLS.
func (page origin) sameHost(host string) bool {
	if page.scheme != "http" && page.scheme != "https" {
		return false
	}
	name, port, ok := splitHost(host)
	return ok && page.host == asciiLower(name) && page.port == withoutDefault(page.scheme, port)
}

// matches reports whether the pattern means the page.
func (pattern origin) matches(page origin) bool {
	if pattern.scheme != page.scheme || pattern.port != page.port && pattern.port != "*" {
		return false
	}
	if suffix, ok := strings.CutPrefix(pattern.host, "*"); ok {
		return len(page.host) > len(suffix) && strings.HasSuffix(page.host, suffix)
	}
	return pattern.host == page.host
}

// schemeBytes are what a scheme has, in lower case (RFC 3986 section 3.1).
const schemeBytes = "abcdefghijklmnopqrstuvwxyz0123456789+-."

// parseOrigin parses a serialised origin: scheme "://" host [ ":" port ].
func parseOrigin(s string) (o origin, ok bool) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found || scheme == "" || strings.Trim(asciiLower(scheme), schemeBytes) != "" {
		return origin{}, false
	}
	host, port, ok := splitHost(rest)
	if !ok {
		return origin{}, false
	}
	o = origin{scheme: asciiLower(scheme), host: asciiLower(host)}
	o.port = withoutDefault(o.scheme, port)
	return o, true
}

// splitHost splits a host from its port, which may be missing.
func splitHost(s string) (host, port string, ok bool) {
	host = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
	}
	inside := host
	if strings.HasPrefix(host, "[") {
		if inside, ok = strings.CutSuffix(host[1:], "]"); !ok {
			return "", "", false
		}
	} else if strings.Contains(host, ":") {
		return "", "", false
	}
	if inside == "" || strings.ContainsAny(inside, "/\\?#@[], \t") ||
		strings.Trim(port, "0123456789") != "" && port != "*" {
		return "", "", false
	}
	return host, port, true
}

// withoutDefault is the port, "" if it is the scheme's default.
func withoutDefault(scheme, port string) string {
	switch {
	case port == "80" && (scheme == "http" || scheme == "ws"), port == "443" && (scheme == "https" || scheme == "wss"):
		return ""
	}
	return port
}

// asciiLower is s with the letters of ASCII in lower case: names of hosts are compared so.
func asciiLower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
