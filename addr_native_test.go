//go:build !js

package ws_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// foreignTransport is a RoundTripper that is not an http.Transport.
type foreignTransport struct{ base http.RoundTripper }

func (f foreignTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return f.base.RoundTrip(r)
}

// TestAddresses: LocalAddr and RemoteAddr are those of the TCP connection. It is native: a browser tells no addresses.
func TestAddresses(t *testing.T) {
	t.Parallel()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	for name, client := range map[string]*http.Client{
		"http.Transport": nil,
		"wrapped":        {Transport: foreignTransport{transport}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			opened := make(chan struct{})
			c := construct(t, p.URL, &ws.Options{
				OnOpen: func(*ws.Conn) { close(opened) },
				Native: ws.NativeOptions{HTTPClient: client},
			})
			if local, remote := c.LocalAddr(), c.RemoteAddr(); local != nil || remote != nil {
				t.Errorf("before the handshake LocalAddr is %v, RemoteAddr %v", local, remote)
			}
			p.accept()
			await(t, "open event", opened)
			check := func(when string) {
				t.Helper()
				local, ok := c.LocalAddr().(*net.TCPAddr)
				if !ok || !local.IP.IsLoopback() || local.Port == 0 {
					t.Errorf("%s: LocalAddr is %v", when, c.LocalAddr())
				}
				if remote := c.RemoteAddr(); remote == nil || !strings.Contains(p.URL, "//"+remote.String()) {
					t.Errorf("%s: RemoteAddr is %v of %s", when, remote, p.URL)
				}
			}
			check("open")
			c.CloseNow()
			check("closed")
		})
	}
}
