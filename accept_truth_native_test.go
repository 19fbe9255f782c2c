//go:build !js

package ws_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// startAcceptServer starts a server that plays scenarios with Accept, and returns its URL.
func startAcceptServer(t *testing.T, list []*scenario.Scenario) string {
	t.Helper()
	server, err := scenario.NewServer(list)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.Play = func(ctx context.Context, conn net.Conn, program []scenario.ServerOp) {
		steps, _ := acceptProgram(program)
		playAccept(ctx, conn, steps)
	}
	return server.URL()
}

// playAccept plays a program on a connection.
func playAccept(ctx context.Context, conn net.Conn, steps []acceptStep) {
	listener := &oneConn{Conn: conn, closed: make(chan struct{})}
	handler := func(w http.ResponseWriter, r *http.Request) {
		defer listener.Close()
		var frames frameCount
		opts := &ws.AcceptOptions{
			Origins: []string{"*"}, Compression: ws.NoCompression, MessageLimit: -1, ReadBuffer: -1, SendBuffer: -1,
			OnMessage: func(*ws.Conn, ws.Message) { frames.add() },
			OnClose:   func(*ws.Conn, ws.CloseEvent) { frames.add() },
		}
		for name := range strings.SplitSeq(r.Header.Get("Sec-WebSocket-Protocol"), ",") {
			opts.Protocols = append(opts.Protocols, strings.TrimSpace(name)) // the first that is offered
		}
		c, err := ws.Accept(w, r, opts)
		if err != nil {
			return // the client's trace shows it
		}
		defer c.CloseNow()
		for _, step := range steps {
			switch {
			case step.send != nil:
				c.Send(step.send) // it fails when the client has closed meanwhile
			case step.code == ws.StatusNoStatusRcvd:
				c.Close()
			case step.code != 0:
				c.CloseWith(step.code, step.reason)
			default:
				frames.await(ctx, c, step.receive, step.sleep)
			}
		}
		select {
		case <-c.Done():
		case <-ctx.Done():
		}
	}
	server := &http.Server{
		Handler: http.HandlerFunc(handler),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed { // without a request
				listener.Close()
			}
		},
	}
	stop := context.AfterFunc(ctx, func() {
		conn.Close()
		listener.Close()
	})
	defer stop()
	server.Serve(listener) // until the handler returns
	server.Close()
}

// frameCount counts what the client sends.
type frameCount struct {
	mu      sync.Mutex
	n       int
	changed chan struct{}
}

func (f *frameCount) add() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// await waits until there are n frames, if n is not 0, but no longer than most.
func (f *frameCount) await(ctx context.Context, c *ws.Conn, n int, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		f.mu.Lock()
		if f.changed == nil {
			f.changed = make(chan struct{})
		}
		enough, changed := n > 0 && f.n >= n, f.changed
		f.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-changed:
		case <-c.Done():
			return
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// oneConn is a listener with one connection.
type oneConn struct {
	net.Conn
	accepted sync.Once
	ended    sync.Once
	closed   chan struct{}
}

func (l *oneConn) Accept() (conn net.Conn, err error) {
	l.accepted.Do(func() { conn = l.Conn })
	if conn != nil {
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Addr() net.Addr { return l.LocalAddr() }

func (l *oneConn) Close() error {
	l.ended.Do(func() { close(l.closed) })
	return nil
}
