// Package reconnect is the code of docs/reconnecting.md: a program that connects again when the connection is lost.
package reconnect

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/seed2c7e30c3/ws"
)

const (
	shortest = time.Second      // the first wait
	longest  = time.Minute      // no wait is longer
	stable   = 30 * time.Second // a connection that lived this long makes the next wait short again
)

// Run connects to url and calls session with the connection, again and again, until session returns nil or ctx ends.
// If session returns an error, Run connects again. If there must be no further attempt, for example after a close code
// that says so, session records the reason and returns nil. Run ends the connection when session returns. opts.OnClose
// is called for each attempt that failed and each connection that ended.
func Run(ctx context.Context, url string, opts *ws.Options, session func(context.Context, *ws.Conn) error) error {
	wake := make(chan struct{}, 1)
	stop := watch(wake)
	defer stop()
	wait := shortest
	for {
		begin := time.Now()
		c, err := ws.Dial(ctx, url, opts)
		if err == nil {
			err = session(ctx, c)
			c.CloseNow() // a session that says goodbye calls Shutdown before it returns
			if err == nil {
				return nil
			}
		} else if final(err) {
			return err
		}
		if time.Since(begin) > stable {
			wait = shortest
		}
		// Half of the wait is random, so that the clients of a server that restarts do not all come at once.
		timer := time.NewTimer(wait/2 + rand.N(wait/2))
		select {
		case <-timer.C:
		case <-wake:
			wait = shortest
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		wait = min(2*wait, longest)
	}
}

// final reports whether Dial would fail again in the same way: an option or the URL is wrong, or the server has
// refused. Browsers do not tell a refusal from a lost network, so there only the first is known.
func final(err error) bool {
	if _, ok := errors.AsType[*ws.Exception](err); ok {
		return true
	}
	refused, ok := errors.AsType[*ws.HandshakeError](err)
	return ok && refused.StatusCode >= 400 && refused.StatusCode < 500 && refused.StatusCode != 429
}
