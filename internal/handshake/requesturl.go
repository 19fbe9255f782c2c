//go:build !js

package handshake

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// RequestURL returns the URL that a request to open a WebSocket was for, as the request tells it: behind a proxy, the
// URL that the proxy asked for. It is serialised by the URL standard or, if it does not parse, returned as it came.
func RequestURL(r *http.Request) string {
	scheme := "ws://"
	if r.TLS != nil {
		scheme = "wss://"
	}
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") { // the whole URL, as a client sends it to a proxy, or not a request from a network
		target = "/"
		if r.URL != nil {
			target = r.URL.RequestURI()
		}
	}
	raw := scheme + r.Host + target
	if r.Host == "" {
		return raw // the first part of the path would become the host
	}
	if plainHost(r.Host, r.TLS != nil) && plainTarget(target) {
		return raw // parsing would take longer than all the rest of a handshake
	}
	u, err := ParseURL(raw, "")
	if err != nil {
		return raw
	}
	return u.Href
}

// plainHost reports whether the URL standard leaves a host, which may have a port, unchanged. It may report false even
// so.
func plainHost(s string, secure bool) bool {
	host, port, hasPort := strings.Cut(s, ":")
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		usual := uint64(80)
		if secure {
			usual = 443
		}
		if err != nil || n == usual || strconv.FormatUint(n, 10) != port {
			return false
		}
	}
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || strings.Contains(host, "xn--") {
		return false
	}
	// A host that ends in a number is an IPv4 address, which has many spellings.
	if last := host[strings.LastIndexByte(host, '.')+1:]; last != "" && last[0] >= 'a' {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// plainTarget reports whether the URL standard leaves a request target unchanged. It may report false even so.
func plainTarget(s string) bool {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/?&=+:,;@!$*()"
	return strings.Trim(s, plain) == "" && !strings.Contains(s, "/.")
}
