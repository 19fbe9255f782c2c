//go:build !js

package handshake

import (
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
)

// wrapper is a RoundTripper around another one that can be put around a third: so the caller's middleware, for tracing
// or signing, can be used together with transport.
type wrapper interface {
	http.RoundTripper
	Unwrap() http.RoundTripper                     // what it is around
	Wrap(base http.RoundTripper) http.RoundTripper // the same around base
}

// send sends a request to the server with the caller's RoundTripper. It also returns the connection that was used, or
// nil if that is unknown.
func (a *attempt) send(req *http.Request) (*http.Response, net.Conn, error) {
	rt := http.DefaultTransport
	if a.cfg.Client != nil && a.cfg.Client.Transport != nil {
		rt = a.cfg.Client.Transport
	}
	if arranged, own := a.arrange(rt); own != nil {
		resp, err := arranged.RoundTrip(req)
		return resp, own.conn(), err
	}
	return a.sendForeign(rt, req)
}

// arrange replaces the http.Transport that rt is, or is around, by a transport. If there is no http.Transport, it
// returns nil.
func (a *attempt) arrange(rt http.RoundTripper) (http.RoundTripper, *transport) {
	switch rt := rt.(type) {
	case *http.Transport:
		own := &transport{a: a, settings: rt}
		return own, own
	case wrapper:
		if base, own := a.arrange(rt.Unwrap()); own != nil {
			if around := rt.Wrap(base); around != nil {
				return around, own
			}
		}
	}
	return nil, nil
}

// sendForeign uses a RoundTripper unchanged. If it is around an http.Transport, that must not ask an HTTP proxy to
// forward the handshake.
func (a *attempt) sendForeign(rt http.RoundTripper, req *http.Request) (*http.Response, net.Conn, error) {
	f := &foreign{a: a, rt: rt, secure: a.cfg.URL.Secure, target: address(req.URL)}
	if err := f.ask(req); err != nil {
		return nil, nil, err
	}
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GetConn: f.getConn, GotConn: f.gotConn})
	resp, err := rt.RoundTrip(req.WithContext(ctx))
	conn := f.conn()
	if err == nil && resp != nil && resp.Body != nil {
		a.adopt(resp.Body)
	}
	return resp, conn, err
}

// foreign watches a RoundTripper that is not the package's.
type foreign struct {
	a      *attempt
	rt     http.RoundTripper
	secure bool
	target string // host and port of the URL
	known  bool   // the Proxy function has been asked, and names no proxy that forwards

	mu   sync.Mutex
	last net.Conn
	away bool // the connection goes elsewhere than to target
}

// ask finds out whether a visible http.Transport inside uses an HTTP proxy.
func (f *foreign) ask(req *http.Request) error {
	inside := innermost(f.rt)
	if f.secure || inside == nil {
		return nil
	}
	proxy, err := chooseProxy(inside, req)
	if err != nil {
		return err
	}
	if forwards(proxy) {
		return f.a.forwarding(address(proxy), f.rt)
	}
	f.known = true
	return nil
}

// innermost returns the http.Transport that rt is around, as far as the Unwrap methods tell.
func innermost(rt http.RoundTripper) *http.Transport {
	for {
		switch around := rt.(type) {
		case *http.Transport:
			return around
		case interface{ Unwrap() http.RoundTripper }:
			rt = around.Unwrap()
		default:
			return nil
		}
	}
}

// getConn is a hook of net/http: a connection to hop is wanted. If hop is not the server, a proxy would probably get
// the request, so it is stopped.
func (f *foreign) getConn(hop string) {
	if f.secure || f.known || hop == f.target {
		return
	}
	f.mu.Lock()
	f.away = true
	f.mu.Unlock()
	f.a.fail(f.a.forwarding(hop, f.rt))
}

// gotConn is a hook of net/http: the request is about to be written to a connection.
func (f *foreign) gotConn(info httptrace.GotConnInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = info.Conn
	err := checkALPN(info.Conn)
	if err != nil {
		f.a.fail(err)
	}
	if f.away || err != nil {
		// The end of the context might come too late.
		abort(info.Conn)
	}
}

func (f *foreign) conn() net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}
