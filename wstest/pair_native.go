//go:build !js

package wstest

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/seed2c7e30c3/ws"
)

// NativeOptions are the settings of [Pair] that only the native implementation supports.
type NativeOptions struct {
	// Accept, if not nil, configures the server's end instead of Options.Server.
	Accept *ws.AcceptOptions
}

// The two ends make a real opening handshake, with ws.Dial and a special dialler, and with ws.Accept. So everything is
// as over the network, and package ws needs no entry point for tests. The connection consists of net.Pipes, whose waits
// a testing/synctest bubble sees. There is no http.Server, because a bubble would have to wait for its goroutines.

func pair(client, server *ws.Options, native NativeOptions) (*ws.Conn, *ws.Conn, error) {
	near, far := newPipe()
	client.Native.HTTPClient = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil },
	}}
	accepted := make(chan acceptance, 1)
	go func() { accepted <- accept(far, cmp.Or(native.Accept, acceptOptions(server))) }()
	c, err := ws.Dial(context.Background(), pairURL, client)
	if err != nil {
		_ = near.Close() // which never fails
	}
	a := <-accepted
	switch {
	case err == nil && a.err == nil:
		return c, a.conn, nil
	case err == nil:
		c.CloseNow()
	case a.err == nil:
		a.conn.CloseNow()
	}
	return nil, nil, pairError(err, a.err)
}

// acceptOptions returns the AcceptOptions of a server's end that is configured by Options.
func acceptOptions(opts *ws.Options) *ws.AcceptOptions {
	accept := &ws.AcceptOptions{
		Protocols:    opts.Protocols,
		BinaryType:   opts.BinaryType,
		OnOpen:       opts.OnOpen,
		OnMessage:    opts.OnMessage,
		OnError:      opts.OnError,
		OnClose:      opts.OnClose,
		MessageLimit: opts.MessageLimit,
		ReadBuffer:   opts.ReadBuffer,
		PingInterval: cmp.Or(opts.Native.PingInterval, -1),
	}
	if opts.Native.DisableCompression {
		accept.Compression = ws.NoCompression
	}
	return accept
}

// acceptance is the result of a handshake at the server's end. errNoRequest means that no request came.
type acceptance struct {
	conn *ws.Conn
	err  error
}

var errNoRequest = errors.New("wstest: no request came")

// accept reads the request from conn and answers it.
func accept(conn net.Conn, opts *ws.AcceptOptions) acceptance {
	in := bufio.NewReader(conn)
	r, err := http.ReadRequest(in)
	if err != nil {
		_ = conn.Close() // which never fails
		return acceptance{err: errNoRequest}
	}
	w := &responseWriter{httptest.NewRecorder(), conn, in}
	c, err := ws.Accept(w, r, opts)
	if err != nil {
		// The client may have given up by now.
		_ = w.Result().Write(conn)
		_ = conn.Close()
	}
	return acceptance{c, err}
}

// responseWriter records a response, unless the connection is taken from it.
type responseWriter struct {
	*httptest.ResponseRecorder
	conn net.Conn
	in   *bufio.Reader
}

func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(w.in, bufio.NewWriter(w.conn)), nil
}

// pairError returns the error of a pair that does not open. If the server's end was asked, its error tells more.
func pairError(dial, accept error) error {
	switch {
	case accept == nil || accept == errNoRequest:
		return dial
	case dial == nil:
		return accept
	}
	return fmt.Errorf("%w: %w", accept, dial)
}
