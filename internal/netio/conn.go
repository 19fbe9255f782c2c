//go:build !js

// Package netio is the byte stream below a native connection: a net.Conn, used in ways that package net does not offer.
//
// It waits for bytes without holding a buffer for them, so that an idle connection has none. It writes what can be
// written without waiting. And it tells how much of what was written the network has taken. All of this works for TCP,
// and partly for TLS on top of TCP; for every other connection there is a safe fallback.
package netio

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
)

var _ engine.Stream = (*Conn)(nil)

const (
	// tlsInline is the most that TryWrite writes over TLS. It must not exceed what a poll promises: see writable.
	tlsInline = 4 << 10

	// writePiece is how much of a large write goes at once to a connection whose progress cannot be seen otherwise. It is
	// the length of a TLS record, so over TLS the number of system calls stays the same.
	writePiece = 16 << 10
)

// Conn is a connection. One goroutine at a time may read, and one may write. The other methods may be called at any
// time.
type Conn struct {
	stream     io.ReadWriteCloser
	tcp        tcpSocket   // not known unless stream is a TCP connection or on top of one
	direct     bool        // stream is the TCP connection itself
	expectWait bool        // ExpectWait was called, and nothing has been read since. For whoever reads
	waiting    atomic.Bool // a read is under way, and as far as we know nothing has arrived for it
	written    atomic.Int64
	attempt    readAttempt // if direct
	blind      *blindRead  // for any other stream
}

// New returns a Conn on top of stream: a *net.TCPConn, a *tls.Conn, or anything else that can be read and written.
func New(stream io.ReadWriteCloser) *Conn {
	c := &Conn{stream: stream}
	switch s := stream.(type) {
	case *net.TCPConn:
		c.tcp.init(s)
		if c.direct = c.tcp.known(); c.direct {
			c.initAttempt()
			return c
		}
	case *tls.Conn:
		if below, ok := s.NetConn().(*net.TCPConn); ok {
			c.tcp.init(below)
			c.tcp.limitInline()
		}
	}
	c.blind = new(blindRead)
	return c
}

// ReadSome waits for bytes and returns them. They are in memory of b if b.Get was called, otherwise in memory of c that
// the next call reuses. If there are no bytes, there is an error.
func (c *Conn) ReadSome(b engine.Buffers) ([]byte, error) {
	defer c.waiting.Store(false)
	if c.direct {
		return c.readDirect(b)
	}
	return c.readBlind(b)
}

// blindRead has the memory of readBlind.
type blindRead struct {
	first    [64]byte
	from, to uint8 // the part of first that readAhead has read
	more     bool  // first was full: more has probably arrived
}

// readBlind reads from a connection that cannot tell beforehand whether there is something: the first bytes go into a
// small buffer of c, and a large buffer is taken only when that is full.
func (c *Conn) readBlind(b engine.Buffers) ([]byte, error) {
	if ahead := c.blind.ahead(); len(ahead) > 0 {
		c.blind.from = c.blind.to
		return ahead, nil
	}
	buf := c.blind.first[:]
	if c.blind.more {
		buf = b.Get()
	} else {
		b.Idle()
	}
	c.waiting.Store(true)
	if c.expectWait {
		c.expectWait = false
		c.tcp.awaitReadable()
	}
	n, err := c.stream.Read(buf)
	// Asking whether there is more of a flood costs less than it saves: receiving 1 KiB over TLS takes 10 to 15 % less
	// time.
	c.blind.more = n == len(buf) || c.blind.more && c.tcp.known() && c.tcp.readable()
	if n > 0 {
		return buf[:n], nil
	}
	return nil, orNoProgress(err)
}

func (b *blindRead) ahead() []byte { return b.first[b.from:b.to] }

// readAhead reads what TLS has read from the network before. If that is nothing, it reports true.
func (c *Conn) readAhead() (nothing bool) {
	b := c.blind
	if len(b.ahead()) > 0 {
		return false
	}
	c.SetReadDeadline(time.Unix(1, 0)) // so that the TCP connection is not read from
	n, err := c.stream.Read(b.first[:])
	c.SetReadDeadline(time.Time{})
	b.from, b.to, b.more = 0, uint8(n), n == len(b.first)
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded) // the next read gets any other error again
}

// Read reads into p, and waits until there is something.
func (c *Conn) Read(p []byte) (int, error) {
	if c.blind != nil {
		if n := copy(p, c.blind.ahead()); n > 0 {
			c.blind.from += uint8(n)
			return n, nil
		}
	}
	c.expectWait = false // TLS may read more than p, which the next ReadSome must not wait for
	c.waiting.Store(true)
	n, err := c.stream.Read(p)
	c.waiting.Store(false)
	if n > 0 {
		return n, nil
	}
	return 0, orNoProgress(err)
}

