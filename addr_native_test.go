//go:build !js

package ws_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// foreignTransport is a RoundTripper that is not an http.Transport.
type foreignTransport struct{ base http.RoundTripper }

func (f foreignTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return f.base.RoundTrip(r)
}

// TestAddresses: LocalAddr and RemoteAddr are those of the TCP connection. It is native, because browsers reveal no
// addresses.
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

// TestAcceptedAddresses: an accepted connection has the addresses of the same TCP connection, the other way round.
func TestAcceptedAddresses(t *testing.T) {
	t.Parallel()
	accepted := make(chan *ws.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}))
	t.Cleanup(server.Close)
	client := dial(t, "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	c := await(t, "the server's connection", accepted)
	check := func(when string) {
		t.Helper()
		for name, pair := range map[string][2]net.Addr{
			"client": {client.LocalAddr(), c.RemoteAddr()},
			"server": {client.RemoteAddr(), c.LocalAddr()},
		} {
			if pair[0] == nil || pair[1] == nil || pair[0].String() != pair[1].String() {
				t.Errorf("%s: the address of the %s is %v at one end and %v at the other", when, name, pair[0], pair[1])
			}
		}
	}
	check("open")
	c.CloseNow()
	client.CloseNow()
	check("closed")
}
