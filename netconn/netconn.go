// Package netconn makes a WebSocket connection a net.Conn: its messages are one stream of bytes.
//
// TLS, HTTP/2, SSH, gob or any other stream protocol can then run over a WebSocket, from a browser too. The peer
// must do the same: what it has, it sends as binary messages, whose boundaries mean nothing.
package netconn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// WriteBuffer is the number of bytes not yet given to the network above which Write waits.
const WriteBuffer = 1 << 20

// New returns c, which must be open and have no Options.OnMessage, as a net.Conn. From then on the messages are the
// net.Conn's to read. Its methods may be called from several goroutines.
//
// Read returns the bytes of one message after the other. Binary messages and the UTF-8 of text messages are all the
// same to it, and empty messages are skipped. A message that arrives as a *ws.Blob is first copied into memory
// whole. After a close with code 1000, 1001 or without a code (1005) the error is io.EOF, after any other close the
// *ws.CloseError; the bytes that came before are read first. Messages that nobody reads are in memory: without bound in a
// browser, natively up to ws.Options.ReadBuffer.
//
// Write sends p as one binary message, or, if p is empty, nothing. It first waits until at most WriteBuffer bytes
// are not yet given to the network, so it holds back a program that writes more than the peer takes (not in
// WebKitGTK, whose network process takes everything at once). Either the whole message has been queued and the
// error is nil, or nothing has been sent and n is 0. That a message has been queued does not say that it arrives.
// Once the connection is closing or closed, the error is ws.ErrInvalidState or the *ws.CloseError.
//
// A deadline ends the calls that wait, also those that began before it was set, and makes later ones fail, with
// os.ErrDeadlineExceeded. Nothing is lost by that: a later deadline, or none, makes Read and Write go on where they
// were.
//
// Close closes c with code 1000 and does not wait: what was written before still leaves, then the Close frame.
// Reads and Writes that wait, and all later ones, return net.ErrClosed at once, and so do the setters of deadlines;
// bytes not yet read are dropped. Closing again does nothing. The error is always nil. To learn when the connection
// has ended, wait for c.Done.
//
// Errors other than io.EOF are in a *net.OpError. No browser tells addresses, so RemoteAddr has the connection's
// URL, without user name and password, and LocalAddr is "unknown"; the Network of both is "websocket".
func New(c *ws.Conn) net.Conn {
	return &conn{
		ws:         c,
		remote:     addr(withoutCredentials(c.URL())),
		reading:    make(chan struct{}, 1),
		writing:    make(chan struct{}, 1),
		readLimit:  newLimit(),
		writeLimit: newLimit(),
	}
}

type conn struct {
	ws     *ws.Conn
	remote addr

	// reading and writing are locks, as channels because waiting for one must end at a deadline.
	reading, writing      chan struct{}
	readLimit, writeLimit *limit

	// With reading held: what Read has taken from ws and not yet returned.
	rest []byte
	blob *ws.Blob // not yet in memory
}

func (c *conn) Read(p []byte) (int, error) {
	end := c.readLimit.current()
	if len(p) == 0 {
		if end.Err() == context.Canceled {
			return 0, c.failure("read", end, end.Err())
		}
		return 0, nil
	}
	if err := acquire(end, c.reading); err != nil {
		return 0, c.failure("read", end, err)
	}
	defer release(c.reading)
	for len(c.rest) == 0 {
		if err := c.next(end); err != nil {
			return 0, c.failure("read", end, err)
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// next makes the next message rest.
func (c *conn) next(end *ending) (err error) {
	if c.blob != nil {
		// An error leaves the Blob for the next Read.
		if c.rest, err = c.blob.Bytes(end); err == nil {
			c.blob = nil
		}
		return err
	}
	m, err := c.ws.Read(end)
	switch m := m.(type) {
	case ws.Text:
		c.rest = []byte(m)
	case *ws.ArrayBuffer:
		c.rest = m.Bytes()
	case *ws.Blob:
		c.blob = m
	}
	return err
}

func (c *conn) Write(p []byte) (int, error) {
	end := c.writeLimit.current()
	if err := acquire(end, c.writing); err != nil {
		return 0, c.failure("write", end, err)
	}
	defer release(c.writing)
	if err := c.ws.Drain(end, WriteBuffer); err != nil {
		return 0, c.failure("write", end, err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := c.ws.Send(ws.Bytes(p)); err != nil {
		if closed := c.ws.Err(); closed != nil {
			err = closed
		}
		return 0, c.failure("write", end, err)
	}
	return len(p), nil
}

// failure is the error of a call that failed with err, where end was its context.
func (c *conn) failure(op string, end *ending, err error) error {
	var closed *ws.CloseError
	switch {
	case c.readLimit.current().Err() == context.Canceled:
		err = net.ErrClosed // whatever else happened
	case err == end.Err():
		err = os.ErrDeadlineExceeded
	case op == "read" && errors.As(err, &closed) && isEnd(closed.CloseEvent):
		return io.EOF
	}
	return &net.OpError{Op: op, Net: c.remote.Network(), Addr: c.remote, Err: err}
}

// isEnd tells whether the peer ended the stream, as opposed to having lost it.
func isEnd(e ws.CloseEvent) bool {
	switch e.Code {
	case ws.StatusNormalClosure, ws.StatusGoingAway, ws.StatusNoStatusRcvd:
		return e.WasClean
	}
	return false
}

func (c *conn) Close() error {
	c.readLimit.close()
	c.writeLimit.close()
	return c.ws.CloseWith(ws.StatusNormalClosure, "")
}

func (c *conn) LocalAddr() net.Addr { return addr("unknown") }

func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error { return c.set(c.readLimit, t) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.set(c.writeLimit, t) }

func (c *conn) set(l *limit, t time.Time) error {
	if !l.set(t) {
		return &net.OpError{Op: "set", Net: c.remote.Network(), Addr: c.remote, Err: net.ErrClosed}
	}
	return nil
}

// acquire takes a lock, unless end comes first.
func acquire(end context.Context, lock chan struct{}) error {
	if err := end.Err(); err != nil {
		return err
	}
	select {
	case lock <- struct{}{}:
		return nil
	case <-end.Done():
		return end.Err()
	}
}

func release(lock chan struct{}) { <-lock }

type addr string

func (addr) Network() string  { return "websocket" }
func (a addr) String() string { return string(a) }

// withoutCredentials cuts user name and password out of a serialised URL, in which they cannot have an "@" or "/".
func withoutCredentials(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	authority, path, slash := strings.Cut(rest, "/")
	if _, host, found := strings.Cut(authority, "@"); found {
		authority = host
	}
	if slash {
		path = "/" + path
	}
	return scheme + "://" + authority + path
}