func orNoProgress(err error) error {
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// Quiet reports whether a read waits and nothing has arrived for it. It may report true for a moment while bytes are on
// their way from the system to the reader; ask twice where that matters.
func (c *Conn) Quiet() bool {
	return c.waiting.Load() && (!c.tcp.known() || !c.tcp.readable())
}

// ExpectWait says that the next read probably waits for long, on a goroutine that has done nothing yet. If it is a
// ReadSome, it then takes no buffer first, and over TLS it waits for the TCP connection below: crypto/tls reads on a
// stack of 4 KiB, which the goroutine would keep meanwhile. Only whoever reads may call it.
func (c *Conn) ExpectWait() { c.expectWait = c.direct || c.tcp.known() && c.readAhead() }

// Write writes all of the buffers, and may change the slice. What has been written counts in Written before Write
// returns.
func (c *Conn) Write(buffers [][]byte) error {
	if c.direct {
		return c.tcp.writeAll(buffers, &c.written)
	}
	for _, p := range buffers {
		for len(p) > 0 {
			piece := p[:min(len(p), writePiece)]
			began := time.Now()
			n, err := c.stream.Write(piece)
			c.written.Add(int64(n))
			if err != nil {
				return err
			}
			if c.tcp.known() {
				c.tcp.waitedFor(time.Since(began))
			}
			p = p[len(piece):]
		}
	}
	return nil
}

// TryLimit returns how many bytes may be passed to TryWrite: 0 if it cannot be known whether a write would wait.
func (c *Conn) TryLimit() int {
	switch {
	case c.direct:
		return int(^uint(0) >> 1)
	case c.tcp.known():
		return int(c.tcp.inlineLimit)
	}
	return 0
}

// TryWrite writes as much of p as can be written without waiting. If p is longer than TryLimit, it writes nothing.
func (c *Conn) TryWrite(p []byte) (n int, err error) {
	switch {
	case c.direct:
		n, err = c.tcp.tryWrite(p)
	case c.tcp.known() && len(p) <= int(c.tcp.inlineLimit) && c.tcp.writable():
		n, err = c.stream.Write(p)
	}
	c.written.Add(int64(n))
	return n, err
}

// Written returns how many bytes have been written.
func (c *Conn) Written() int64 { return c.written.Load() }

// Taken returns how many of the bytes written the peer's system has acknowledged. If that is unknown, it returns the
// same as Written. Over TLS it may be less by what encryption adds.
func (c *Conn) Taken() int64 {
	written := c.written.Load()
	if c.tcp.known() {
		written -= int64(c.tcp.unacknowledged())
	}
	return written
}

// TakeMore lets the system keep more unsent bytes than otherwise: see notsentLow. It is for the last bytes of a
// connection, which nothing has to overtake.
func (c *Conn) TakeMore() {
	if c.tcp.known() {
		c.tcp.takeMore()
	}
}

// Stoppable reports whether a read is known to end at its deadline: on a connection of package net, or TLS on top
// of one. Connections of a caller's dialler may refuse deadlines (as x/crypto/ssh does) or ignore them.
func (c *Conn) Stoppable() bool { return ObeysDeadlines(c.stream) }

// ObeysDeadlines is like Stoppable, for a connection that is not in a Conn.
func ObeysDeadlines(conn io.ReadWriteCloser) bool {
	for {
		switch c := conn.(type) {
		case *net.TCPConn, *net.UnixConn:
			return true
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return false
		}
	}
}

// SetReadDeadline sets the read deadline of a connection that is Stoppable. It fails only on one that has been
// closed: then the next read fails too.
func (c *Conn) SetReadDeadline(t time.Time) {
	if d, ok := c.stream.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(t)
	}
}

// CloseWrite tells the peer that nothing follows, without dropping what is still on its way. It may wait, over TLS.
// It returns errors.ErrUnsupported if the connection cannot do that.
func (c *Conn) CloseWrite() error {
	half, ok := c.stream.(halfCloser)
	if !ok {
		return errors.ErrUnsupported
	}
	err := half.CloseWrite()
	if s, ok := c.stream.(*tls.Conn); ok && err == nil {
		// TLS has only sent its alert.
		if below, ok := s.NetConn().(halfCloser); ok {
			err = below.CloseWrite()
		}
	}
	return err
}

type halfCloser interface{ CloseWrite() error }

// Close closes the connection. It may wait: with SO_LINGER for the peer, over TLS for the peer to take the alert.
func (c *Conn) Close() error { return c.stream.Close() }

// Abort closes the connection without saying goodbye on any layer above TCP. It may wait, with SO_LINGER.
func (c *Conn) Abort() error {
	if s, ok := c.stream.(*tls.Conn); ok {
		return s.NetConn().Close()
	}
	return c.stream.Close()
}
