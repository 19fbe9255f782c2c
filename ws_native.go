//go:build !js

package ws

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
	"github.com/seed2c7e30c3/ws/internal/handshake"
	"github.com/seed2c7e30c3/ws/internal/netio"
)

// NativeOptions are the settings that only the native implementation has.
type NativeOptions struct {
	// HTTPClient makes the opening handshake: its Transport has the TLS settings, proxy and dialler, its Timeout
	// bounds the handshake, its Jar gives and takes cookies. Redirects are never followed, whatever CheckRedirect
	// says. When nil, http.DefaultTransport is used, with the proxy that the environment names.
	HTTPClient *http.Client

	// Header has further request headers, Origin among them; none is sent otherwise. The headers of the handshake
	// itself cannot be set.
	Header http.Header

	// DisableCompression keeps permessage-deflate (RFC 7692) from being offered.
	DisableCompression bool

	// PingInterval is the time between pings. A connection on which nothing is received within that time after a ping
	// has left is failed, so a dead peer is found within two intervals. Time in which the connection does not read
	// (Options.ReadBuffer), or in which the peer still takes what was sent before the ping, does not count. 0 means no
	// pings, as in browsers.
	PingInterval time.Duration

	// OnHandshake, if not nil, is called with the response that opens the connection, before OnOpen and before Dial
	// returns. It has no Body. The goroutine that connects waits for it. A response that does not open the connection
	// is a *HandshakeError.
	OnHandshake func(*http.Response)
}

// HandshakeError is the server's answer to an opening handshake that it did not accept. It is in CloseError.Err.
type HandshakeError = handshake.StatusError

var errAbandoned = errors.New("ws: closed before the connection was established")

// platform is the native half of a Conn: an endpoint of internal/engine on the connection that internal/handshake
// has opened.
type platform struct {
	cancel   context.CancelFunc // ends the opening handshake; nil when that is over, guarded by mu
	endpoint atomic.Pointer[engine.Endpoint]

	// What accepted and handed return when there is no endpoint any more. mu guards them.
	acceptedInAll, handedInAll int64
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

func (c *Conn) connect(u target, opts *Options) error {
	c.url = u.Href
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	config := &handshake.Config{
		URL:         u,
		Protocols:   append([]string(nil), opts.Protocols...),
		Client:      opts.Native.HTTPClient,
		Header:      opts.Native.Header.Clone(),
		Compression: !opts.Native.DisableCompression,
		OnHandshake: opts.Native.OnHandshake,
	}
	go c.open(ctx, config, opts.Native.PingInterval)
	return nil
}

// open makes the opening handshake and starts the endpoint.
func (c *Conn) open(ctx context.Context, config *handshake.Config, pingInterval time.Duration) {
	cause := handshake.ErrExited
	defer func() {
		if thrown := recover(); thrown != nil {
			panic(thrown) // no event is delivered: the program ends
		}
		c.abandon() // releases the context
		c.mu.Lock()
		c.cancel = nil
		c.mu.Unlock()
		if cause != nil {
			c.ended(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}, Err: cause}, true)
		}
	}()
	res, err := handshake.Dial(ctx, config)
	switch {
	case err != nil && ctx.Err() != nil:
		cause = errAbandoned
		return
	case err != nil:
		cause = err
		return
	}
	endpoint := c.newEndpoint(res, &engine.Config{Role: frame.Client, PingInterval: pingInterval})
	c.endpoint.Store(endpoint)
	if !c.opened(res.Protocol, res.Extensions) {
		c.endpoint.Store(nil)
		cause = errAbandoned
		go netio.New(res.Stream).Abort() // which may wait; nobody is left to hear what goes wrong
		return
	}
	cause = nil
	// It reads in a goroutine of its own: the stack of this one has grown during the handshake, by 2 KiB a connection.
	endpoint.Start()
	go c.deliver()
}

// newEndpoint makes an endpoint on top of a stream on which the opening handshake is complete. It fills in of config
// what follows from the handshake and from c.
func (c *Conn) newEndpoint(res *handshake.Result, config *engine.Config) *engine.Endpoint {
	config.Early = res.Early
	config.Limit = c.messageLimit
	config.ByRead = c.onMessage == nil
	if p := res.Deflate; res.Deflated && config.Role == frame.Client {
		config.Inflater = deflate.NewInflater(!p.ServerNoContextTakeover)
		config.Deflater = deflate.NewDeflater(p.ClientMaxWindowBits, !p.ClientNoContextTakeover)
	} else if res.Deflated {
		config.Inflater = deflate.NewInflater(!p.ClientNoContextTakeover)
		config.Deflater = deflate.NewDeflater(p.ServerMaxWindowBits, !p.ServerNoContextTakeover)
	}
	return engine.New(&owner{conn: c}, netio.New(res.Stream), config)
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

func (c *Conn) observe() {}

func (c *Conn) binaryTypeChanged(BinaryType) {}

func (c *Conn) transmit(m Message) (bool, error) {
	data, text := content(m)
	op := frame.Binary
	if text {
		op = frame.Text
	}
	result := engine.Lost
	if e := c.endpoint.Load(); e != nil {
		result = e.Send(op, data)
	}
	switch result {
	case engine.Full:
		return false, ErrSlowPeer
	case engine.Lost:
		// The state is still Open because earlier events are not through. As in browsers, what is sent after the peer's Close
		// frame is dropped as if it had been sent, and what is sent on a lost connection stays buffered.
		dropped := c.peerClosed()
		c.mu.Lock()
		c.acceptedInAll += int64(len(data))
		if dropped {
			c.handedInAll += int64(len(data))
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

// owner is a Conn as its endpoint knows it. Only the endpoint refers to it, so its memory ends with that.
type owner struct {
	conn   *Conn
	memory memory // for whoever reads
}

func (o *owner) Received(batch []engine.Message) engine.Next {
	payloads := batches.Get().(*[]payload)
	for i := range batch {
		*payloads = append(*payloads, o.memory.keep(&batch[i]))
	}
	next := o.conn.received(*payloads)
	clear(*payloads)
	*payloads = (*payloads)[:0]
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
