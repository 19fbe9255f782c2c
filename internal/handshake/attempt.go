//go:build !js

package handshake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// placeholder is the URL that is passed to coder/websocket. That package does not parse URLs by the URL standard, so
// the attempt puts in the real one.
const placeholder = "ws://localhost/"

// attempt is one opening handshake under way, in the goroutine that has called Dial. Every function of the caller
// (dialler, proxy, RoundTripper, callbacks of TLS) is called with the attempt's context, or with one that a
// RoundTripper has derived from it.
//
// It is over when it has succeeded or failed. Failure ends the context and closes the connections at once, whatever
// waits for them. Success ends nothing: the connection belongs to the Result, and the context never ends, because a
// dialler or a RoundTripper may have bound what it made to that context.
type attempt struct {
	cfg           *Config
	authorization string          // the field's value, or ""
	ctx           context.Context // an *attemptContext
	cancel        context.CancelCauseFunc
	dial          context.Context // Dial's
	detach        func() bool     // ends the watch of dial

	// These are set by RoundTrip for run.
	result  *Result
	refusal *StatusError
	err     error

	mu     sync.Mutex
	over   bool
	cause  error       // why it has failed, if RoundTrip returns something else
	opened []io.Closer // connections that the attempt has to close
}

// attemptContext has the values and the deadline of Dial's context, and ends when the attempt fails.
type attemptContext struct {
	context.Context
	dial context.Context
}

// Deadline returns the deadline of Dial's context.
func (c *attemptContext) Deadline() (time.Time, bool) { return c.dial.Deadline() }

// Err distinguishes a deadline from a cancellation, as Dial's context does.
func (c *attemptContext) Err() error {
	err := c.Context.Err()
	if err != nil && c.dial.Err() != nil {
		err = c.dial.Err()
	}
	return err
}

// newAttempt begins an attempt, which ends when ctx does.
func newAttempt(ctx context.Context, cfg *Config, authorization string) *attempt {
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	a := &attempt{cfg: cfg, authorization: authorization, ctx: &attemptContext{own, ctx}, cancel: cancel, dial: ctx}
	a.mu.Lock() // it may fail at once
	defer a.mu.Unlock()
	a.detach = context.AfterFunc(ctx, func() { a.fail(context.Cause(ctx)) })
	return a
}

// run makes the attempt.
func (a *attempt) run() (*Result, error) {
	defer a.fail(nil) // does nothing after success; needed also if a function of the caller has ended the goroutine
	conn, _, err := websocket.Dial(a.ctx, placeholder, &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: a},
		Subprotocols: a.cfg.Protocols,
	})
	switch {
	case a.err != nil:
		err = a.err // without what net/http and coder/websocket say about the placeholder
	case err != nil && a.result != nil:
		a.refusal = &StatusError{StatusCode: http.StatusSwitchingProtocols, Header: a.result.Response.Header, Cause: err}
		err = a.cfg.refused(a.refusal)
	case err == nil:
		// Its stream is idle, so this returns at once and only gives back its buffers.
		err = conn.CloseNow()
	}
	if err == nil && a.succeed() {
		return a.result, nil
	}
	if cause := a.failure(); cause != nil {
		err = cause
	}
	return nil, contextError(a.dial, err)
}

// fail ends the attempt, its context and its connections, unless it is over. cause may be nil.
func (a *attempt) fail(cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return
	}
	a.over, a.cause = true, cause
	a.detach()
	a.cancel(cause)
	for _, c := range a.opened {
		abort(c)
	}
}

// abort closes a connection that is given up; errors no longer matter. Over TLS it sends no alert, because that may
// wait.
func abort(c io.Closer) {
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	_ = c.Close()
}

// failure is the cause given to fail.
func (a *attempt) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cause
}

// succeed hands the connection over, and reports false if the attempt has failed before.
func (a *attempt) succeed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || !a.detach() {
		return false
	}
	a.over, a.opened = true, nil
	return true
}

// adopt makes the attempt responsible for closing a connection. If the attempt is over, it closes the connection and
// reports false.
func (a *attempt) adopt(c io.Closer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		abort(c)
		return false
	}
	a.opened = append(a.opened, c)
	return true
}

// within calls f, and fails the attempt if f has not returned after limit; 0 means no limit. f has to return when the
// connections are closed. what describes for the error what f waits for.
func (a *attempt) within(limit time.Duration, what string, f func() error) error {
	if limit <= 0 {
		return f()
	}
	timer := time.AfterFunc(limit, func() { a.fail(nil) })
	err := f()
	if !timer.Stop() {
		return fmt.Errorf("no %s within %v: %w", what, limit, os.ErrDeadlineExceeded)
	}
	return err
}

// contextError returns ctx's error, with its cause, if ctx has ended, because err is then a mere consequence. Otherwise
// it returns err.
func contextError(ctx context.Context, err error) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) && ctx.Done() != nil {
		// A dialler that knows the deadline may fail a moment before the context ends.
		<-ctx.Done()
	}
	if ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return context.Cause(ctx)
}
