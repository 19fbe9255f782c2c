//go:build !js

package main

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wasm/demo"
)

//go:embed page
var pageFiles embed.FS

// contentSecurityPolicy is as strict as a page with a Go program can be: no inline script and no eval.
const contentSecurityPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// server has the echo server and, when published, the page.
type server struct {
	http *http.Server
	mux  *http.ServeMux
	url  string
	end  context.CancelFunc // ends the WebSocket connections
}

func newServer(listener net.Listener) *server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{mux: http.NewServeMux(), url: "http://" + listener.Addr().String(), end: cancel}
	s.mux.HandleFunc("GET "+demo.Path, func(w http.ResponseWriter, r *http.Request) { echo(ctx, w, r) })
	s.http = &http.Server{Handler: s.mux, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(listener) // until close
	return s
}

// publish adds the page: its files, the program, and the native log.
func (s *server) publish(built files, native program) {
	page, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	s.mux.Handle("GET /", withHeaders(http.FileServerFS(page)))
	s.mux.Handle("GET /wasm_exec.js", withHeaders(file(built.wasmExec, "text/javascript")))
	s.mux.Handle("GET /"+binary, withHeaders(file(built.wasm, "application/wasm")))
	s.mux.Handle("GET /native.json", withHeaders(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(native) // an error is the page's, which has gone
	})))
}

func (s *server) close() error {
	s.end()
	return s.http.Close()
}

func withHeaders(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", contentSecurityPolicy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

func file(name, contentType string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		http.ServeFile(w, r, name)
	})
}

// echo sends every message back, until the client closes or ctx ends.
func echo(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	var stop func() bool
	// An error has been answered, and the client tells about it.
	_ = ws.Serve(w, r, &ws.AcceptOptions{
		Protocols: demo.Protocols[1:],
		// The page of -once has a port of its own.
		Origins:     []string{"http://127.0.0.1:*", "http://localhost:*"},
		Compression: ws.CompressContext,
		OnOpen:      func(c *ws.Conn) { stop = context.AfterFunc(ctx, func() { c.CloseNow() }) },
		// It fails when the client has closed meanwhile.
		OnMessage: func(c *ws.Conn, m ws.Message) { _ = c.Send(m) },
		OnClose:   func(*ws.Conn, ws.CloseEvent) { stop() },
	})
}
