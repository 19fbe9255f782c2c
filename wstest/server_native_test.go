//go:build !js

package wstest_test

import (
	"errors"
	"log"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

// No page can listen: wstest has a server natively only.

// echo sends back what it reads until the connection ends.
func echo(t testing.TB) func(*ws.Conn) {
	return func(c *ws.Conn) {
		for m, err := range c.Messages(within(t)) {
			if err == nil {
				err = c.Send(m)
			}
			if err != nil {
				return
			}
		}
	}
}

func dial(t testing.TB, url string, opts *ws.Options) *ws.Conn {
	t.Helper()
	c, err := ws.Dial(within(t), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

// TestServer: each connection gets a call of the handler, whatever its path.
func TestServer(t *testing.T) {
	t.Parallel()
	s := wstest.NewServer(echo(t))
	defer s.Close()
	if !strings.HasPrefix(s.URL, "ws://127.0.0.1:") {
		t.Errorf("URL is %q", s.URL)
	}
	for _, path := range []string{"", "/", "/chat?room=1"} {
		c := dial(t, s.URL+path, nil)
		send(t, c, ws.Text(path))
		if m := read(t, c); m != ws.Message(ws.Text(path)) {
			t.Errorf("received %v", m)
		}
		if err := c.Shutdown(within(t), ws.StatusNormalClosure, ""); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
}

// TestServerTLS: its client trusts it.
func TestServerTLS(t *testing.T) {
	t.Parallel()
	s := wstest.NewUnstartedServer(echo(t))
	s.StartTLS()
	defer s.Close()
	if !strings.HasPrefix(s.URL, "wss://127.0.0.1:") {
		t.Errorf("URL is %q", s.URL)
	}
	c := dial(t, s.URL, &ws.Options{Native: ws.NativeOptions{HTTPClient: s.Client()}})
	send(t, c, ws.Text("secret"))
	if m := read(t, c); m != ws.Message(ws.Text("secret")) {
		t.Errorf("received %v", m)
	}
}

// TestServerOptions: a server may have only the handlers in Options, and uses the other AcceptOptions.
func TestServerOptions(t *testing.T) {
	t.Parallel()
	closed := make(chan ws.CloseEvent, 1)
	s := wstest.NewUnstartedServer(nil)
	s.Options.Protocols = []string{"upper"}
	s.Options.OnMessage = func(c *ws.Conn, m ws.Message) {
		if err := c.Send(ws.Text(strings.ToUpper(string(m.(ws.Text))))); err != nil {
			t.Error(err)
		}
	}
	s.Options.OnClose = func(_ *ws.Conn, e ws.CloseEvent) { closed <- e }
	s.Start()
	defer s.Close()
	c := dial(t, s.URL, &ws.Options{Protocols: []string{"upper"}})
	send(t, c, ws.Text("loud"))
	if m := read(t, c); m != ws.Message(ws.Text("LOUD")) || c.Protocol() != "upper" {
		t.Errorf("received %v, %q", m, c.Protocol())
	}
	c.CloseWith(4000, "bye")
	if e := <-closed; e.Code != 4000 || e.Reason != "bye" {
		t.Errorf("closed with %+v", e)
	}
}

// TestServerOrigin: a page of another origin may connect, unless the options say otherwise.
func TestServerOrigin(t *testing.T) {
	t.Parallel()
	page := &ws.Options{Native: ws.NativeOptions{Header: http.Header{"Origin": {"http://localhost:1234"}}}}
	s := wstest.NewServer(nil)
	defer s.Close()
	dial(t, s.URL, page)
	strict := wstest.NewUnstartedServer(nil)
	strict.Options.Origins = []string{}
	strict.Start()
	defer strict.Close()
	var refused *ws.HandshakeError
	if _, err := ws.Dial(within(t), strict.URL, page); !errors.As(err, &refused) ||
		refused.StatusCode != http.StatusForbidden {
		t.Errorf("Dial: %v, want status 403", err)
	}
}

// TestServerClose: it ends the connections, open or not yet, and waits for the handlers.
func TestServerClose(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	running := 0
	started := make(chan struct{}, 20)
	s := wstest.NewServer(func(c *ws.Conn) {
		mu.Lock()
		running++
		mu.Unlock()
		started <- struct{}{}
		echo(t)(c)
		mu.Lock()
		running--
		mu.Unlock()
	})
	var conns []*ws.Conn
	for range cap(started) {
		conns = append(conns, dial(t, s.URL, nil))
	}
	for range conns {
		<-started
	}
	s.Close()
	mu.Lock()
	defer mu.Unlock()
	if running != 0 {
		t.Errorf("%d handlers still run", running)
	}
	for _, c := range conns {
		if e := wait(t, c); e.Code != ws.StatusAbnormalClosure {
			t.Errorf("closed with %+v", e)
		}
	}
	if _, err := ws.Dial(within(t), s.URL, nil); err == nil {
		t.Error("a closed server accepts")
	}
	s.Close() // again
}

// TestServerCloseWaits: it waits for the handlers in Options, too, which may use the test.
func TestServerCloseWaits(t *testing.T) {
	t.Parallel()
	var events eventLog
	closing := make(chan struct{})
	s := wstest.NewUnstartedServer(nil)
	s.Options.OnMessage = func(*ws.Conn, ws.Message) {
		closing <- struct{}{}
		time.Sleep(20 * time.Millisecond) // longer than a Close that does not wait
		events.add("message")
	}
	s.Options.OnClose = func(*ws.Conn, ws.CloseEvent) {
		events.add("close")
		runtime.Goexit() // as t.Fatal does
	}
	s.Start()
	send(t, dial(t, s.URL, nil), ws.Text("hello"))
	dial(t, s.URL, nil)
	if _, err := ws.Dial(within(t), s.URL, &ws.Options{Protocols: []string{"none"}}); err == nil {
		t.Error("a bad request was accepted")
	}
	<-closing
	s.Close()
	events.mu.Lock()
	defer events.mu.Unlock()
	slices.Sort(events.events)
	if got := strings.Join(events.events, " "); got != "close close message" {
		t.Errorf("events until Close returned: %s", got)
	}
}

// TestServerHandlerReturns: the connection stays open, until the server is closed.
func TestServerHandlerReturns(t *testing.T) {
	t.Parallel()
	conns := make(chan *ws.Conn, 1)
	s := wstest.NewServer(func(c *ws.Conn) { conns <- c })
	defer s.Close()
	c := dial(t, s.URL, nil)
	send(t, <-conns, ws.Text("later"))
	if m := read(t, c); m != ws.Message(ws.Text("later")) {
		t.Errorf("received %v", m)
	}
}

// TestServerHandlerPanics: net/http logs it, and the client sees that the connection is lost. So it does when a handler
// ends its goroutine, as a test's Fatal does.
func TestServerHandlerPanics(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(){"panic": func() { panic("on purpose") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			logged := make(logLines, 16)
			s := wstest.NewUnstartedServer(func(*ws.Conn) { end() })
			s.ErrorLog = log.New(logged, "", 0)
			s.Start()
			defer s.Close()
			c := dial(t, s.URL, nil)
			if e := wait(t, c); e.Code != ws.StatusAbnormalClosure {
				t.Errorf("closed with %+v", e)
			}
			if name != "panic" {
				return
			}
			// It is logged when the handler's defers have run, by which the client knows.
			select {
			case line := <-logged:
				if !strings.Contains(line, "on purpose") {
					t.Errorf("the log has %q", line)
				}
			case <-within(t).Done():
				t.Error("nothing was logged")
			}
		})
	}
}

// logLines has what was logged, an element for each call.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}
