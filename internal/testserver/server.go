//go:build !js

package testserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
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
	mux.HandleFunc("/throttle", throttle)
	mux.HandleFunc("/status", status)
	mux.Handle("/token", token.Handler(userOf, "*"))
	mux.HandleFunc("/peer", s.startPeer)
	s.http = &http.Server{Handler: open(mux), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(s.done)
		// Serve's error is Close's ErrServerClosed; any other one shows in every test.
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

// open adds what lets a page of another origin read the answer.
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

// accept answers the handshake; it returns nil if that failed, which the client has then been told.
func accept(w http.ResponseWriter, r *http.Request) *websocket.Conn {
	query := r.URL.Query()
	options := &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled}
	if query.Get("compress") != "" {
		options.CompressionMode = websocket.CompressionContextTakeover
	}
	if names := query.Get("protocols"); names != "" {
		options.Subprotocols = strings.Split(names, ",")
	}
	c, err := websocket.Accept(w, r, options)
	if err != nil {
		return nil
	}
	c.SetReadLimit(int64(number(r, "limit", -1)))
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

func echo(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	// The connection lives as long as the client wants it.
	ctx := context.Background()
	buffer := make([]byte, 64<<10)
	for {
		if err := echoOne(ctx, c, buffer); err != nil {
			return
		}
	}
}

func echoOne(ctx context.Context, c *websocket.Conn, buffer []byte) error {
	kind, from, err := c.Reader(ctx)
	if err != nil {
		return err
	}
	to, err := c.Writer(ctx, kind)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(to, from, buffer); err != nil {
		return err
	}
	return to.Close()
}

func closing(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	for i := range number(r, "messages", 0) {
		if c.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, "message %d", i)) != nil {
			return
		}
	}
	code := number(r, "code", int(websocket.StatusNoStatusRcvd))
	// The client sees what comes of it.
	_ = c.Close(websocket.StatusCode(code), r.URL.Query().Get("reason"))
}

func flood(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	ctx := c.CloseRead(context.Background())
	kind := websocket.MessageText
	if r.URL.Query().Get("binary") != "" {
		kind = websocket.MessageBinary
	}
	size := number(r, "size", 16)
	for i := range number(r, "n", 10000) {
		if c.Write(ctx, kind, Numbered(i, size)) != nil {
			return
		}
	}
	<-ctx.Done()
}

func (n *Counted) add(kind websocket.MessageType, data []byte, sum hash.Hash) {
	if kind == websocket.MessageText {
		n.Texts++
	} else {
		n.Binaries++
	}
	n.Bytes += int64(len(data))
	sum.Write(data)
}

func count(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	var seen Counted
	sum := sha256.New()
	for {
		kind, data, err := c.Read(context.Background())
		if err != nil {
			return
		}
		if kind != websocket.MessageText || string(data) != "?" {
			seen.add(kind, data, sum)
			continue
		}
		seen.SHA256 = hex.EncodeToString(sum.Sum(nil))
		answer, err := json.Marshal(seen)
		if err != nil || c.Write(context.Background(), websocket.MessageText, answer) != nil {
			return
		}
	}
}

func throttle(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	quota := max(1, number(r, "rate", 1<<20)/int(time.Second/step)) // bytes in a step
	left := quota
	buffer := make([]byte, 64<<10)
	for {
		_, message, err := c.Reader(context.Background())
		if err != nil {
			return
		}
		for err == nil {
			if left <= 0 {
				<-tick.C
				left = quota
			}
			var n int
			n, err = message.Read(buffer[:min(left, len(buffer))])
			left -= n
		}
		if !errors.Is(err, io.EOF) {
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
