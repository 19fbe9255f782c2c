package interop

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestServerAway: no server listens behind the proxy.
func TestServerAway(t *testing.T) {
	for _, c := range []struct {
		kind   string
		status int
	}{
		{"nginx", http.StatusBadGateway},
		{"haproxy", http.StatusServiceUnavailable},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			site := startSite(t)
			proxy := kindNamed(t, c.kind).start(t, site, patient)
			away := &server{implementation: implementation{name: "away"}, plain: site.away, secure: site.away}
			for name, secure := range map[string]bool{"ws": false, "wss": true} {
				_, err := proxy.way(away, secure).tryDial(testContext(t), "echo", "", nil)
				var refused *ws.HandshakeError
				if !errors.As(err, &refused) || refused.StatusCode != c.status {
					t.Errorf("%s: %v, want status %d", name, err, c.status)
				}
			}
		})
	}
}

// TestPassword has nginx ask for a password, which the URL has.
func TestPassword(t *testing.T) {
	const wrong = "another-secret"
	site := startSite(t, accept)
	proxy := kindNamed(t, "nginx").start(t, site, patient)
	for _, secure := range []bool{false, true} {
		w := proxy.way(site.servers[0], secure)
		scheme, rest, _ := strings.Cut(w.base, "://")
		base := func(user string) string { return scheme + "://" + user + strings.Replace(rest, "/", "/secret/", 1) }

		w.base = base(username + ":" + password + "@")
		c, _ := w.dial(t, "echo", nil)
		send(t, c, ws.Text("x"))
		wantMessage(t, c, ws.Text("x"))

		for _, user := range []string{"", username + ":" + wrong + "@"} {
			w.base = base(user)
			_, err := w.tryDial(testContext(t), "echo", "", nil)
			var refused *ws.HandshakeError
			if !errors.As(err, &refused) || refused.StatusCode != http.StatusUnauthorized {
				t.Fatalf("user %q: Dial returns %v", user, err)
			}
			if got := http.Header(refused.Header).Get("WWW-Authenticate"); got != `Basic realm="interop"` {
				t.Errorf("user %q: the challenge is %q", user, got)
			}
			if strings.Contains(err.Error(), wrong) {
				t.Errorf("%v has a password in it", err)
			}
		}
	}
}

// TestUnaware has a reverse proxy that does nothing for WebSockets, which is what most have by default: the server is
// asked for a page.
func TestUnaware(t *testing.T) {
	site := startSite(t, implementations...)
	proxy := kindNamed(t, "nginx").start(t, site, patient)
	for _, server := range site.servers {
		w := proxy.way(server, false)
		w.base = "ws://" + proxy.Plain + "/unaware/" + server.name + "/"
		_, err := w.tryDial(testContext(t), "echo", "", nil)
		var refused *ws.HandshakeError
		if !errors.As(err, &refused) || refused.StatusCode/100 != 4 {
			t.Errorf("%s: %v", server.name, err)
		}
	}
}

// TestProxyRefuses has forward proxies refuse clients that do not know the password, and fail to reach a server.
func TestProxyRefuses(t *testing.T) {
	const wrong = "another-secret"
	for name, want := range map[string]struct{ noPassword, wrongPassword, away int }{
		"squid": {http.StatusProxyAuthRequired, http.StatusProxyAuthRequired, http.StatusServiceUnavailable},
		// Whose 401 is the proxy's, not the server's.
		"tinyproxy": {http.StatusProxyAuthRequired, http.StatusUnauthorized, http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := startSite(t, accept)
			proxy := kindNamed(t, name).start(t, site, patient)
			away := &server{plain: site.away, secure: site.away}
			for _, secure := range []bool{false, true} {
				for _, c := range []struct {
					name   string
					user   *url.Userinfo
					server *server
					status int
				}{
					{"no password", nil, site.servers[0], want.noPassword},
					{"wrong password", url.UserPassword(username, wrong), site.servers[0], want.wrongPassword},
					{"server away", url.UserPassword(username, password), away, want.away},
				} {
					w := proxy.way(c.server, secure)
					w.client = proxy.client(c.user)
					_, err := w.tryDial(testContext(t), "echo", "", nil)
					wantProxyError(t, w.base+" "+c.name, err, proxy.Plain, c.status)
					for _, secret := range []string{wrong, password} {
						if strings.Contains(err.Error(), secret) {
							t.Errorf("%v has a password in it", err)
						}
					}
				}
			}
		})
	}
}

// wantProxyError compares an error with that of a proxy's answer.
func wantProxyError(t testing.TB, name string, err error, address string, status int) {
	t.Helper()
	var refused *ws.ProxyError
	var other *ws.HandshakeError
	if !errors.As(err, &refused) || errors.As(err, &other) {
		t.Errorf("%s: Dial returns %v, which is no *ProxyError", name, err)
		return
	}
	if refused.Address != address || refused.StatusCode != status || refused.Cause != nil {
		t.Errorf("%s: %+v, want address %s and status %d", name, *refused, address, status)
	}
	if status == http.StatusProxyAuthRequired && http.Header(refused.Header).Get("Proxy-Authenticate") == "" {
		t.Errorf("%s: no challenge in %v", name, refused.Header)
	}
	for _, want := range []string{address, strconv.Itoa(status)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not name %s", name, err, want)
		}
	}
}

// TestProxyAway: no proxy listens at its address.
func TestProxyAway(t *testing.T) {
	site := startSite(t, accept)
	proxy := &proxy{site: site, Plain: site.away}
	for _, secure := range []bool{false, true} {
		_, err := proxy.way(site.servers[0], secure).tryDial(testContext(t), "echo", "", nil)
		var failed *ws.ProxyError
		if !errors.As(err, &failed) {
			t.Fatalf("Dial returns %v, which is no *ProxyError", err)
		}
		if failed.Address != site.away || failed.StatusCode != 0 || !errors.Is(failed.Cause, syscall.ECONNREFUSED) {
			t.Errorf("Dial returns %+v", *failed)
		}
	}
}
