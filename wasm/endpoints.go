//go:build !js

package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/seed2c7e30c3/ws/internal/scenario"
	"github.com/seed2c7e30c3/ws/wasm/demo"
)

// The well-behaved servers of the demo, and the one that is silent.

// accept answers the opening handshake. The page of -once has a port of its own.
func accept(w http.ResponseWriter, r *http.Request, protocols []string, compression websocket.CompressionMode) (*websocket.Conn, error) {
	return websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:    protocols,
		OriginPatterns:  []string{"127.0.0.1:*", "localhost:*"},
		CompressionMode: compression,
	})
}

// echo sends every message back, until the client closes.
func (s *server) echo(w http.ResponseWriter, r *http.Request) {
	s.echoWith(w, r, []string{demo.Protocol}, websocket.CompressionContextTakeover)
}

// measure is echo without compression, which would be measured too.
func (s *server) measure(w http.ResponseWriter, r *http.Request) {
	s.echoWith(w, r, nil, websocket.CompressionDisabled)
}

func (s *server) echoWith(w http.ResponseWriter, r *http.Request, protocols []string, compression websocket.CompressionMode) {
	c, err := accept(w, r, protocols, compression)
	if err != nil {
		return // accept has answered
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Reader(s.ctx)
		if err != nil {
			return // closed, and answered
		}
		to, err := c.Writer(s.ctx, kind)
		if err != nil {
			return
		}
		if _, err := io.Copy(to, message); err != nil {
			return
		}
		if err := to.Close(); err != nil {
			return
		}
	}
}

// What slow reads in a period: about 10 MB a second.
const (
	slowPeriod = 10 * time.Millisecond
	slowBytes  = 100_000
)

// slow reads what comes, but not faster than it can.
func (s *server) slow(w http.ResponseWriter, r *http.Request) {
	c, err := accept(w, r, nil, websocket.CompressionDisabled)
	if err != nil {
		return
	}
	defer c.CloseNow()
	tick := time.NewTicker(slowPeriod)
	defer tick.Stop()
	buffer := make([]byte, slowBytes)
	left := slowBytes
	for {
		_, message, err := c.Reader(s.ctx)
		if err != nil {
			return
		}
		for {
			n, err := message.Read(buffer[:left])
			if left -= n; left == 0 {
				left = slowBytes
				<-tick.C
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
		}
	}
}

// silentLimit is how long the silent server keeps a connection.
const silentLimit = time.Minute

// silent takes the connection and never answers. The path names the session of the page that may end it: Firefox goes
// on waiting for the response when a program has given up, and holds back other attempts meanwhile.
func (s *server) silent(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	ctx, done := s.sessions.play(s.ctx, r.PathValue("session"), silentPlay)
	defer done()
	ctx, cancel := context.WithTimeout(ctx, silentLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	io.Copy(io.Discard, conn) // until the client ends it, or ctx
}

// replay plays the server of a scenario, and tells the page what it has seen.
func (s *server) replay(w http.ResponseWriter, r *http.Request) {
	sc := s.catalogue.scenarios[r.PathValue("scenario")]
	if sc == nil {
		http.NotFound(w, r)
		return
	}
	session, name := splitPlay(r.FormValue("play"))
	ctx, done := s.sessions.play(s.ctx, session, name)
	defer done()
	seen, err := scenario.Play(ctx, sc, w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.sessions.tell(session, name, scenario.CanonicalWire(seen.Wire))
}
