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
	"github.com/seed2c7e30c3/ws/internal/frame"
	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// TestAcceptTruth replays those scenarios of the truth table in which the server does nothing that a server's Conn
// cannot do, with Accept as the server: what the client sees must be the same. As in TestTruth, nothing runs beside it.
func TestAcceptTruth(t *testing.T) {
	all, err := scenario.Decode(scenariosJSON)
	if err != nil {
		t.Fatal(err)
	}
	var list []*scenario.Scenario
	for _, sc := range selectScenarios(all) {
		// net/http answers 400 to a path that has a wrong escape.
		url := sc.URL.String()
		if _, ok := acceptProgram(sc.Server); ok && !strings.Contains(url, "{TLS}") && !strings.Contains(url, "%zz") {
			list = append(list, sc)
		}
	}
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
	t.Logf("%d of %d scenarios", len(list), len(all))
	if len(list) < 50 && len(list) < len(all)/10 && len(selectScenarios(all)) == len(all) {
		t.Errorf("%d of %d scenarios are too few", len(list), len(all))
	}
	outcomes := replayAll(t.Context(), server.URL(), "", list)
	for i, sc := range list {
		o := outcomes[i]
		// The wire and the request are not compared. A scenario may have to end within 20 ms, which a busy machine does not
		// always manage; a real fault shows every time.
		const attempts = 10
		for range attempts {
			if o.err == nil && (!o.recorded || o.trace == "") {
				break
			}
			o = replayAndCompare(t.Context(), server.URL(), "", sc)
		}
		if o.err != nil || o.recorded && o.trace != "" {
			t.Errorf("%s: %v %s", sc.Name, o.err, o.trace)
		}
	}
}

// acceptStep is what the program of a server's Conn does next: at most one of the fields is set.
type acceptStep struct {
	send    ws.Message
	code    ws.StatusCode // of Close or CloseWith
	reason  string
	receive int           // waits for that many frames
	sleep   time.Duration // ... or at most, or just so long
}

// acceptProgram translates a server's program. ok is false if a Conn cannot do what it does.
func acceptProgram(program []scenario.ServerOp) (steps []acceptStep, ok bool) {
	if len(program) < 2 || program[0].Name != "accept" || program[len(program)-1].Name != "polite" {
		return nil, false
	}
	if a := program[0].Accept; a.Status != "" || a.Upgrade != nil || a.Connection != nil || a.Key != nil ||
		a.Protocol != nil || a.Extensions != nil || a.Extra != "" || a.Tail != nil || a.NoReader {
		return nil, false
	}
	reader := frame.NewReader(frame.Client, -1, nil)
	for _, op := range program[1 : len(program)-1] {
		switch op.Name {
		case "rx":
			steps = append(steps, acceptStep{receive: op.N, sleep: op.Wait})
		case "sleep":
			steps = append(steps, acceptStep{sleep: op.Wait})
		case "tx":
			sent, ok := acceptFrames(reader, op.Bytes)
			if !ok {
				return nil, false
			}
			steps = append(steps, sent...)
		default:
			return nil, false
		}
	}
	return steps, !reader.MidMessage()
}

// acceptFrames translates frames. Each must be what a Send or a Close makes of it.
func acceptFrames(reader *frame.Reader, data []byte) (steps []acceptStep, ok bool) {
	for len(data) > 0 {
		whole := data[0]&0x80 != 0
		ev, n, err := reader.Next(data)
		data = data[n:]
		if err != nil || !whole {
			return nil, false
		}
		switch ev.Op {
		case frame.Text:
			steps = append(steps, acceptStep{send: ws.Text(ev.Payload)})
		case frame.Binary:
			steps = append(steps, acceptStep{send: append(ws.Bytes{}, ev.Payload...)})
		case frame.Close:
			code, reason, err := frame.ParseClose(ev.Payload)
			if err != nil || code == 1010 || len(data) > 0 {
				return nil, false
			}
			steps = append(steps, acceptStep{code: ws.StatusCode(code), reason: reason})
		default:
			return nil, false
		}
	}
	return steps, true
}

// playAccept plays a program on a connection.
func playAccept(ctx context.Context, conn net.Conn, steps []acceptStep) {
	listener := &oneConn{Conn: conn, closed: make(chan struct{})}
	handler := func(w http.ResponseWriter, r *http.Request) {
		defer listener.Close()
		var frames frameCount
		opts := &ws.AcceptOptions{
			Compression: ws.NoCompression, MessageLimit: -1, ReadBuffer: -1, SendBuffer: -1,
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
	server.Serve(listener) // until the handler is through
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

// await waits for n frames, if n is not 0, or so long.
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
