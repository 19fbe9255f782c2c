//go:build !js

package nettest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
)

// TestHosts runs TestConn in JavaScript hosts, whose connections meet at a server. A missing host is skipped unless
// WS_REQUIRE_BROWSERS names it.
func TestHosts(t *testing.T) {
	required := strings.Split(os.Getenv("WS_REQUIRE_BROWSERS"), ",")
	if len(required) == 1 && required[0] == "1" {
		required = []string{"all"}
	}
	hosttest.Run(t, hosttest.Config{
		Hosts: []hosttest.Host{
			{Host: "chromium"}, {Host: "firefox"}, {Host: "webkit"}, {Host: "node", Oldest: 22}, {Host: "deno"}, {Host: "bun"},
		},
		Required: required,
		Start: func(t *testing.T, _ hosttest.Host) []string {
			server := httptest.NewServer(new(meeting))
			t.Cleanup(server.Close)
			return []string{serverVariable + "=ws" + strings.TrimPrefix(server.URL, "http")}
		},
	})
}

// meeting is a server that joins each two connections of one path.
type meeting struct {
	mu    sync.Mutex
	first map[string]*ws.Conn
}

func (m *meeting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := ws.Accept(w, r, &ws.AcceptOptions{Origins: []string{"*"}})
	if err != nil {
		return // which the client has been told
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	first, ok := m.first[r.URL.Path]
	if !ok {
		if m.first == nil {
			m.first = make(map[string]*ws.Conn)
		}
		m.first[r.URL.Path] = c
		return
	}
	delete(m.first, r.URL.Path)
	c1, c2 := netconn.New(first), netconn.New(c)
	go relay(c1, c2)
	go relay(c2, c1)
}

// relay copies until one of them ends, and then ends the other.
func relay(to, from net.Conn) {
	// The ends see what has become of their connections.
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}
