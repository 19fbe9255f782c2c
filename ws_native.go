//go:build !js

package ws

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
	"github.com/seed2c7e30c3/ws/internal/handshake"
	"github.com/seed2c7e30c3/ws/internal/netio"
)

// NativeOptions are the settings that only the native implementation supports.
//
// # Proxies
//
// The Proxy function of HTTPClient's http.Transport chooses the proxy. The default client uses
// http.ProxyFromEnvironment, which reads HTTP_PROXY for ws, HTTPS_PROXY for wss, and NO_PROXY; it does not read
// ALL_PROXY, and uses no proxy for localhost. The schemes http, https, socks5 and socks5h are supported; with the
// latter two, the proxy resolves host names. The user name and password of the proxy's URL are sent to the proxy.
//
// For ws as for wss, an HTTP proxy is asked with CONNECT to connect to the server (RFC 6455, section 4.1). The
// Transport's ProxyConnectHeader, GetProxyConnectHeader and OnProxyConnectResponse are used. The proxy has to answer
// 200. If it cannot be reached, refuses, or does not answer within a minute, the error is a *ProxyError. Redirects are
// not followed.
//
// # TLS
//
// The http.Transport's TLSClientConfig is used for wss and for https proxies. HTTP/2 is not offered. A connection of
// DialTLSContext or DialTLS must not negotiate "h2" by ALPN either: its tls.Config.NextProtos must not name it.
//
// # Credentials
//
// The user name and password of the WebSocket's URL are sent only after the server has answered 401 with a challenge of
// the scheme Basic (RFC 7617), in a second attempt on a new connection. To send them at once, or for another scheme,
// set the field Authorization in Header; those of the URL are then not used. Cookies come from HTTPClient's Jar. No
// error shows a password. The error of a connection that did not open does not show the query of its URL, which may
// contain a ticket.
type NativeOptions struct {
	// HTTPClient makes the opening handshake. If it is nil, http.DefaultTransport is used. Only the client's Transport,
	// Jar and Timeout are used. The Jar provides and stores cookies, including those of a response that does not open the
	// connection. The Timeout limits the handshake and nothing later. Redirects are never followed, whatever CheckRedirect
	// says.
	//
	// Of an http.Transport these fields are used: Proxy and those that belong to it, DialContext, Dial, DialTLSContext,
	// DialTLS, TLSClientConfig, TLSHandshakeTimeout, ResponseHeaderTimeout, and MaxResponseHeaderBytes, whose zero value
	// here means 256 KiB, as in Chromium. Each handshake makes its own connection and takes none from the Transport's
	// pool.
	//
	// The context of Dial reaches DialContext, Proxy and a RoundTripper, with its values, its deadline and the hooks of
	// net/http/httptrace. For them it ends if the handshake fails. If the connection opens, it never ends for them,
	// whatever becomes of Dial's context, so whatever they have bound to it remains. New gives them context.Background.
	//
	// A Transport of another type, for example middleware around an http.Transport, is called with the request. A response
	// with status 101 must have a Body that is an io.ReadWriteCloser and that no deadline ends; http.Transport does that.
	// Such a Transport should have two methods:
	//
	//	Unwrap() http.RoundTripper                     // what it is around
	//	Wrap(base http.RoundTripper) http.RoundTripper // the same around base
	//
	// It is then used around a RoundTripper of this package that does what is said above. Without these methods some
	// things do not work. A response with "Connection: Upgrade, close" fails. A connection that is being made when Dial is
	// cancelled may stay with the Transport. If a proxy refuses wss, the error is net/http's, not a *ProxyError. HTTP
	// proxies do not work for ws, because http.Transport does not use CONNECT there: the error is a *ProxyError, before
	// anything is sent. The same holds for any other connection for a ws URL that goes elsewhere than to the URL's host.
	// With Unwrap alone, a Transport may go elsewhere if its Proxy function names no HTTP proxy.
	HTTPClient *http.Client

	// Header has further fields for the request, for example Origin, which is not sent otherwise. Names are sent as they
	// are spelled, and Host sets the field Host. A User-Agent with the value "" keeps net/http's from being sent. The
	// fields of the handshake itself and of HTTP's framing (Connection, Upgrade, Sec-WebSocket-*, Content-Length, Expect,
	// TE, Trailer, Transfer-Encoding) are not taken from here.
	Header http.Header

	// DisableCompression keeps permessage-deflate (RFC 7692) from being offered.
	DisableCompression bool

	// PingInterval is the time between pings. If nothing is received within that time after a ping has left, the
	// connection is failed, so a dead peer is found within two intervals. Time during which the connection does not read
	// (Options.ReadBuffer), or during which the peer still takes what was sent before the ping, does not count. 0 means no
	// pings, as in browsers.
	PingInterval time.Duration

	// OnHandshake, if not nil, is called with the response that opens the connection, before OnOpen and before Dial
	// returns. The response has no Body; its Request is what was sent. The goroutine that connects waits for OnHandshake
	// to return. A response that does not open the connection is reported as a *HandshakeError instead.
	OnHandshake func(*http.Response)
}

