package interop

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestOrigin has Accept look at the Origin of pages behind nginx, which ends TLS and gives the server the Host that the
// client has sent, or, as it does by default, another one.
func TestOrigin(t *testing.T) {
	const page = "https://app.example.com" // where the page is
	refusals := make(chan error, 1)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var options ws.AcceptOptions
		if path.Base(r.URL.Path) == "listed" {
			options.Origins = []string{page}
		}
		c, err := ws.Accept(w, r, &options)
		if err != nil {
			refusals <- err
			return
		}
		if err := c.Shutdown(testContext(t), ws.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
	}))
	defer backend.Close()
	address := strings.TrimPrefix(backend.URL, "http://")
	cert := newCertificate(t)
	servers := []*server{{implementation: implementation{name: "ws"}, plain: address}}
	proxy := kindNamed(t, "nginx").start(t, &site{cert: cert, servers: servers, away: address}, patient)
	for _, c := range []struct {
		name, path, origin string
		refused            bool
	}{
		{"Host as sent", "ws/any", page, false},
		{"Host as sent, another page", "ws/any", "https://example.net", true},
		{"Host as sent, no page", "ws/any", "", false},
		{"another Host", "renamed/ws/any", page, true},
		{"another Host, page listed", "renamed/ws/listed", page, false},
		{"another Host, another page", "renamed/ws/listed", "https://example.net", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{"Host": {"app.example.com"}}
			if c.origin != "" {
				header.Set("Origin", c.origin)
			}
			conn, err := ws.Dial(testContext(t), "wss://"+proxy.Secure+"/"+c.path, &ws.Options{
				Native: ws.NativeOptions{HTTPClient: proxy.client(nil), Header: header},
			})
			if !c.refused {
				if err != nil {
					t.Fatal(err)
				}
				wantEnd(t, conn, ws.CloseEvent{Code: ws.StatusNormalClosure, WasClean: true})
				return
			}
			var refused *ws.HandshakeError
			if !errors.As(err, &refused) || refused.StatusCode != http.StatusForbidden {
				t.Fatalf("Dial returns %v", err)
			}
			host := "app.example.com"
			if strings.HasPrefix(c.path, "renamed/") {
				host = address
			}
			err = <-refusals
			// The server's log says what was compared, and what to set.
			for _, want := range []string{c.origin, host, "Origins"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Accept returns %v, which does not name %s", err, want)
				}
			}
		})
	}
}
