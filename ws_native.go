//go:build !js

package ws

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/frame"
	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// NativeOptions are the settings that only the native implementation has.
type NativeOptions struct {
	// HTTPClient makes the opening handshake: its Transport has the TLS settings, proxy and dialler, its Timeout bounds the
	// handshake, its Jar gives and takes cookies. Redirects are never followed, whatever CheckRedirect says. When nil,
	// http.DefaultTransport is used, with the proxy that the environment names.
	HTTPClient *http.Client

	// Header has further request headers, Origin among them; none is sent otherwise. The headers of the handshake
	// itself cannot be set.
	Header http.Header

	// DisableCompression keeps permessage-deflate (RFC 7692) from being offered.
	DisableCompression bool

	// PingInterval is the time between pings. A connection whose pong has not come when the next ping is due is failed,
	// unless it is receiving a long message or has stopped reading (Options.ReadBuffer). 0 means no pings, as in browsers.
	PingInterval time.Duration

	// OnHandshake, if not nil, is called with the response that opens the connection, before OnOpen and before Dial
	// returns. It has no Body. The goroutine that connects waits for it. A response that does not open the connection
	// is a *HandshakeError.
	OnHandshake func(*http.Response)
}

// HandshakeError is the server's answer to an opening handshake that it did not accept. It is in CloseError.Err.
type HandshakeError = handshake.StatusError

// How long a connection that is to close waits for the peer. Nothing is bounded before the Close frame has been written:
// queued messages may take as long as they take. The values are those of Chromium.
const (
	// closeTimeout is for the peer's Close frame after ours. It begins again while data keeps arriving, closeExtensions times.
	closeTimeout    = 60 * time.Second
	closeExtensions = 4

	// disconnectTimeout is for the end of the TCP connection, which is the server's to close first (RFC 6455, section 7.1.1),
	// after both Close frames or after the connection was failed.
	disconnectTimeout = 2 * time.Second
)

var (
	errAbandoned    = errors.New("ws: closed before the connection was established")
	errCloseTimeout = errors.New("ws: the peer did not answer the Close frame in time")
	errPongTimeout  = errors.New("ws: no pong came for a ping")
)

// socket is the native half of a Conn. Who reads, parses and answers control frames is a matter of turn. A goroutine writes
// while there is something to write. An idle connection has one goroutine and no buffers.
type socket struct {
	cancel context.CancelFunc // ends the opening handshake
	conn   io.ReadWriteCloser // the upgraded connection: a net.Conn, unless the transport is the caller's own
	pinger *pinger            // nil without Options.Native.PingInterval
	late   atomic.Bool        // the pong may be: since the ping a long message was under way, or reading stopped
	heard  atomic.Bool        // something has been received since pingDue last looked

	// For whoever's turn it is to read.
	reader     frame.Reader
	in         []byte    // received and not yet parsed
	inBuf      *[]byte   // what in is a part of, if it is from receiveBuffers
	batch      []payload // parsed and not yet handed over
	batchBytes int       // of those that did not come in a burst
	busy       bool      // memory has been kept for more messages
	poll       poller
	smalls     int // small messages received before slabs were worth it
	slab       *slab

	// For whoever holds mu.
	turn       turn
	room       *sync.Cond // reading may go on; nil until something waits for that
	discarding bool       // what still arrives is ignored
	out        outgoing
	deflater   *deflate.Deflater
	closing    closing
	pongDue    bool   // a ping is unanswered
	pings      uint32 // number of the last ping, its payload
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
	c.turn.taken = true // by open, for the goroutine that it will start
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

// open makes the opening handshake and starts the goroutine that reads.
func (c *Conn) open(ctx context.Context, config *handshake.Config, interval time.Duration) {
	res, err := handshake.Dial(ctx, config)
	abandoned := ctx.Err() != nil
	c.cancel()
	if err != nil {
		if abandoned {
			err = errAbandoned
		}
		c.notOpened(err)
		return
	}
	c.conn = res.Stream
	c.in = res.Early
	c.poll.init(c)
	c.turn.stoppable = handshake.ObeysDeadlines(res.Stream)
	c.out.atOnce = true
	var inflater *deflate.Inflater
	if res.Deflated {
		inflater = deflate.NewInflater(!res.Deflate.ServerNoContextTakeover)
		c.deflater = deflate.NewDeflater(res.Deflate.ClientMaxWindowBits, !res.Deflate.ClientNoContextTakeover)
	}
	c.reader.Init(frame.Client, c.messageLimit, inflater)
	ok, run := c.opened(res.Protocol, res.Extensions)
	if !ok {
		c.conn.Close()
		c.notOpened(errAbandoned)
		return
	}
	c.mu.Lock()
	c.cancel = nil
	if interval > 0 {
		c.pinger = &pinger{time.AfterFunc(interval, c.pingDue), interval}
	}
	c.mu.Unlock()
	// A goroutine of its own: the stack of this one has grown during the handshake, by 2 KiB a connection.
	go c.readLoop()
	if run {
		c.deliverOpen()
	}
}

func (c *Conn) notOpened(err error) {
	c.mu.Lock()
	run := c.postClosed(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}, Err: err}, true)
	c.mu.Unlock()
	if run {
		c.deliver()
	}
}

// abandon ends the handshake; open sees the state and reports the failure.
func (c *Conn) abandon() { c.cancel() }

func (c *Conn) observe() {}

func (c *Conn) binaryTypeChanged() {}

type pinger struct {
	*time.Timer
	interval time.Duration
}

// pingDue runs once every PingInterval.
func (c *Conn) pingDue() {
	c.mu.Lock()
	if c.ended || c.closing.queued {
		c.mu.Unlock()
		return
	}
	heard := c.heard.Swap(false)
	switch {
	case !c.pongDue:
		c.late.Store(false)
		c.sendPing()
		c.readOn() // the pong is due within the interval
	case c.full() || c.late.Load() && heard:
		// The pong may be behind what has not been read yet.
	default:
		run := c.fail(0, "", errPongTimeout)
		c.mu.Unlock()
		if run {
			c.deliver()
		}
		return
	}
	c.pinger.Reset(c.pinger.interval)
	c.mu.Unlock()
}

// hardClose ends the TCP connection now; whoever reads then reports what there is to report.
func (c *Conn) hardClose() {
	c.readOn()
	if t, ok := c.conn.(*net.TCPConn); ok {
		t.Close()
		return
	}
	// Close of a TLS connection may wait for the peer to take the alert.
	go c.conn.Close()
}

// payload is a received message that has not been delivered: text, or if array is not nil, binary.
type payload struct {
	text  Text
	array *ArrayBuffer
}

func (p payload) size() int64 {
	if p.array != nil {
		return int64(len(p.array.data))
	}
	return int64(len(p.text))
}
