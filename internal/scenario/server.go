//go:build !js

package scenario

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Server plays the servers of scenarios on raw TCP.
//
// Each run has ports of its own, and on Linux a loopback address of its own too: browsers open one connection at a
// time to an address, so runs side by side would wait for each other. Any number of replayers, in the same process
// or in browsers, may use one Server at once.
//
// They control it over HTTP, with CORS open, on URL:
//
//	GET /start?name=NAME          starts a scenario: answers a [Run]
//	GET /finish?id=ID&wait=MS     ends it: answers a list of [Connection], in the order of their requests
//
// finish waits at most MS milliseconds until the connections have ended, then ends them.
type Server struct {
	scenarios map[string]*Scenario
	control   net.Listener
	http      *http.Server
	tls       *tls.Config
	ctx       context.Context // ends the runs
	cancel    context.CancelFunc
	closed    chan struct{} // by the control server's goroutine

	// Play, if not nil, plays the server's program on a connection, from the request on, instead of this package. Nothing
	// of the connection is then recorded. It must be set before the first run, and return when the connection or ctx has
	// ended.
	Play func(ctx context.Context, conn net.Conn, program []ServerOp)

	mu   sync.Mutex
	next int
	runs map[string]*run
}

// NewServer starts a server for the scenarios on 127.0.0.1. The caller closes it.
func NewServer(scenarios []*Scenario) (*Server, error) {
	config, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("scenario server: %w", err)
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("scenario server: %w", err)
	}
	s := &Server{
		scenarios: make(map[string]*Scenario, len(scenarios)),
		control:   control,
		tls:       config,
		closed:    make(chan struct{}),
		runs:      make(map[string]*run),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, sc := range scenarios {
		s.scenarios[sc.Name] = sc
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /start", s.serveStart)
	mux.HandleFunc("GET /finish", s.serveFinish)
	s.http = &http.Server{Handler: mux}
	go func() {
		defer close(s.closed)
		s.http.Serve(control) // always ErrServerClosed, because only Close ends it
	}()
	return s, nil
}

// URL is the address of the control API, without a slash at the end.
func (s *Server) URL() string { return "http://" + s.control.Addr().String() }

// Close ends all runs and the control API, and waits until their goroutines have ended.
func (s *Server) Close() error {
	s.cancel()
	err := s.http.Close()
	<-s.closed
	s.mu.Lock()
	runs := s.runs
	s.runs = map[string]*run{}
	s.mu.Unlock()
	for _, r := range runs {
		r.finish(0)
	}
	return err
}

func (s *Server) serveStart(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	sc := s.scenarios[req.FormValue("name")]
	if sc == nil {
		http.Error(w, fmt.Sprintf("no scenario is called %q", req.FormValue("name")), http.StatusNotFound)
		return
	}
	s.mu.Lock()
	s.next++
	number := s.next
	s.mu.Unlock()
	r, err := s.start(sc, number)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.runs[r.ID] = r
	s.mu.Unlock()
	reply(w, r.Run)
}

func (s *Server) serveFinish(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	ms, err := strconv.Atoi(req.FormValue("wait"))
	if err != nil {
		http.Error(w, "wait: "+err.Error(), http.StatusBadRequest)
		return
	}
	id := req.FormValue("id")
	s.mu.Lock()
	r := s.runs[id]
	delete(s.runs, id)
	s.mu.Unlock()
	if r == nil {
		http.Error(w, fmt.Sprintf("no run has the id %q", id), http.StatusNotFound)
		return
	}
	reply(w, r.finish(milliseconds(ms)))
}

func reply(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(data) // a caller that is gone needs no answer
}

// A run is a started scenario: its listeners and the connections they accepted.
type run struct {
	Run
	server    *Server
	scenario  *Scenario
	listeners []net.Listener
	cancel    context.CancelFunc
	accepting sync.WaitGroup
	sessions  sync.WaitGroup

	mu          sync.Mutex
	connections []*Connection
}

// start opens the ports that the scenario names.
func (s *Server) start(sc *Scenario, number int) (*run, error) {
	host, bad := runAddresses(sc, number)
	r := &run{server: s, scenario: sc}
	r.ID = strconv.Itoa(number)
	_, page, _ := net.SplitHostPort(s.control.Addr().String())
	r.Vars = map[string]string{"H": host, "BAD": bad, "N": sc.Name, "PAGE": page}
	ctx, cancel := context.WithCancel(s.ctx)
	r.cancel = cancel
	for _, name := range []string{"P", "TLS", "X1", "X2", "X3"} {
		if !sc.mentions("{" + name + "}") {
			continue
		}
		if err := r.listen(ctx, name, r.hosts(name)); err != nil {
			r.finish(0)
			return nil, fmt.Errorf("scenario %s: %w", sc.Name, err)
		}
	}
	if sc.mentions("{REF}") {
		port, err := refusedPort(ctx)
		if err != nil {
			r.finish(0)
			return nil, fmt.Errorf("scenario %s: %w", sc.Name, err)
		}
		r.Vars["REF"] = port
	}
	return r, nil
}

// mentions reports whether the scenario's URLs contain s.
func (sc *Scenario) mentions(s string) bool {
	if strings.Contains(sc.URL.String(), s) {
		return true
	}
	for _, ops := range sc.On {
		for _, op := range ops {
			if strings.Contains(op.URL.String(), s) {
				return true
			}
		}
	}
	return false
}

// runAddresses returns the addresses {H} and {BAD} of a run.
func runAddresses(sc *Scenario, number int) (host, bad string) {
	host, bad = "127.0.0.1", "localhost"
	// Only Linux has the rest of 127.0.0.0/8 without configuration.
	if runtime.GOOS != "linux" {
		return host, bad
	}
	high, low := number/250%250, number%250+2
	bad = fmt.Sprintf("127.2.%d.%d", high, low)
	if sc.mentions("{H}") {
		host = fmt.Sprintf("127.1.%d.%d", high, low)
	}
	return host, bad
}

// hosts returns the addresses on which a port is open.
func (r *run) hosts(port string) []string {
	hosts := []string{r.Vars["H"]}
	if strings.HasPrefix(port, "X") && r.Vars["BAD"] != "localhost" {
		hosts = append(hosts, r.Vars["BAD"])
	}
	if strings.Contains(r.scenario.URL.String(), "://[") && !strings.Contains(r.scenario.URL.String(), "::ffff:") {
		hosts = append(hosts, "::1")
	}
	return hosts
}

// listen opens one port on all the hosts and serves it.
func (r *run) listen(ctx context.Context, name string, hosts []string) error {
	const attempts = 20 // a port that is free on one address may be taken on the next
	var err error
	for range attempts {
		var listeners []net.Listener
		port := "0"
		for _, host := range hosts {
			var l net.Listener
			if l, err = net.Listen("tcp", net.JoinHostPort(host, port)); err != nil {
				break
			}
			listeners = append(listeners, l)
			_, port, _ = net.SplitHostPort(l.Addr().String())
		}
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			continue
		}
		r.Vars[name] = port
		for _, l := range listeners {
			r.listeners = append(r.listeners, l)
			r.accepting.Go(func() { r.serve(ctx, name, l) })
		}
		return nil
	}
	return err
}

