//go:build !js

// Package listen lets a server that needs a net.Listener serve WebSockets: that of gRPC, an SSH server, http.Server
// itself.
package listen

import (
	"net"
	"net/http"
	"sync"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
)

// Listener is a net.Listener and an http.Handler. Each request that the handler gets becomes a WebSocket, and Accept
// returns it: its messages are a stream of bytes, as at the client's end of netconn.
type Listener struct {
	opts   *ws.AcceptOptions
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

// New returns a Listener for pages of these origins, besides pages of the server's own host: see ws.AcceptOptions.
func New(origins ...string) *Listener {
	l := &Listener{
		opts:   &ws.AcceptOptions{Origins: origins},
		conns:  make(chan net.Conn),
		closed: make(chan struct{}),
	}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	return l
}

// ServeHTTP answers the opening handshake, and returns when Accept has the connection. The request's own goroutine and
// context end then; the connection lives on.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := ws.Accept(w, r, l.opts)
	if err != nil {
		return // w has been answered
	}
	select {
	case l.conns <- netconn.New(c):
	case <-l.closed:
		c.CloseWith(ws.StatusGoingAway, "")
	}
}

// Accept waits for the next connection. After Close its error is net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close makes Accept return. Connections that it has returned stay open.
func (l *Listener) Close() error {
	l.close()
	return nil
}

// Addr returns an address for logs; the http.Server around the Listener has the real one.
func (l *Listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "websocket" }
func (addr) String() string  { return "websocket" }
