//go:build !js

package handshake

import (
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
)

// wrapper is a RoundTripper around another that can be put around a third: so a middleware of the caller's, for
// tracing or signing, is used together with transport.
type wrapper interface {
	http.RoundTripper
	Unwrap() http.RoundTripper                     // what it is around
	Wrap(base http.RoundTripper) http.RoundTripper // the same around base
}

// send takes a request to the server by the caller's RoundTripper, and returns also the connection that it went over,
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

// arrange puts a transport in the place of the http.Transport that rt is, or is around. Without one it returns nil.
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

// sendForeign uses a RoundTripper as it is. If it is around an http.Transport, that must not ask an HTTP proxy to
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
	known  bool   // the proxy has been asked for, and does not forward

	mu   sync.Mutex
	last net.Conn
	away bool // it goes elsewhere than to target
}

// ask looks whether an http.Transport inside that can be seen uses an HTTP proxy.
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

// innermost is the http.Transport that rt is around, as far as its methods Unwrap tell.
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

// getConn is a hook of net/http: a connection with hop is wanted. If that is not the server, a proxy is likely to get
// the request, which is stopped.
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
