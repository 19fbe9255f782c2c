package ws

import (
	"context"
	"errors"
	"strconv"
	"unicode/utf8"
)

// The ways to end a connection, and to learn how it has ended.

// maxReason is the longest close reason in bytes: a control frame's 125 without the code (RFC 6455, section 5.5).
const maxReason = 123

// Close starts the closing handshake without a status code, as close() does (WHATWG WebSockets, section 3.1). In the
// state Connecting it abandons the attempt to connect, which then fails. In Closing and Closed it does nothing. The
// error is always nil.
//
// Close does not wait. Messages sent earlier still leave; the Close frame follows them, and then the connection waits
// for the peer's Close frame. Unread messages are dropped, and so are those that arrive from now on. Natively, on TCP
// and TLS, whatever the network takes at once has been given to it when Close returns, up to 1 MiB (4 KiB over TLS). So
// a small program that exits right after Close has still sent its Close frame. To be sure that all messages leave, use
// [Conn.Shutdown]. A closing connection ends by itself; [Conn.Wait] lists the time limits.
//
// Close, CloseWith and CloseNow may be called inside a js.FuncOf.
func (c *Conn) Close() error {
	c.close(StatusNoStatusRcvd, "")
	return nil
}

// CloseWith is like [Conn.Close], with a status code and a reason for the peer: close(code, reason).
//
// If it returns an error, nothing has happened. The error is an *Exception: ErrInvalidAccess for a code other than 1000
// and 3000 to 4999, ErrSyntax for a reason that is longer than 123 bytes or not valid UTF-8. The arguments are checked
// in every state. On a connection that a server has accepted, natively, the codes 1001, 1002, 1003, 1007 to 1009, and
// 1011 to 1014 are allowed too.
func (c *Conn) CloseWith(code StatusCode, reason string) error {
	if err := checkClose(code, reason, c.isServer()); err != nil {
		return err
	}
	c.close(code, reason)
	return nil
}

// Shutdown ends a connection without losing anything that was sent. It closes the connection as [Conn.CloseWith] does
// and waits until it has ended. In the state Closing it only waits. While Connecting it is like [Conn.Close].
//
// Shutdown returns nil after a clean close by either side, and the *CloseError otherwise, even if the connection was
// closed before the call. If ctx ends first, or has already ended, Shutdown ends the connection with [Conn.CloseNow]
// and returns ctx.Err(). For a bad code or reason it returns the error that CloseWith returns, for a nil ctx a
// "TypeError" *Exception; in both cases nothing has happened.
//
// Shutdown may be called in a handler of the connection, because it does not wait for handlers: OnClose is called when
// that handler has returned. It must not be called inside a js.FuncOf, where it deadlocks.
func (c *Conn) Shutdown(ctx context.Context, code StatusCode, reason string) error {
	if err := checkClose(code, reason, c.isServer()); err != nil {
		return err
	}
	switch err := checkContext(ctx); {
	case ctx == nil:
		return err
	case err != nil:
		c.CloseNow()
		return err
	}
	c.close(code, reason)
	ended := c.endedChannel()
	select {
	case <-ended:
	case <-ctx.Done():
		select {
		case <-ended:
		default:
			c.CloseNow()
			return ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end.WasClean {
		return nil
	}
	return c.end
}

// CloseNow ends the connection at once, without a closing handshake. Use it with defer to release the connection on
// every return. Nothing more is sent or received: natively the TCP connection is closed and what is queued is dropped;
// a browser may still send what it has queued. Unread messages are dropped. BufferedAmount keeps its value.
//
// OnClose is called with code 1006 and WasClean false, whatever the peer has said; OnError is not called.
// CloseError.Err is ErrClosedNow. While Connecting, CloseNow is like [Conn.Close]. If the connection has already ended,
// it does nothing. The error is always nil.
func (c *Conn) CloseNow() error {
	c.mu.Lock()
	if c.end != nil {
		c.mu.Unlock()
		return nil
	}
	before := c.readyState()
	c.setState(Closing)
	c.dropUnread()
	if before == Connecting {
		c.mu.Unlock()
		c.abandon()
		return nil
	}
	c.postEnd(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}, Err: ErrClosedNow}, !c.established)
	c.mu.Unlock()
	c.abort()
	return nil
}