var errAbandoned = errors.New("ws: closed before the connection was established")

// platform is the native half of a Conn: an endpoint of internal/engine on the connection that internal/handshake
// has opened.
type platform struct {
	cancel   context.CancelFunc // ends the opening handshake; nil once that is over; guarded by mu
	groups   *membership        // those of which it is a member; guarded by mu
	finished <-chan struct{}    // nil unless its HTTP handler waits for its end

	lending atomic.Bool // the program takes messages by ReadAppend, which does not keep their memory

	// These are what accepted and handed return once there is no endpoint any more. mu guards them.
	acceptedInAll, handedInAll int64

	local, remote net.Addr // set before the connection is Open; mu guards them

	// endpoint is next to Conn.state, because Group.Send looks at both, for many connections.
	endpoint atomic.Pointer[engine.Endpoint]
}

// target is where a connection goes: a parsed URL.
type target = *handshake.URL

func resolveURL(url, base string) (target, error) {
	u, err := handshake.ParseURL(url, base)
	if err != nil {
		return nil, exception(ErrSyntax, err.Error())
	}
	return u, nil
}

func (c *Conn) connect(ctx context.Context, u target, opts *Options) error {
	c.url = u.Href
	if ctx == nil {
		ctx = context.Background()
	}
	attempt, cancel := context.WithCancel(ctx)
	c.cancel = cancel
	config := &handshake.Config{
		URL:         u,
		Protocols:   append([]string(nil), opts.Protocols...),
		Client:      opts.Native.HTTPClient,
		Header:      opts.Native.Header.Clone(),
		Compression: !opts.Native.DisableCompression,
		OnHandshake: opts.Native.OnHandshake,
		Refused:     func(e *handshake.StatusError) error { return (*HandshakeError)(e) },
		ProxyFailed: func(e *handshake.ProxyError) error { return (*ProxyError)(e) },
	}
	go c.open(ctx, attempt, config, &engine.Config{
		Role:         frame.Client,
		Limit:        opts.messageLimit(),
		PingInterval: opts.Native.PingInterval,
	})
	return nil
}

// open makes the opening handshake and starts the endpoint. attempt is the context that abandon ends; it is derived
// from ctx, which is Dial's.
func (c *Conn) open(ctx, attempt context.Context, config *handshake.Config, engineConfig *engine.Config) {
	cause := handshake.ErrExited
	defer func() {
		if thrown := recover(); thrown != nil {
			panic(thrown) // deliver no event: the program ends
		}
		c.abandon() // releases the context
		c.mu.Lock()
		c.cancel = nil
		c.mu.Unlock()
		if cause != nil {
			c.ended(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}, Err: cause}, true)
		}
	}()
	res, err := handshake.Dial(attempt, config)
	switch {
	case err != nil && attempt.Err() != nil && ctx.Err() == nil:
		cause = errAbandoned
		return
	case err != nil:
		cause = err
		return
	}
	c.setAddresses(res)
	endpoint := c.newEndpoint(res, engineConfig)
	c.endpoint.Store(endpoint)
	if !c.opened(res.Protocol, res.Extensions) {
		c.endpoint.Store(nil)
		cause = errAbandoned
		go netio.New(res.Stream).Abort() // Abort may wait, and its error no longer matters
		return
	}
	cause = nil
	// It reads in a goroutine of its own: the stack of this one has grown during the handshake, by 2 KiB a connection.
	endpoint.Start()
	go c.deliver()
}

// newEndpoint makes an endpoint on top of a stream on which the opening handshake is complete. It fills in those fields
// of config that follow from the handshake and from c.
func (c *Conn) newEndpoint(res *handshake.Result, config *engine.Config) *engine.Endpoint {
	config.Early = res.Early
	config.ByRead = c.onMessage == nil
	if p := res.Deflate; res.Deflated && config.Role == frame.Client {
		config.Inflater = deflate.NewInflater(!p.ServerNoContextTakeover)
		config.Deflater = deflate.NewDeflater(p.ClientMaxWindowBits, !p.ClientNoContextTakeover)
	} else if res.Deflated {
		config.Inflater = deflate.NewInflater(!p.ClientNoContextTakeover)
		config.Deflater = deflate.NewDeflater(p.ServerMaxWindowBits, !p.ServerNoContextTakeover)
	}
	o := &owner{conn: c}
	o.endpoint = engine.New(o, netio.New(res.Stream), config)
	return o.endpoint
}

