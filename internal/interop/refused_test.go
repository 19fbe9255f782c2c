package interop

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestServerAway has nobody listen behind the proxy.
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
				t.Log(err)
			}
		})
	}
}

// TestUnaware has a reverse proxy that does nothing for WebSockets, which is what most have by default: the server is
// asked for a page.
func TestUnaware(t *testing.T) {
	site := startSite(t)
	proxy := kindNamed(t, "nginx").start(t, site, patient)
	for _, server := range site.servers {
		w := proxy.way(server, false)
		w.base = "ws://" + proxy.Plain + "/unaware/" + server.name + "/"
		_, err := w.tryDial(testContext(t), "echo", "", nil)
		var refused *ws.HandshakeError
		if !errors.As(err, &refused) || refused.StatusCode/100 != 4 {
			t.Errorf("%s: %v", server.name, err)
		}
		t.Log(err)
	}
}

// TestProxyRefuses has forward proxies refuse clients that do not know the password, and fail to reach a server.
func TestProxyRefuses(t *testing.T) {
	for _, kind := range kinds {
		if kind.reverse {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			site := startSite(t)
			proxy := kind.start(t, site, patient)
			away := &server{plain: site.away, secure: site.away}
			known := url.UserPassword(username, password)
			for _, secure := range []bool{false, true} {
				for _, c := range []struct {
					name   string
					user   *url.Userinfo
					server *server
				}{
					{"without password", nil, site.servers[0]},
					{"wrong password", url.UserPassword(username, "wrong"), site.servers[0]},
					{"server away", known, away},
				} {
					w := proxy.way(c.server, secure)
					w.client = proxy.client(c.user)
					_, err := w.tryDial(testContext(t), "echo", "", nil)
					t.Logf("%s, secure %v: %v", c.name, secure, err)
				}
			}
		})
	}
}
