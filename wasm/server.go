//go:build !js

package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/seed2c7e30c3/ws/wasm/demo"
)

//go:embed page
var pageFiles embed.FS

// sources are the source files that the page shows.
//
//go:embed demo/*.go
var sources embed.FS

// contentSecurityPolicy is as strict as possible for a page with a Go program: no inline script and no eval.
// Connections may go wherever the user wants.
const contentSecurityPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"connect-src 'self' ws: wss:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// server has the WebSocket servers of the demo and, when published, the page.
type server struct {
	http      *http.Server
	mux       *http.ServeMux
	url       string
	ctx       context.Context // ends what the servers do
	end       context.CancelFunc
	catalogue *catalogue
	sessions  sessions
}

func newServer(listener net.Listener, c *catalogue) *server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{mux: http.NewServeMux(), url: "http://" + listener.Addr().String(), ctx: ctx, end: cancel, catalogue: c}
	s.mux.HandleFunc("GET "+demo.EchoPath, s.echo)
	s.mux.HandleFunc("GET "+demo.MeasurePath, s.measure)
	s.mux.HandleFunc("GET "+demo.SlowPath, s.slow)
	s.mux.HandleFunc("GET "+demo.SilentPath+"{session...}", s.silent)
	s.mux.HandleFunc("GET "+demo.ReplayPath+"{scenario}", s.replay)
	s.mux.HandleFunc("GET "+demo.ControlPath, s.control)
	s.mux.HandleFunc("GET /forbidden", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "nobody may come in", http.StatusForbidden)
	})
	s.http = &http.Server{Handler: knownHosts(s.mux), ReadHeaderTimeout: 10 * time.Second, ConnContext: withConnection}
	go s.http.Serve(listener) // until close
	return s
}

// publish adds the page and the program.
func (s *server) publish(built files) {
	page, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	s.mux.Handle("GET /", withHeaders(http.FileServerFS(page)))
	s.mux.Handle("GET /source/demo/", withHeaders(http.StripPrefix("/source", asText(http.FileServerFS(sources)))))
	s.mux.Handle("GET /wasm_exec.js", withHeaders(file(built.wasmExec, "text/javascript")))
	s.mux.Handle("GET /"+binary, withHeaders(file(built.wasm, "application/wasm")))
}

func (s *server) close() error {
	s.end()
	return s.http.Close()
}

// connectionKey is the key under which a request's context has its connection.
type connectionKey struct{}

func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connection returns the connection on which a request has come.
func connection(r *http.Request) net.Conn {
	c, _ := r.Context().Value(connectionKey{}).(net.Conn)
	return c
}

// knownHosts refuses requests for other host names (DNS rebinding). A foreign site could give its own name the address
// of this server; its page would then have the server's origin, and could tell the native client what to do.
func knownHosts(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !knownHost(r.Host) {
			http.Error(w, fmt.Sprintf("this is not %q: open the page by address", r.Host), http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// knownHost reports whether a Host header names this machine: by address, or by a name that no other machine can have.
func knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if net.ParseIP(strings.Trim(host, "[]")) != nil || host == "localhost" {
		return true
	}
	own, err := os.Hostname()
	return err == nil && own != "" && strings.EqualFold(host, own)
}

func withHeaders(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", contentSecurityPolicy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		// Otherwise clocks are coarse, and the plots show microseconds.
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.ServeHTTP(w, r)
	})
}

// asText serves Go files as text; systems have no content type for them, or different ones.
func asText(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		h.ServeHTTP(w, r)
	})
}

func file(name, contentType string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		http.ServeFile(w, r, name)
	})
}