// abandon ends the handshake; open sees the state and reports the failure.
func (c *Conn) abandon() {
	c.mu.Lock()
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

func (c *Conn) isServer() bool { return c.server }

func (c *Conn) released() <-chan struct{} { return c.finished }

func (c *Conn) observe() {}

func (c *Conn) binaryTypeChanged(BinaryType) {}

func (c *Conn) transmit(m Message) (bool, error) {
	op, data := frameContent(m)
	result := engine.Lost
	if e := c.endpoint.Load(); e != nil {
		result = e.Send(op, data)
	}
	return c.transmitted(result, len(data))
}

// frameContent returns the opcode and the payload of a message.
func frameContent(m Message) (frame.Opcode, []byte) {
	data, text := content(m)
	if text {
		return frame.Text, data
	}
	return frame.Binary, data
}

// transmitted returns what transmit returns for a message of size bytes.
func (c *Conn) transmitted(result engine.Result, size int) (bool, error) {
	switch result {
	case engine.Full:
		return false, ErrSlowPeer
	case engine.Lost:
		// The state is still Open because earlier events have not been handled yet. As in browsers, a message that is sent
		// after the peer's Close frame is dropped as if it had been sent, and one that is sent on a lost connection stays
		// buffered.
		dropped := c.peerClosed()
		c.mu.Lock()
		c.acceptedInAll += int64(size)
		if dropped {
			c.handedInAll += int64(size)
		}
		c.mu.Unlock()
	}
	return result != engine.Refused, nil
}

func (c *Conn) startClosing(code StatusCode, reason string) {
	if e := c.endpoint.Load(); e != nil {
		e.StartClosing(uint16(code), reason)
	}
}

func (c *Conn) abort() {
	if e := c.endpoint.Load(); e != nil {
		e.Abort()
		c.forgetEndpoint(e)
	}
}

// forgetEndpoint lets go of an endpoint that has reported the end, and of all its memory.
func (c *Conn) forgetEndpoint(e *engine.Endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveGroups()
	if c.endpoint.CompareAndSwap(e, nil) {
		accepted, buffered := e.Amounts()
		c.acceptedInAll += accepted
		c.handedInAll += accepted - buffered
	}
}

func (c *Conn) accepted() int64 {
	n := c.acceptedInAll
	if e := c.endpoint.Load(); e != nil {
		accepted, _ := e.Amounts()
		n += accepted
	}
	return n
}

func (c *Conn) handed() int64 {
	n := c.handedInAll
	if e := c.endpoint.Load(); e != nil {
		n += e.Handed()
	}
	return n
}

func (c *Conn) watchBuffered(limit int64) {
	if e := c.endpoint.Load(); e != nil {
		e.AwaitBuffered(limit - c.acceptedInAll + c.handedInAll)
	}
}

func closeFrameWaits(c *Conn) bool {
	e := c.endpoint.Load()
	return e != nil && e.CloseWaits()
}

func (c *Conn) resume() {
	if e := c.endpoint.Load(); e != nil {
		e.Resume()
	}
}

func (c *Conn) receiveFor(ctx context.Context, w *readWaiter) {
	if e := c.endpoint.Load(); e != nil {
		e.ReadUntil(ctx, w)
	}
}

func (c *Conn) keepReceiving() {
	if e := c.endpoint.Load(); e != nil {
		e.KeepReading()
	}
}

// owner is a Conn as its endpoint sees it. Only the endpoint refers to it, so its memory is freed with the endpoint.
type owner struct {
	conn     *Conn
	endpoint *engine.Endpoint
	memory   memory // used by whoever reads
}

func (o *owner) Received(batch []engine.Message) engine.Next {
	next, rest := wantMore, batch
	payloads := batches.Get().(*[]payload)
	*payloads = slices.Grow(*payloads, len(batch))
	if o.conn.lending.Load() {
		next, rest = o.conn.receivedInto(batch)
		*payloads = o.lend(*payloads, rest)
	} else {
		for i := range rest {
			*payloads = append(*payloads, o.memory.keep(&rest[i]))
		}
	}
	if len(rest) > 0 {
		next = o.conn.received(payloads)
	}
	batches.Put(payloads)
	switch next {
	case wantDeliver:
		return engine.Deliver
	case wantPause:
		return engine.Pause
	case wantYield:
		return engine.Yield
	}
	return engine.ReadOn
}

func (o *owner) PeerClosing() { o.conn.peerClosing() }

func (o *owner) Ended(end engine.End) {
	c := o.conn
	err := end.Err
	if errors.Is(err, frame.ErrTooBig) {
		err = ErrMessageTooBig
	}
	c.ended(&CloseError{
		CloseEvent: CloseEvent{Code: StatusCode(end.Code), Reason: end.Reason, WasClean: end.Clean},
		Err:        err,
	}, end.Failed)
	if e := c.endpoint.Load(); e != nil {
		c.forgetEndpoint(e)
	}
}

func (o *owner) Drained() { o.conn.drained() }

func (o *owner) Deliver() { o.conn.deliver() }

func (o *owner) Idle() { o.conn.idle() }

// dialError returns the end itself, which has the cause.
func (c *Conn) dialError(end *CloseError) error { return end }
