//go:build !js

package ws

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// closing is how far the end of a connection has come. mu guards it.
type closing struct {
	queued   bool        // our Close frame is in the outgoing queue, or has been
	sent     bool        // it has been written
	received *CloseEvent // what the peer's says
	timedOut bool
	progress atomic.Bool // something has been written or received since the timer was started
	timer    *closeTimer
}

type closeTimer struct {
	*time.Timer
	extensions int // of closeTimeout
}

func (c *Conn) startClosing(code StatusCode, reason string) {
	c.queueClose(code, reason)
	c.readOn()
	c.roomMade()
}

// queueClose queues the Close frame behind all messages. After it nothing is sent (RFC 6455, section 5.5.1).
func (c *Conn) queueClose(code StatusCode, reason string) {
	if c.closing.queued || c.out.broken {
		return
	}
	c.closing.queued = true
	c.appendFrame(frame.Close, false, frame.AppendClose(nil, uint16(code), reason), 0)
}

// closeSent is called when the Close frame has been written.
func (c *Conn) closeSent() {
	c.closing.sent = true
	switch {
	case c.ended:
		c.closeWrite()
	case c.closing.received != nil:
		c.startCloseTimer(disconnectTimeout)
	default:
		c.startCloseTimer(closeTimeout)
	}
}

// closeWrite tells a peer on whom the connection was failed that nothing follows, without dropping what is still in the
// way, as a close with unread data would.
func (c *Conn) closeWrite() {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return
	}
	c.hardClose()
}

func (c *Conn) startCloseTimer(d time.Duration) {
	c.closing.progress.Store(false)
	if c.closing.timer == nil {
		c.closing.timer = new(closeTimer)
	} else {
		c.closing.timer.Stop()
	}
	c.closing.timer.Timer = time.AfterFunc(d, func() { c.closeTimeout(d) })
}

func (c *Conn) closeTimeout(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := c.closing.timer
	extend := d == closeTimeout && (!c.closing.sent || timer.extensions < closeExtensions)
	if extend && c.closing.progress.Swap(false) {
		if c.closing.sent {
			timer.extensions++
		}
		timer.Reset(d)
		return
	}
	c.closing.timedOut = true
	c.hardClose()
	c.roomMade()
}

// peerClosed takes the peer's Close frame. It is answered at once, whatever the application does; the state follows the
// events before it.
func (c *Conn) peerClosed(data []byte) (run bool) {
	code, reason, err := frame.ParseClose(data)
	if err != nil {
		return c.peerFailed(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = nil
	c.closing.received = &CloseEvent{Code: StatusCode(code), Reason: reason}
	c.discarding = true
	c.queueClose(StatusCode(code), reason)
	if c.closing.sent {
		c.startCloseTimer(disconnectTimeout)
	} else {
		c.startCloseTimer(closeTimeout)
	}
	return c.postClosing()
}

// fail fails the connection (RFC 6455, section 7.1.7), with mu held: an error event and a close event with 1006. The Close
// frame goes out if there is a code and no half frame before it; then TCP is given a little time to bring it to the peer.
func (c *Conn) fail(code StatusCode, reason string, cause error) (run bool) {
	if c.ended {
		return false
	}
	c.discarding = true
	if c.closing.queued && c.out.chunks.len() > 0 {
		c.closing.queued = false // the Close frame is among what is discarded
	}
	c.out.discard()
	run = c.postClosed(&CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}, Err: cause}, true)
	switch {
	case code != 0 && !c.out.midFrame && !c.closing.queued && !c.out.broken:
		c.queueClose(code, reason)
		c.startCloseTimer(disconnectTimeout)
		c.readOn()
	case c.closing.sent:
		c.startCloseTimer(disconnectTimeout)
		c.closeWrite()
	default:
		c.hardClose()
	}
	c.roomMade()
	return run
}

// sendingFailed is called when a write failed. Why, and what the peer sent before, is for the goroutine that reads to
// find out; it gets a little time.
func (c *Conn) sendingFailed() {
	c.out.broken = true
	c.out.discard()
	if !c.ended {
		c.startCloseTimer(disconnectTimeout)
		c.readOn()
	}
}

// disconnected ends the connection after a read failed: the last thing that the goroutine that reads does.
func (c *Conn) disconnected(err error) {
	c.releaseBuffer()
	c.mu.Lock()
	// A Close frame that answers the peer's may still be on its way behind messages; a server that has closed only
	// its sending side can still take it.
	for c.closing.received != nil && c.out.writing && !c.closing.timedOut {
		c.waitForRoom()
	}
	c.discarding = true
	c.out.broken = true
	c.out.discard()
	if c.closing.timer != nil {
		c.closing.timer.Stop()
	}
	if c.pinger != nil {
		c.pinger.Stop()
	}
	if c.turn.timer != nil {
		c.turn.timer.Stop()
	}
	c.hardClose()
	run := c.postClosed(c.lostError(err), false)
	c.mu.Unlock()
	if run {
		c.deliver()
	}
}

// lostError is how a connection ended that was not failed.
func (c *Conn) lostError(err error) *CloseError {
	if c.closing.received != nil {
		ev := *c.closing.received
		ev.WasClean = c.closing.sent
		return &CloseError{CloseEvent: ev}
	}
	switch {
	case c.closing.timedOut && c.closing.sent:
		err = errCloseTimeout
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return &CloseError{CloseEvent: CloseEvent{Code: StatusAbnormalClosure}, Err: err}
}
