//go:build !js

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/scenario"
	"github.com/seed2c7e30c3/ws/wasm/demo"
)

// The well-behaved servers of the demo, and the one that is silent.

// otherOrigins are the origins of pages that may connect, besides this server's own: the page of -once has another
// port.
var otherOrigins = []string{"http://127.0.0.1:*", "http://localhost:*"}

// echo sends every message back, until the client closes.
func (s *server) echo(w http.ResponseWriter, r *http.Request) {
	s.accept(w, r, &ws.AcceptOptions{
		Protocols:    []string{demo.Protocol},
		Compression:  ws.CompressContext,
		MessageLimit: fileLimit,
		SendBuffer:   2 * fileLimit,
		OnMessage:    sendBack,
	})
}

// measure is like echo, without compression, which would be measured too.
func (s *server) measure(w http.ResponseWriter, r *http.Request) {
	s.accept(w, r, &ws.AcceptOptions{Compression: ws.NoCompression, OnMessage: sendBack})
}

// sendBack ignores errors: if a client is gone or does not read, the connection's own events report it.
func sendBack(c *ws.Conn, m ws.Message) { c.Send(m) }

// accept accepts a connection, which ends with the server. If it returns an error, the request has been answered.
func (s *server) accept(w http.ResponseWriter, r *http.Request, opts *ws.AcceptOptions) (*ws.Conn, error) {
	opts.Origins = otherOrigins
	c, err := ws.Accept(w, r, opts)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(s.ctx, func() { c.CloseNow() })
	go func() {
		<-c.Done()
		stop()
	}()
	return c, nil
}

// How much slow reads in each period: about 10 MB a second. The system takes at most slowBuffer ahead of that.
const (
	slowPeriod = 10 * time.Millisecond
	slowBytes  = 100_000
	slowBuffer = 256 << 10
)

// slow reads what comes, at a limited rate.
func (s *server) slow(w http.ResponseWriter, r *http.Request) {
	if tcp, ok := connection(r).(*net.TCPConn); ok {
		tcp.SetReadBuffer(slowBuffer) // without that, it is slow all the same, and the plot starts later
	}
	c, err := s.accept(w, r, &ws.AcceptOptions{Compression: ws.NoCompression, ReadBuffer: slowBuffer})
	if err != nil {
		return
	}
	defer c.CloseNow()
	tick := time.NewTicker(slowPeriod)
	defer tick.Stop()
	read := 0
	for {
		m, err := c.Read(s.ctx)
		if err != nil {
			return
		}
		if buffer, ok := m.(*ws.ArrayBuffer); ok {
			read += buffer.Len()
		}
		for ; read >= slowBytes; read -= slowBytes {
			<-tick.C
		}
	}
}

// silentLimit is how long the silent server keeps a connection.
const silentLimit = time.Minute

// silent takes the connection and never answers. The path names the session of the page that may end the connection:
// when a program has given up, Firefox still waits for the response and delays other attempts meanwhile.
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

// replay plays the server of a scenario, and tells the page what the server has seen.
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
