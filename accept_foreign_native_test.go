//go:build !js

package ws_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/seed2c7e30c3/ws"
)

// TestAcceptPython: the Python package websockets as the client, with and without compression.
func TestAcceptPython(t *testing.T) {
	t.Parallel()
	python := pythonWebsockets(t)
	for name, compression := range map[string]ws.Compression{
		"alone": ws.CompressAlone, "context": ws.CompressContext, "none": ws.NoCompression,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveAccept(t, &ws.AcceptOptions{
				Protocols:    []string{"v2", "v1"},
				Compression:  compression,
				MessageLimit: 4 << 20,
				OnMessage: func(c *ws.Conn, m ws.Message) {
					if m == ws.Message(ws.Text("close")) {
						c.CloseWith(ws.StatusServiceRestart, "restart ä")
						return
					}
					c.Send(m)
				},
			})
			ctx, cancel := context.WithTimeout(t.Context(), 4*limit)
			defer cancel()
			cmd := exec.CommandContext(ctx, python, "testdata/client.py", wsURL(s.Server)+"/path")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("the client: %v\n%s", err, out)
			}
			if got, want := strings.TrimSpace(string(out)), "v2 1012 restart ä"; got != want {
				t.Errorf("the client says %q, want %q", got, want)
			}
			c := await(t, "connection", s.conns)
			if ev := wait(t, c); ev != (ws.CloseEvent{Code: ws.StatusServiceRestart, Reason: "restart ä", WasClean: true}) {
				t.Errorf("closed with %+v", ev)
			}
		})
	}
}

// TestAcceptCoder: coder/websocket as the client, which compresses in its own ways.
func TestAcceptCoder(t *testing.T) {
	t.Parallel()
	for _, mode := range []websocket.CompressionMode{
		websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover,
	} {
		for _, compression := range []ws.Compression{ws.CompressAlone, ws.CompressContext, ws.NoCompression} {
			s := serveAccept(t,
				&ws.AcceptOptions{Compression: compression, OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) }})
			ctx := testContext(t)
			c, response, err := websocket.Dial(ctx, wsURL(s.Server), &websocket.DialOptions{CompressionMode: mode})
			if err != nil {
				t.Fatalf("mode %v, %v: %v", mode, compression, err)
			}
			c.SetReadLimit(-1)
			for _, size := range []int{0, 1, 600, 70_000, 900_000} {
				data := []byte(strings.Repeat("some words ", size/11+1)[:size])
				if err := c.Write(ctx, websocket.MessageText, data); err != nil {
					t.Fatal(err)
				}
				kind, echo, err := c.Read(ctx)
				if err != nil || kind != websocket.MessageText || string(echo) != string(data) {
					t.Fatalf("mode %v, %v, %q: %d bytes came of %d, %v", mode, compression,
						response.Header.Get("Sec-WebSocket-Extensions"), len(echo), size, err)
				}
			}
			if err := c.Close(4000, "bye"); err != nil {
				t.Errorf("Close: %v", err)
			}
			wait(t, await(t, "connection", s.conns))
		}
	}
}

// TestAcceptLimits: what is too large or breaks the protocol fails the connection, and the client is told.
func TestAcceptLimits(t *testing.T) {
	t.Parallel()
	type check struct {
		name  string
		opts  *ws.AcceptOptions
		bytes string
		code  string // of the server's Close frame
	}
	for _, c := range []check{
		{"message over 1 MiB", nil, "\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01\x00\x00\x00\x00", "\x03\xf1"},
		{"message over the limit", &ws.AcceptOptions{MessageLimit: 10}, maskedFrame(fin|text, "eleven byte"), "\x03\xf1"},
		{"unmasked frame", nil, "\x81\x01x", "\x03\xea"},
		{"reserved bit", nil, maskedFrame(fin|0x40|text, "x"), "\x03\xea"},
		{"text that is not UTF-8", nil, maskedFrame(fin|text, "\xff"), "\x03\xef"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serveAccept(t, c.opts)
			client := openClient(t, s.Server)
			if _, err := client.Write([]byte(c.bytes)); err != nil {
				t.Fatal(err)
			}
			f, err := client.frame()
			if err != nil || f.first != fin|closeFrame || !strings.HasPrefix(string(f.payload), c.code) {
				t.Fatalf("the server sent %#02x %q, %v", f.first, f.payload, err)
			}
			client.wantEnd()
			conn := await(t, "connection", s.conns)
			if ev := wait(t, conn); ev != abnormal {
				t.Errorf("closed with %+v", ev)
			}
			if conn.Err() == nil {
				t.Error("no cause")
			}
		})
	}
}

// TestAcceptShutdown: a server's Shutdown of its connections, while clients send without end.
func TestAcceptShutdown(t *testing.T) {
	t.Parallel()
	s := serveAccept(t, &ws.AcceptOptions{OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) }})
	var clients, accepted []*ws.Conn
	for range 5 {
		c := dial(t, wsURL(s.Server), &ws.Options{OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) }})
		send(t, c, ws.Text("to and fro"))
		clients = append(clients, c)
		accepted = append(accepted, await(t, "connection", s.conns))
	}
	for _, c := range accepted {
		if err := c.Shutdown(testContext(t), ws.StatusGoingAway, "restart"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
	for _, c := range clients {
		if ev := wait(t, c); ev != (ws.CloseEvent{Code: ws.StatusGoingAway, Reason: "restart", WasClean: true}) {
			t.Errorf("closed with %+v", ev)
		}
	}
}

// TestAcceptContext: the connection outlives the handler and its context.
func TestAcceptContext(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	conns := make(chan *ws.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		context.AfterFunc(r.Context(), func() { close(ended) })
		if err := ws.Serve(w, r, &ws.AcceptOptions{OnOpen: func(c *ws.Conn) { conns <- c }}); err != nil {
			t.Errorf("Serve: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	c := dial(t, wsURL(server), nil)
	await(t, "end of the request's context", ended)
	accepted := await(t, "connection", conns)
	send(t, accepted, ws.Text("after"))
	wantText(t, read(t, c), "after")
	accepted.CloseWith(ws.StatusInternalError, "")
	if ev := wait(t, c); ev.Code != ws.StatusInternalError {
		t.Errorf("closed with %+v", ev)
	}
}