// refusedPort finds a port that refuses connections. It is below the ephemeral range, so that no program listens there
// by chance.
func refusedPort(ctx context.Context) (string, error) {
	var dialer net.Dialer
	for port := 1000; port > 900; port-- {
		address := "127.0.0.1:" + strconv.Itoa(port)
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return strconv.Itoa(port), nil
		}
		conn.Close()
	}
	return "", errors.New("no port refuses connections")
}

// receiveBuffer is the number of bytes that a paused connection takes. With the system's default, it may take
// everything that a scenario sends to it, about 32 MiB, and then no bytes remain unsent to be observed.
const receiveBuffer = 1 << 20

func (r *run) serve(ctx context.Context, port string, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // finish closed the listener
		}
		tcp := conn.(*net.TCPConn)
		if err := tcp.SetReadBuffer(receiveBuffer); err != nil {
			tcp.Close() // the scenario shows it as a lost connection
			continue
		}
		r.sessions.Go(func() {
			if r.server.Play != nil {
				r.server.Play(ctx, tcp, r.scenario.Server)
				return
			}
			s := newSession(ctx, r, tcp, port)
			s.run()
		})
	}
}

// add makes a connection part of the run's record.
func (r *run) add(c *Connection) {
	r.mu.Lock()
	r.connections = append(r.connections, c)
	r.mu.Unlock()
}

// finish waits until the connections have ended, but no longer than wait, then ends them and the run.
func (r *run) finish(wait time.Duration) []*Connection {
	for _, l := range r.listeners {
		l.Close()
	}
	r.accepting.Wait()
	ended := make(chan struct{})
	go func() {
		r.sessions.Wait()
		close(ended)
	}()
	limit := time.NewTimer(wait)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
	}
	r.cancel()
	<-ended
	return append([]*Connection{}, r.connections...)
}
