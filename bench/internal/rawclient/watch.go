package rawclient

import (
	"errors"
	"sync/atomic"
	"time"
)

// Watch waits for messages that come to many connections at about the same time.
type Watch struct {
	left  atomic.Int64  // expected messages
	all   chan struct{} // the last one has come
	ended chan error    // a connection has ended
}

// ErrMissing is the error of Wait when it has waited long enough.
var ErrMissing = errors.New("messages are missing")

// NewWatch reads each connection in a goroutine, until it is closed.
func NewWatch(conns []*Conn) *Watch {
	w := &Watch{all: make(chan struct{}, 1), ended: make(chan error, len(conns))}
	for _, c := range conns {
		go func() {
			for {
				if _, err := c.Receive(1); err != nil {
					w.ended <- err
					return
				}
				if w.left.Add(-1) == 0 {
					w.all <- struct{}{}
				}
			}
		}()
	}
	return w
}

// Expect must be called before the messages come, and when none of the previous ones is outstanding.
func (w *Watch) Expect(messages int) { w.left.Store(int64(messages)) }

// Wait waits for all expected messages.
func (w *Watch) Wait(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-w.all:
		return nil
	case err := <-w.ended:
		return err
	case <-timer.C:
		return ErrMissing
	}
}
