package ws_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// ownGoroutines returns the stacks of the goroutines that run code of the package or were started by it.
func ownGoroutines() (stacks []string) {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		for _, own := range []string{"ws.", "ws/internal/handshake.", "ws/internal/engine.", "ws/internal/netio."} {
			if strings.Contains(stack, "github.com/seed2c7e30c3/"+own) {
				stacks = append(stacks, stack)
				break
			}
		}
	}
	return stacks
}

// wantNoGoroutines waits until no goroutine of the package is left: that they end is no event. Tests that use it do not
// run in parallel with others.
func wantNoGoroutines(t *testing.T, before []string) {
	t.Helper()
	ctx := testContext(t)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		left := ownGoroutines()
		if len(left) <= len(before) {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("%d goroutines are left, there were %d before:\n%s", len(left), len(before), strings.Join(left, "\n\n"))
		}
	}
}

// endings are the ways in which connections end.
var endings = map[string]func(*testing.T){
	"own Close": func(t *testing.T) {
		c := dial(t, "/echo", nil)
		send(t, c, ws.Text("x"))
		read(t, c)
		c.Close()
		wait(t, c)
	},
	"own Close, unread messages": func(t *testing.T) {
		c := dial(t, "/flood?n=1000&size=100", nil)
		read(t, c)
		c.Close()
		wait(t, c)
	},
	"server's Close, unread messages": func(t *testing.T) {
		wait(t, dial(t, "/close?code=4000&messages=100", nil))
	},
	"Close with messages queued": func(t *testing.T) {
		c, server, n := stuffed(t, &ws.Options{})
		c.Close()
		receive(server, n)
		server.ending()
		wait(t, c)
	},
	"reset with messages queued": func(t *testing.T) {
		c, server, _ := stuffed(t, &ws.Options{})
		server.end("reset")
		wait(t, c)
	},
	"broken protocol": func(t *testing.T) {
		p := newPeer(t)
		c := construct(t, p.URL, nil)
		server := p.accept()
		server.write([]byte(reservedFrame))
		server.ending()
		wait(t, c)
	},
	"failed handshake": func(t *testing.T) { wait(t, construct(t, "/status?code=404&size=10000", nil)) },
	"cancelled Dial": func(t *testing.T) {
		p := newPeer(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := ws.Dial(ctx, p.URL, nil)
			ended <- err
		}()
		p.conn(0).request()
		cancel()
		await(t, "end of Dial", ended)
	},
	"handlers": func(t *testing.T) {
		closed := make(chan struct{})
		c := dial(t, "/flood?n=1000&size=100", &ws.Options{
			OnMessage: func(*ws.Conn, ws.Message) {},
			OnClose:   func(*ws.Conn, ws.CloseEvent) { close(closed) },
		})
		c.Close()
		await(t, "close event", closed)
	},
	"waiting Read, Drain and Wait": func(t *testing.T) {
		c, server, n := stuffed(t, &ws.Options{})
		ended := make(chan struct{}, 3)
		go func() { c.Read(context.Background()); ended <- struct{}{} }()
		go func() { c.Drain(context.Background(), 0); ended <- struct{}{} }()
		go func() { c.Wait(context.Background()); ended <- struct{}{} }()
		receive(server, n/2)
		server.end("reset")
		for range 3 {
			await(t, "end of Read, Drain and Wait", ended)
		}
	},
}

// TestLeak: when a connection has ended, its goroutines do.
func TestLeak(t *testing.T) {
	for name, ending := range endings {
		t.Run(name, func(t *testing.T) {
			before := ownGoroutines()
			for range 3 {
				ending(t)
			}
			wantNoGoroutines(t, before)
		})
	}
}
