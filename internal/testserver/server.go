//go:build !js

package testserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/recipe/token"
)

// A Server runs until Close.
type Server struct {
	http *http.Server
	url  string
	done chan struct{}

	mu     sync.Mutex
	peers  map[*peer]bool
	hosts  int // loopback addresses given out
	closed bool
}

// New starts a server on 127.0.0.1.
func New() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("test server: %w", err)
	}
	s := &Server{
		url:   "http://" + listener.Addr().String(),
		done:  make(chan struct{}),
		peers: make(map[*peer]bool),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/close", closing)
	mux.HandleFunc("/flood", flood)
	mux.HandleFunc("/count", count)
	mux.HandleFunc("/coder/echo", coderEcho)
	mux.HandleFunc("/coder/throttle", coderThrottle)
	mux.HandleFunc("/status", status)
	mux.Handle("/token", token.Handler(userOf, "*"))
	mux.HandleFunc("/peer", s.startPeer)
	s.http = &http.Server{Handler: open(mux), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(s.done)
		// Serve's error is ErrServerClosed after Close; any other error would show in every test.
		_ = s.http.Serve(listener)
	}()
	return s, nil
}

// URL is the server's address, for example "http://127.0.0.1:4567".
func (s *Server) URL() string { return s.url }

// Close ends the server and its connections.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.done
	s.mu.Lock()
	s.closed = true
	peers := s.peers
	s.peers = nil
	s.mu.Unlock()
	for p := range peers {
		p.end()
	}
	return err
}

// open adds the fields that let a page of another origin read the answer.
func open(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// userOf knows two tokens, one of which could not be the name of a subprotocol.
func userOf(token string) (name string, ok bool) {
	name, ok = map[string]string{"secret": "Ada", "a/b+c==": "Emmy"}[token]
	return name, ok
}

// accept answers the handshake. It returns nil if that failed; the client has then been told.
func accept(w http.ResponseWriter, r *http.Request) *ws.Conn {
	query := r.URL.Query()
	options := &ws.AcceptOptions{
		Origins:      []string{"*"},
		Compression:  ws.NoCompression,
		MessageLimit: int64(number(r, "limit", -1)),
		SendBuffer:   -1,
		PingInterval: -1, // clients count the frames that come
	}
	if query.Get("compress") != "" {
		options.Compression = ws.CompressContext
	}
	if names := query.Get("protocols"); names != "" {
		options.Protocols = strings.Split(names, ",")
	}
	c, err := ws.Accept(w, r, options)
	if err != nil {
		return nil
	}
	return c
}

// number returns a number of the query, other if it is not given.
func number(r *http.Request, name string, other int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return other
	}
	return n
}

// unsent is the number of bytes that are queued for a client before the server waits.
const unsent = 1 << 20

// send sends a message as soon as the client has taken most of the previous ones.
func send(c *ws.Conn, m ws.Message) error {
	// The connection lives as long as the client wants it.
	if err := c.Drain(context.Background(), unsent); err != nil {
		return err
	}
	return c.Send(m)
}

func echo(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	for m, err := range c.Messages(context.Background()) {
		if err != nil || send(c, m) != nil {
			return
		}
	}
}

func closing(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	for i := range number(r, "messages", 0) {
		if send(c, ws.Text(fmt.Sprint("message ", i))) != nil {
			return
		}
	}
	// The client sees the result.
	if code := ws.StatusCode(number(r, "code", int(ws.StatusNoStatusRcvd))); code == ws.StatusNoStatusRcvd {
		_ = c.Close()
	} else if c.CloseWith(code, r.URL.Query().Get("reason")) != nil {
		return
	}
	<-c.Done()
}

func flood(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	binary := r.URL.Query().Get("binary") != ""
	size := number(r, "size", 16)
	for i := range number(r, "n", 10000) {
		data := Numbered(i, size)
		m := ws.Message(ws.Bytes(data))
		if !binary {
			m = ws.Text(data)
		}
		if send(c, m) != nil {
			return
		}
	}
	<-c.Done()
}

func (n *Counted) add(m ws.Message, sum hash.Hash) {
	switch m := m.(type) {
	case ws.Text:
		n.Texts++
		n.Bytes += int64(len(m))
		sum.Write([]byte(m))
	case *ws.ArrayBuffer:
		n.Binaries++
		n.Bytes += int64(m.Len())
		sum.Write(m.Bytes())
	}
}

func count(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	var seen Counted
	sum := sha256.New()
	for m, err := range c.Messages(context.Background()) {
		if err != nil {
			return
		}
		if m != ws.Message(ws.Text("?")) {
			seen.add(m, sum)
			continue
		}
		seen.SHA256 = hex.EncodeToString(sum.Sum(nil))
		answer, err := json.Marshal(seen)
		if err != nil || send(c, ws.Text(answer)) != nil {
			return
		}
	}
}

func status(w http.ResponseWriter, r *http.Request) {
	code := number(r, "code", http.StatusNotFound)
	w.Header().Set("X-Test", "yes")
	if code >= 300 && code < 400 {
		w.Header().Set("Location", "/echo")
	}
	w.WriteHeader(code)
	for range number(r, "size", 0) {
		if _, err := w.Write([]byte{'b'}); err != nil {
			return
		}
	}
}
