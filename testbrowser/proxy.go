package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
)

// proxyRule sends a path of the page's origin to a server of the user.
type proxyRule struct {
	path   string
	target *url.URL // nil: the -with server
}

// parseProxyRule reads /path=URL, or /path for the -with server.
func parseProxyRule(value string) (proxyRule, error) {
	path, target, given := strings.Cut(value, "=")
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#% \t\r\n") {
		return proxyRule{}, fmt.Errorf("%q is no path; the flag looks like -proxy /chat=http://127.0.0.1:8080", path)
	}
	rule := proxyRule{path: path}
	if !given {
		return rule, nil
	}
	u, err := parseTarget(target)
	rule.target = u
	return rule, err
}

// parseTarget reads the URL of a server, which may be that of a WebSocket.
func parseTarget(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	case "http", "https":
	default:
		return nil, fmt.Errorf("%q is no URL of an http server; the flag looks like -proxy /chat=http://127.0.0.1:8080", text)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("%q names no host", text)
	}
	return u, nil
}

// applies reports whether a path is the rule's or below it.
func (p proxyRule) applies(path string) bool {
	below, ok := strings.CutPrefix(path, strings.TrimSuffix(p.path, "/"))
	return ok && (path == p.path || strings.HasPrefix(below, "/"))
}

// handler is the reverse proxy. The server sees the page's own host, as if it had served the page: servers that compare
// the origin of a WebSocket with it accept it. The path is unchanged, unless the target has one.
func (p proxyRule) handler(stderr io.Writer) http.Handler {
	loopback := p.target.Hostname() == "localhost" || net.ParseIP(p.target.Hostname()).IsLoopback()
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = p.target.Scheme, p.target.Host
			if p.target.Path != "" {
				below := strings.TrimPrefix(r.In.URL.Path, strings.TrimSuffix(p.path, "/"))
				r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimSuffix(p.target.Path, "/")+below, ""
			}
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		// No authority could have signed a certificate for loopback.
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: loopback}},
		FlushInterval: -1,
		ErrorLog:      log.New(stderr, "testbrowser: -proxy: ", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				fmt.Fprintf(stderr, "testbrowser: -proxy %s=%s: %s %s: %v\n", p.path, p.target, r.Method, r.URL.Path, err)
			}
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
}

// checkProxies looks for rules that contradict each other or have no server, and puts the more special ones first.
func (p *pageSettings) checkProxies(with string) error {
	slices.SortStableFunc(p.proxies, func(a, b proxyRule) int { return len(b.path) - len(a.path) })
	for i, rule := range p.proxies {
		if i > 0 && p.proxies[i-1].path == rule.path {
			return fmt.Errorf("-proxy %s: given twice", rule.path)
		}
		if rule.target == nil && with == "" {
			return fmt.Errorf("-proxy %s: names no server, and there is no -with; the flag looks like "+
				"-proxy /chat=http://127.0.0.1:8080", rule.path)
		}
	}
	return nil
}

// withProxies adds the proxies to a handler.
func (s *pageServer) withProxies(h http.Handler) http.Handler {
	handlers := make([]http.Handler, len(s.page.proxies))
	for i, rule := range s.page.proxies {
		handlers[i] = rule.handler(s.stderr)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, rule := range s.page.proxies {
			if rule.applies(r.URL.Path) && !strings.HasPrefix(r.URL.Path, s.folder) {
				handlers[i].ServeHTTP(w, r)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}
