package interop

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
)

// TestThrough has the client talk to every server through every proxy, without and with TLS.
func TestThrough(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			site := startSite(t, implementations...)
			proxy := kind.start(t, site, patient)
			for _, server := range site.servers {
				for name, secure := range map[string]bool{"ws": false, "wss": true} {
					t.Run(server.name+"/"+name, func(t *testing.T) { runThrough(t, proxy.way(server, secure)) })
				}
			}
		})
	}
}

func runThrough(t *testing.T, w *way) {
	for name, test := range map[string]func(*testing.T, *way){
		"echo":           throughEcho,
		"compression":    throughCompression,
		"large":          throughLarge,
		"server closes":  throughServerCloses,
		"server cuts":    throughServerCuts,
		"server refuses": throughServerRefuses,
		"CloseWith":      throughCloseWith,
		"Shutdown":       throughShutdown,
		"CloseNow":       throughCloseNow,
		"netconn":        throughNetconn,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

func throughEcho(t *testing.T, w *way) {
	c, _ := w.dial(t, "echo", &ws.Options{Protocols: []string{protocol, "other"}})
	if c.Protocol() != protocol || c.Extensions() != "" {
		t.Errorf("Protocol %q, Extensions %q", c.Protocol(), c.Extensions())
	}
	messages := []ws.Message{
		ws.Text(""), ws.Text("grüß dich ☃"), ws.Bytes{}, ws.Bytes("\x00\xff"), noise(300), noise(70_000),
	}
	for _, m := range messages {
		send(t, c, m)
	}
	for _, m := range messages {
		wantMessage(t, c, m)
	}
}

// throughCompression echoes 1 MiB of text. Compressed, it is much shorter on the network.
func throughCompression(t *testing.T, w *way) {
	c, _ := w.dial(t, "echo?compress=1", nil)
	if !strings.HasPrefix(c.Extensions(), "permessage-deflate") {
		t.Errorf("Extensions %q", c.Extensions())
	}
	m := ws.Text(strings.Repeat(`{"name":"value","number":12345},`, 1<<20/32))
	for range 2 { // the second one with the first one's context
		send(t, c, m)
		wantMessage(t, c, m)
	}
}

// throughLarge has large messages under way in both directions at the same time.
func throughLarge(t *testing.T, w *way) {
	size := 4 << 20
	if testing.Short() {
		size = 1 << 20
	}
	c, _ := w.dial(t, "echo", nil)
	messages := []ws.Message{noise(size), noise(size + 1), noise(size + 2)}
	for _, m := range messages {
		send(t, c, m)
	}
	for _, m := range messages {
		wantMessage(t, c, m)
	}
}

// throughServerCloses has the server close with data in front of its Close frame that nobody has read: it arrives, and
// then the code.
func throughServerCloses(t *testing.T, w *way) {
	const n, size = 50, 4096 // what the network takes, although the client has stopped reading
	push := fmt.Sprintf("push?n=%d&size=%d&code=4001&reason=enough", n, size)
	c, session := w.dial(t, push, &ws.Options{ReadBuffer: 16 << 10})
	select {
	case <-session.pushed:
	case <-testContext(t).Done():
		t.Fatal("the server cannot send")
	}
	for i := range n {
		wantMessage(t, c, ws.Bytes(numbered(i, size)))
	}
	_, err := c.Read(testContext(t))
	var closed *ws.CloseError
	want := ws.CloseError{CloseEvent: ws.CloseEvent{Code: 4001, Reason: "enough", WasClean: true}}
	if !errors.As(err, &closed) || *closed != want {
		t.Errorf("after the messages Read returns %v", err)
	}
}

// throughServerCuts has the server end TCP without a Close frame.
func throughServerCuts(t *testing.T, w *way) {
	c, _ := w.dial(t, "cut", nil)
	send(t, c, ws.Text("end"))
	wantEnd(t, c, ws.CloseEvent{Code: ws.StatusAbnormalClosure})
	wantLost(t, c)
}

func throughServerRefuses(t *testing.T, w *way) {
	_, err := w.tryDial(testContext(t), "status?code=403", "", nil)
	var refused *ws.HandshakeError
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusForbidden {
		t.Fatalf("Dial returns %v", err)
	}
	if got := http.Header(refused.Header).Get("X-Test"); got != "yes" {
		t.Errorf("X-Test is %q", got)
	}
	if got := string(refused.Body); got != "refused by "+w.server.name+"\n" {
		t.Errorf("body %q", got)
	}
}

func throughCloseWith(t *testing.T, w *way) {
	c, session := w.dial(t, "echo", nil)
	if err := c.CloseWith(4002, "had enough"); err != nil {
		t.Fatal(err)
	}
	if got := session.end(t); got != (ending{4002, "had enough"}) {
		t.Errorf("the server saw %+v", got)
	}
	ev, err := c.Wait(testContext(t))
	if err != nil || ev.Code != 4002 || !ev.WasClean { // not every server repeats the reason
		t.Errorf("ended with %+v, %v", ev, err)
	}
}

// throughShutdown sends more than the network takes at once, and loses nothing of it.
func throughShutdown(t *testing.T, w *way) {
	const n, size = 100, 64 << 10
	c, session := w.dial(t, "count", nil)
	for range n {
		send(t, c, noise(size))
	}
	if err := c.Shutdown(testContext(t), ws.StatusNormalClosure, "done"); err != nil {
		t.Error(err)
	}
	if got := session.end(t); got != (ending{1000, "done"}) || session.bytes != n*size {
		t.Errorf("the server got %d bytes of %d, and saw %+v", session.bytes, n*size, got)
	}
}

// throughCloseNow: the proxy tells the server of the end of TCP.
func throughCloseNow(t *testing.T, w *way) {
	c, session := w.dial(t, "echo", nil)
	send(t, c, ws.Text("x"))
	wantMessage(t, c, ws.Text("x"))
	c.CloseNow()
	wantEnd(t, c, ws.CloseEvent{Code: ws.StatusAbnormalClosure})
	if !errors.Is(c.Err(), ws.ErrClosedNow) {
		t.Error(c.Err())
	}
	if got := session.end(t); got != (ending{}) {
		t.Errorf("the server saw %+v", got)
	}
}

// throughNetconn copies a stream to the server and back.
func throughNetconn(t *testing.T, w *way) {
	c, session := w.dial(t, "echo", nil)
	conn := netconn.New(c)
	want := make([]byte, 1<<20)
	rand.Read(want)
	var writing sync.WaitGroup
	writing.Go(func() {
		if n, err := io.Copy(conn, struct{ io.Reader }{bytes.NewReader(want)}); err != nil || n != int64(len(want)) {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
	})
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	if !bytes.Equal(got, want) {
		t.Error("other bytes came back")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if got := session.end(t); got != (ending{1000, ""}) {
		t.Errorf("the server saw %+v", got)
	}
}
