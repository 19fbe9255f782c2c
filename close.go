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

// Close starts the closing handshake without a status code, as close() does (WHATWG WebSockets, section 3.1), or
// abandons the attempt to connect, which then fails. In Closing and Closed it does nothing. The error is always
// nil.
//
// Close does not wait. Messages sent before still leave, then the Close frame, then the peer's Close frame is
// awaited. Unread messages are dropped, and so are those that arrive from now on. Natively, on TCP and TLS, what
// the network takes at once has been given to it when Close returns, up to 1 MiB (4 KiB over TLS); so a small
// program that ends right after Close has said goodbye. To be sure that all messages leave, use [Conn.Shutdown].
// Everything ends by itself, see [Conn.Wait].
//
// Close, CloseWith and CloseNow may be called inside a js.FuncOf.
func (c *Conn) Close() error {
	c.close(StatusNoStatusRcvd, "")
	return nil
}

// CloseWith is [Conn.Close] with a status code and a reason for the peer: close(code, reason).
//
// The error is an *Exception, and then nothing has happened: ErrInvalidAccess for a code other than 1000 and 3000 to
// 4999, ErrSyntax for a reason that is longer than 123 bytes or not valid UTF-8, each in every state. A connection that
// a server has accepted, natively, also takes 1001, 1002, 1003, 1007 to 1009, and 1011 to 1014.
func (c *Conn) CloseWith(code StatusCode, reason string) error {
	if err := checkClose(code, reason, c.isServer()); err != nil {
		return err
	}
	c.close(code, reason)
	return nil
}

// Shutdown is the way to end a connection when nothing that was sent may be lost: it is [Conn.CloseWith], and then
// it waits until the connection has ended. In Closing it only waits. While Connecting it is Close.
//
// It returns nil after a clean close, by either side, and otherwise the *CloseError; of a connection that is
// already closed too. When ctx ends first, or has ended already, it ends the connection by [Conn.CloseNow] and
// returns ctx.Err(). A bad code or reason is the error that CloseWith returns, a nil ctx a "TypeError" *Exception,
// and then nothing has happened.
//
// Shutdown may be called in a handler of the connection: it does not wait for handlers. OnClose is called when that
// handler has returned. It must not be called inside a js.FuncOf, where it deadlocks.
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

// CloseNow ends the connection at once, without a closing handshake. Nothing more is sent or received: natively the
// TCP connection is closed and what is queued is dropped; a browser may still send what it has queued. Unread
// messages are dropped. BufferedAmount keeps its value.
//
// OnClose is called, with code 1006 and not clean, whatever the peer has said, and no OnError. CloseError.Err is
// ErrClosedNow. While Connecting, CloseNow is Close. When the connection has ended, it does nothing. The error is
// always nil.
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

// checkClose returns the error of a close code and reason that close() does not take.
func checkClose(code StatusCode, reason string, server bool) error {
	switch {
	case !userCode(code) && !server:
		return exception(ErrInvalidAccess,
			"the close code "+strconv.Itoa(int(code))+" is neither 1000 nor between 3000 and 4999")
	case !userCode(code) && !serverCode(code):
		return exception(ErrInvalidAccess, "the close code "+strconv.Itoa(int(code))+" is none that a server sends")
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
// and is not for clients alone, as 1010 is.
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

// Wait waits until the connection is closed and returns its close event. It returns ctx.Err() if ctx ends first, which
// leaves the connection as it was.
//
// A connection that is closing ends by itself. As long as messages or the Close frame wait to be written, natively,
// the peer must take at least one byte in 120 seconds and on average 64 KiB a minute; then it has 60 seconds to
// answer the Close frame, and up to five times as long while it goes on sending; then 2 seconds to end the TCP
// connection. A server waits AcceptOptions.CloseTimeout for the answer, and ends the TCP connection itself. On Linux a
// byte counts as taken when the peer's system has acknowledged it, elsewhere when this system has taken it. The time
// that browsers wait is theirs to choose.
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

// endedChannel returns a channel that is closed when the connection has ended, which a handler may still not know.
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

// Err returns nil until the connection is closed, and from then on its *CloseError, also after a clean close.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readyState() != Closed {
		return nil
	}
	return c.end
}

// CloseStatus returns the code of the *CloseError in err, or 0 if there is none. So it tells how a connection was
// closed from the error of any method:
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

// contextError is the error of an operation that ctx has ended: ctx.Err(), with the cause that the program has given.
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