// checkClose returns the error for a close code or reason that close() does not take.
func checkClose(code StatusCode, reason string, server bool) error {
	switch {
	case !userCode(code) && !server:
		return exception(ErrInvalidAccess,
			"the close code "+strconv.Itoa(int(code))+" is neither 1000 nor between 3000 and 4999")
	case !userCode(code) && !serverCode(code):
		return exception(ErrInvalidAccess, "the close code "+strconv.Itoa(int(code))+" is not one that a server may send")
	case len(reason) > maxReason:
		return exception(ErrSyntax,
			"the close reason has "+strconv.Itoa(len(reason))+" bytes, more than "+strconv.Itoa(maxReason))
	case !utf8.ValidString(reason):
		return exception(ErrSyntax, "the close reason "+strconv.Quote(reason)+" is not valid UTF-8")
	}
	return nil
}

// userCode reports whether close() takes the code.
func userCode(code StatusCode) bool {
	return code == StatusNormalClosure || code >= 3000 && code <= 4999
}

// serverCode reports whether a server's Conn takes the code too: it may stand in a Close frame (RFC 6455, section 7.4),
// and is not reserved for clients, as 1010 is.
func serverCode(code StatusCode) bool {
	switch code {
	case StatusGoingAway, StatusProtocolError, StatusUnsupportedData, StatusInvalidFramePayloadData, StatusPolicyViolation,
		StatusMessageTooBig, StatusInternalError, StatusServiceRestart, StatusTryAgainLater, StatusBadGateway:
		return true
	}
	return false
}

// close is the algorithm of close() after its checks. StatusNoStatusRcvd stands for no code.
func (c *Conn) close(code StatusCode, reason string) {
	c.observe()
	c.mu.Lock()
	before := c.readyState()
	if before == Closing || before == Closed {
		c.mu.Unlock()
		return
	}
	c.setState(Closing)
	c.dropUnread()
	c.mu.Unlock()
	if before == Connecting {
		c.abandon()
	} else {
		c.startClosing(code, reason)
	}
}

// Wait waits until the connection is closed and returns its close event. If ctx ends first, it returns ctx.Err() and
// leaves the connection as it was.
//
// A closing connection ends by itself. Natively these limits apply, one after the other:
//
//   - While messages or the Close frame are still to be written, the peer must take at least one byte in 120 seconds,
//     and 64 KiB a minute on average. On Linux a byte counts as taken when the peer's system has acknowledged it,
//     elsewhere when this system has taken it.
//   - The peer then has 60 seconds to answer the Close frame, and up to five times as long while it goes on sending. A
//     server waits AcceptOptions.CloseTimeout instead.
//   - The peer then has 2 seconds to end the TCP connection. A server ends its half of it first, and does not wait for
//     the rest before the close event.
//
// Browsers have time limits of their own.
//
// Wait must not be called inside a js.FuncOf, where it deadlocks.
func (c *Conn) Wait(ctx context.Context) (CloseEvent, error) {
	if err := checkContext(ctx); err != nil {
		return CloseEvent{}, err
	}
	select {
	case <-c.Done():
		return c.end.CloseEvent, nil
	case <-ctx.Done():
		return CloseEvent{}, ctx.Err()
	}
}

// Done returns a channel that is closed when the connection is closed, before OnError and OnClose are called.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.readyState() == Closed {
			close(c.done)
		}
	}
	return c.done
}

// endedChannel returns a channel that is closed when the connection has ended. A handler may not know of the end yet.
func (c *Conn) endedChannel() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.endedChan == nil {
		c.endedChan = make(chan struct{})
		if c.end != nil {
			close(c.endedChan)
		}
	}
	return c.endedChan
}

// Err returns nil until the connection is closed. From then on it returns the *CloseError, even after a clean close.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readyState() != Closed {
		return nil
	}
	return c.end
}

// CloseStatus returns the close code of the *CloseError in err, or 0 if there is none. Use it to learn from the error
// of any method how the connection was closed:
//
//	if ws.CloseStatus(err) == ws.StatusNormalClosure {
func CloseStatus(err error) StatusCode {
	var closed *CloseError
	if !errors.As(err, &closed) || closed == nil {
		return 0
	}
	return closed.Code
}

// checkContext returns the error of a context that is nil or has ended.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return typeError("the context is nil")
	}
	return ctx.Err()
}

// contextError returns the error of an operation that ctx has ended: ctx.Err(), with the cause that the program has
// given.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	cause := context.Cause(ctx)
	if cause == err {
		return err
	}
	return &endedContext{err, cause}
}

type endedContext struct{ err, cause error }

func (e *endedContext) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *endedContext) Unwrap() []error { return []error{e.err, e.cause} }
