package interop

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// TestIdle has the proxies end a connection on which nothing happens, and keep those on which the client or the server
// sends pings. These are older, so they have lived for longer than the proxy's idle time when the first one ends.
func TestIdle(t *testing.T) {
	const idle, interval = 9 * time.Second, 3 * time.Second
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			site := startSite(t, accept)
			proxy := kind.start(t, site, idle)
			var kept, silent []*ws.Conn
			var sessions []*session
			for _, secure := range []bool{false, true} {
				w := proxy.way(site.servers[0], secure)
				pinging, _ := w.dial(t, "echo", &ws.Options{Native: ws.NativeOptions{PingInterval: interval}})
				pinged, _ := w.dial(t, "echo?ping="+interval.String(), nil)
				idling, session := w.dial(t, "echo", nil)
				kept = append(kept, pinging, pinged)
				silent = append(silent, idling)
				sessions = append(sessions, session)
			}
			for i, c := range silent {
				// TCP has ended without a Close frame; the client cannot know more.
				wantEnd(t, c, ws.CloseEvent{Code: ws.StatusAbnormalClosure})
				wantLost(t, c)
				if got := sessions[i].end(t); got != (ending{}) {
					t.Errorf("the server saw %+v", got)
				}
			}
			for _, c := range kept {
				send(t, c, ws.Text("still here"))
				wantMessage(t, c, ws.Text("still here"))
			}
		})
	}
}

// wantLost compares the error of a connection that has ended because TCP has.
func wantLost(t testing.TB, c *ws.Conn) {
	t.Helper()
	const want = "ws: closed with 1006, not cleanly: unexpected EOF"
	if err := c.Err(); !errors.Is(err, io.ErrUnexpectedEOF) || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}
