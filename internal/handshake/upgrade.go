//go:build !js

package handshake

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
)

// RoundTrip is called by coder/websocket. It sends the request as browsers do, checks the response, and keeps the
// upgraded stream: coder/websocket verifies the rest of the response and gets a stream on which nothing happens.
func (a *attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.roundTrip(req)
	a.err = err
	return resp, err
}

func (a *attempt) roundTrip(req *http.Request) (*http.Response, error) {
	resp, conn, err := a.send(a.request(req))
	if err != nil {
		return nil, err
	}
	if resp == nil {
		return nil, errors.New("the RoundTripper has returned neither a response nor an error")
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	a.takeCookies(resp)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return nil, a.refused(resp, nil)
	}
	n, err := check(resp, a.cfg.Protocols, a.cfg.Compression)
	if err != nil {
		resp.Body.Close()
		return nil, a.refused(resp, err)
	}
	body, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		resp.Body.Close()
		return nil, fmt.Errorf("the RoundTripper's body of a 101 response is a %T, which cannot be written", resp.Body)
	}
	resp.Body = http.NoBody
	a.result = &Result{
		Stream: body, Response: resp,
		Protocol: n.protocol, Extensions: n.extensions, Deflate: n.deflate, Deflated: n.deflated,
	}
	if conn != nil {
		a.result.Local, a.result.Remote = conn.LocalAddr(), conn.RemoteAddr()
	}
	if s, ok := body.(*switched); ok {
		a.result.Stream, a.result.Early = s.Conn, s.early
	}
	return forCoder(resp), nil
}

const (
	// bodyLimit is the number of bytes of the body of a failed handshake that are kept.
	bodyLimit = 1024
	// bodyWait is how long a failed handshake waits for those bytes; browsers fail as soon as the header is there.
	bodyWait = time.Second
)

// refused keeps what is known about a response that does not open the connection, including the beginning of its body,
// and returns the error.
func (a *attempt) refused(resp *http.Response, cause error) error {
	e := &StatusError{StatusCode: resp.StatusCode, Header: resp.Header, Cause: cause}
	a.refusal = e
	if resp.StatusCode != http.StatusSwitchingProtocols { // what follows a 101 is not a body
		timer := time.AfterFunc(bodyWait, func() { a.fail(nil) })
		defer timer.Stop()
		// An error here ends the body early, which does not matter beside the response itself.
		e.Body, _ = io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	}
	return a.cfg.refused(e)
}

// forCoder returns resp for coder/websocket: with an idle stream, and without extensions, because it refuses
// client_max_window_bits, which browsers accept (h-ext-cmwb-9), and does no compression here.
func forCoder(resp *http.Response) *http.Response {
	r := *resp
	if _, ok := resp.Header["Sec-Websocket-Extensions"]; ok {
		r.Header = maps.Clone(resp.Header)
		r.Header.Del("Sec-WebSocket-Extensions")
	}
	r.Body = idle{}
	return &r
}

// idle is the stream that coder/websocket gets instead of the real one.
type idle struct{}

func (idle) Read([]byte) (int, error)    { return 0, io.EOF }
func (idle) Write(p []byte) (int, error) { return len(p), nil }
func (idle) Close() error                { return nil }
