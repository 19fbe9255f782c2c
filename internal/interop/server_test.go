package interop

import (
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"path"
	"strconv"
	"sync"
	"testing"
	"time"
)

// server is a WebSocket server that listens on TCP and TLS. The last element of a request's path says what a connection
// is for:
//
//	/echo                              every message comes back
//	/push?n=N&size=S&code=C&reason=R   the server sends N messages of S bytes, and closes
//	/cut                               the server ends TCP when it has got a message
//	/count                             nothing comes back; the session counts
//	/status?code=C                     no WebSocket: the answer is a status, a header field X-Test and a body
//
// With compress=1 it accepts permessage-deflate; the subprotocol "interop" it always does. With ping=D ws.Accept sends
// pings; the others do not by themselves.
type server struct {
	implementation
	plain, secure string // addresses

	mu       sync.Mutex
	sessions map[string]*session
}

// implementation is a WebSocket library.
type implementation struct {
	name string
	// serve opens the connection that r asks for, calls h's functions with it and returns how it has ended.
	serve func(w http.ResponseWriter, r *http.Request, h handler) ending
}

// implementations are the ones that the tests talk to.
var implementations = []implementation{
	{"coder", serveCoder},
	{"gorilla", serveGorilla},
	{"gws", serveGWS},
	accept,
}

// accept is this module's.
var accept = implementation{"ws", serveWS}

// handler is what a server does with a connection. Its functions are called one at a time.
type handler struct {
	compress bool
	ping     time.Duration
	opened   func(peer)
	message  func(p peer, text bool, data []byte)
}

// peer is a connection at the server's end.
type peer interface {
	send(text bool, data []byte) error
	close(code int, reason string) // begins the closing handshake, or performs it
	cut()                          // ends TCP
}

// ending is what a server saw of the end of a connection: the client's Close frame, or zero without one.
type ending struct {
	code   int
	reason string
}

// session is what the server knows of one connection. A client names it by id=X.
type session struct {
	pushed chan struct{} // closed when all messages of /push have been sent
	ended  chan ending
	bytes  int // of the messages of /count; valid after ended
}

// protocol is the subprotocol that the servers choose.
const protocol = "interop"

// startServer starts one that runs until the test ends.
func startServer(t testing.TB, i implementation, cert *certificate) *server {
	s := &server{implementation: i, sessions: make(map[string]*session)}
	plain, secure := listen(t), listen(t)
	s.plain, s.secure = plain.Addr().String(), secure.Addr().String()
	secure = tls.NewListener(secure, &tls.Config{Certificates: []tls.Certificate{cert.pair}})
	s.run(t, plain, secure)
	return s
}

// run serves until the test ends, and waits then until every connection has ended.
func (s *server) run(t testing.TB, listeners ...net.Listener) {
	var running sync.WaitGroup
	errorLog := new(output)
	h := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			s.ServeHTTP(w, r)
		}),
		ErrorLog: log.New(errorLog, "", 0),
	}
	for _, l := range listeners {
		running.Go(func() {
			if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("%s: %v", s.name, err)
			}
		})
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		ended := make(chan struct{})
		go func() {
			running.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(limit):
			t.Errorf("%s: a connection has not ended", s.name)
		}
		if t.Failed() {
			t.Logf("%s: %s", s.name, errorLog)
		}
	})
}

// session returns the session of an id; one that has none is nobody else's.
func (s *server) session(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.sessions[id]
	if found == nil || id == "" {
		found = &session{pushed: make(chan struct{}), ended: make(chan ending, 1)}
		s.sessions[id] = found
	}
	return found
}

// end returns how the connection of a session has ended.
func (s *session) end(t testing.TB) ending {
	t.Helper()
	select {
	case e := <-s.ended:
		return e
	case <-testContext(t).Done():
		t.Fatal("the server does not see the end of the connection")
		return ending{}
	}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	number := func(name string) int {
		n, _ := strconv.Atoi(query.Get(name)) // the tests' own: 0 where there is none
		return n
	}
	current := s.session(query.Get("id"))
	interval, _ := time.ParseDuration(query.Get("ping"))
	h := handler{
		compress: query.Get("compress") != "",
		ping:     interval,
		opened:   func(peer) {},
		message:  func(peer, bool, []byte) {},
	}
	switch path.Base(r.URL.Path) {
	case "echo":
		// A client that is gone gets no answer; the library reports that as the end of the connection.
		h.message = func(p peer, text bool, data []byte) { _ = p.send(text, data) }
	case "push":
		h.opened = func(p peer) {
			for i := range number("n") {
				_ = p.send(false, numbered(i, number("size")))
			}
			close(current.pushed)
			p.close(number("code"), query.Get("reason"))
		}
	case "cut":
		h.message = func(p peer, _ bool, _ []byte) { p.cut() }
	case "count":
		h.message = func(_ peer, _ bool, data []byte) { current.bytes += len(data) }
	case "status":
		w.Header().Set("X-Test", "yes")
		http.Error(w, "refused by "+s.name, number("code"))
		return
	default:
		http.NotFound(w, r)
		return
	}
	current.ended <- s.serve(w, r, h)
}

// numbered is message i of /push.
func numbered(i, size int) []byte {
	data := make([]byte, size)
	copy(data, strconv.Itoa(i))
	return data
}
