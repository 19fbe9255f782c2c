//go:build !js

package wstest

import (
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/seed2c7e30c3/ws"
)

// Server is a WebSocket server for tests. It listens on a port of the loopback interface that the system chooses. It
// exists natively only, because a web page cannot listen; a test that runs in a browser talks to a server that runs
// beside it.
type Server struct {
	// URL is the server's URL: "ws://127.0.0.1:4567", or "wss://..." after StartTLS. Every path leads to the handler.
	URL string

	// Options are used to accept requests. They may be set between NewUnstartedServer and Start. If Origins is nil, pages
	// of all origins may connect, including those in which testbrowser runs tests.
	Options ws.AcceptOptions

	// ErrorLog is where net/http logs errors, as in http.Server. It may be set before Start.
	ErrorLog *log.Logger

	handler func(*ws.Conn)
	http    *httptest.Server
	running sync.WaitGroup // calls of serve, and connections whose OnClose has not returned

	mu     sync.Mutex
	conns  map[*ws.Conn]struct{}
	closed bool
}

// NewServer starts a server that calls handler with each connection, which is Open. The handler runs in a goroutine of
// its own. It may return and leave the connection open, for another goroutine. If it panics or ends its goroutine, its
// connection is ended with CloseNow, and net/http logs the panic. With a nil handler, the handlers in Options do all
// the work. The caller must call [Server.Close].
//
// Like httptest.NewServer, it panics if the system provides no port.
func NewServer(handler func(*ws.Conn)) *Server {
	s := NewUnstartedServer(handler)
	s.Start()
	return s
}

// NewUnstartedServer returns a server that is not running yet, so that Options can be set before [Server.Start].
func NewUnstartedServer(handler func(*ws.Conn)) *Server {
	s := &Server{handler: handler, conns: make(map[*ws.Conn]struct{})}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	return s
}

// Start starts a server that was returned by [NewUnstartedServer].
func (s *Server) Start() { s.start(s.http.Start) }

// StartTLS is like [Server.Start], with TLS. The certificate is for 127.0.0.1 and example.com; [Server.Client] trusts
// it.
func (s *Server) StartTLS() { s.start(s.http.StartTLS) }

func (s *Server) start(start func()) {
	if s.Options.Origins == nil {
		s.Options.Origins = []string{"*"}
	}
	s.http.Config.ErrorLog = s.ErrorLog
	start()
	s.URL = "ws" + strings.TrimPrefix(s.http.URL, "http")
}

// Client returns a client for NativeOptions.HTTPClient. After StartTLS it trusts the server's certificate.
func (s *Server) Client() *http.Client { return s.http.Client() }

// Close ends the server and all its connections, with CloseNow, and waits until every call of the handler has returned,
// and of the handlers in Options. So it must not be called in one of them.
func (s *Server) Close() {
	s.http.Close()
	s.mu.Lock()
	s.closed = true
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for c := range conns {
		c.CloseNow()
	}
	s.running.Wait()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Done()
	opts := s.Options
	s.running.Add(1)
	opts.OnClose = func(c *ws.Conn, e ws.CloseEvent) {
		defer s.running.Done()
		s.forget(c)
		if s.Options.OnClose != nil {
			s.Options.OnClose(c, e)
		}
	}
	c, err := ws.Accept(w, r, &opts)
	if err != nil {
		s.running.Done()
		return // the client has been told
	}
	s.remember(c)
	if s.handler == nil {
		return
	}
	returned := false
	defer func() {
		if !returned {
			c.CloseNow()
		}
	}()
	s.handler(c)
	returned = true
}

// remember notes a connection until it is closed, and ends it if the server has been closed meanwhile.
func (s *Server) remember(c *ws.Conn) {
	s.mu.Lock()
	closed := s.closed
	if !closed && c.ReadyState() != ws.Closed {
		s.conns[c] = struct{}{}
	}
	s.mu.Unlock()
	if closed {
		c.CloseNow()
	}
}

func (s *Server) forget(c *ws.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}
