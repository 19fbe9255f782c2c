//go:build !js

package snippet

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

// TestServe: a server that is interrupted tells its clients, whatever else it waits for.
func TestServe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot interrupt itself on Windows")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serve(listener, new(ws.Group)) }()
	c, err := ws.Dial(ctx, "ws://"+listener.Addr().String()+"/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Send(ws.Text("hello")); err != nil {
		t.Fatal(err)
	}
	if text, err := c.ReadText(ctx); text != "hello" || err != nil {
		t.Fatalf("ReadText: %q, %v", text, err)
	}
	// Another client has not sent all of its request, for which Server.Shutdown waits.
	slow, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := io.WriteString(slow, "POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if event, err := c.Wait(ctx); event.Code != ws.StatusGoingAway || err != nil {
		t.Errorf("Wait: %v, %v, want 1001", event, err)
	}
	slow.Close()
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// TestDialThrough: the connection goes through the proxy, and trusts the server's certificate.
func TestDialThrough(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	server := wstest.NewUnstartedServer(func(c *ws.Conn) { _ = c.Send(ws.Text("hello")) })
	server.StartTLS()
	defer server.Close()
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer from.Close()
		if _, err := io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
			t.Error(err)
			return
		}
		go io.Copy(to, buffered)
		io.Copy(from, to)
	}))
	defer proxy.Close()
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c, err := dialThrough(ctx, server.URL, proxyURL, &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if text, err := c.ReadText(ctx); text != "hello" || err != nil {
		t.Errorf("ReadText: %q, %v", text, err)
	}
	if got, want := <-asked, "CONNECT "+server.URL[len("wss://"):]; got != want {
		t.Errorf("the proxy was asked for %q, want %q", got, want)
	}
}
