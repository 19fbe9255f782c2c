//go:build !js

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/xtaci/smux"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
	"github.com/seed2c7e30c3/ws/examples/internal/listen"
)

func TestMain(m *testing.M) { harness.Main(m, startServer) }

func TestHosts(t *testing.T) { harness.Hosts(t) }

// startServer starts an HTTP server whose connections are streams of WebSockets.
func startServer() (harness.Server, error) {
	server := &http.Server{Handler: pages(), ReadHeaderTimeout: time.Minute}
	connections := listen.New(harness.AnyOrigin)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := connections.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serveSession(server, conn) })
		}
	})
	return harness.Serve(connections, func() error {
		err := connections.Close()
		if serverErr := server.Close(); err == nil {
			err = serverErr
		}
		serving.Wait()
		return err
	})
}

// serveSession serves the streams of a WebSocket until the client closes it.
func serveSession(server *http.Server, conn net.Conn) {
	config := smux.DefaultConfig()
	config.Version = 2
	session, err := smux.Server(conn, config)
	if err != nil {
		conn.Close()
		return
	}
	server.Serve(streams{session})
}

// streams is a session as a net.Listener.
type streams struct{ *smux.Session }

func (s streams) Accept() (net.Conn, error) { return s.AcceptStream() }
func (s streams) Addr() net.Addr            { return s.LocalAddr() }

func pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /greeting", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s\n", r.Host)
	})
	mux.HandleFunc("PATCH /echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("X-Echo"))
		w.WriteHeader(http.StatusAccepted)
		io.Copy(w, r.Body)
	})
	// A response whose second line is written when another request has come.
	var mu sync.Mutex
	released := make(map[string]chan struct{})
	release := func(id string) chan struct{} {
		mu.Lock()
		defer mu.Unlock()
		if released[id] == nil {
			released[id] = make(chan struct{})
		}
		return released[id]
	}
	mux.HandleFunc("GET /lines/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "first")
		http.NewResponseController(w).Flush()
		select {
		case <-release(r.PathValue("id")):
			fmt.Fprintln(w, "second")
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /lines/{id}", func(_ http.ResponseWriter, r *http.Request) {
		close(release(r.PathValue("id")))
	})
	return mux
}
