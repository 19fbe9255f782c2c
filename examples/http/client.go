// Command http gets a page from an HTTP/1.1 server, with net/http and smux: many requests at a time share a WebSocket.
//
//	go run ./http ws://127.0.0.1:8080 http://inside/status
//
// The WebSocket carries a session of smux, and each connection of HTTP/1.1 is a stream of it. In a browser net/http
// uses fetch, but not in an http.Transport with a dialler of its own: that one is net/http's, with every method,
// header and answer. So a page reaches servers that only the server of the WebSocket can reach.
package main

import (
	"context"
	"net"
	"net/http"

	"github.com/xtaci/smux"

	"github.com/seed2c7e30c3/ws/netconn"
)

// dial opens a WebSocket to url and returns a client whose requests go through it, whatever host they name. Only a wss
// URL encrypts them, so the requests are for http URLs. Closing the session closes the WebSocket.
func dial(ctx context.Context, url string) (*http.Client, *smux.Session, error) {
	conn, err := netconn.Dial(ctx, url, nil)
	if err != nil {
		return nil, nil, err
	}
	config := smux.DefaultConfig()
	config.Version = 2 // has a window for each stream, so that a response that nobody reads does not hold up others
	session, err := smux.Client(conn, config)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	open := func(context.Context, string, string) (net.Conn, error) { return session.OpenStream() }
	return &http.Client{Transport: &http.Transport{DialContext: open}}, session, nil
}
