//go:build !js

package ws

import (
	"context"
	"errors"
	"os"
	"time"
)

// turn says whose turn it is to read from the network. A goroutine of the package has it while the program does something
// else. A Read that waits takes it over, and a handler is called by whoever has read its message: a change of goroutines
// costs more than everything else about a small message, and made a ping-pong take twice as long.
//
// Nobody has the turn while the program is busy with what it got. That is for a moment if it comes back for more; otherwise
// look gives the turn to a goroutine, so that control frames are answered whatever the program does. The part of socket that
// is for reading belongs to whoever has the turn. mu guards the fields.
type turn struct {
	taken     bool
	wanted    bool        // the program has taken messages since leaveTurnToProgram last looked
	stoppable bool        // a read deadline can stop a Read that has it
	stopped   bool        // there is one, which is to be removed
	watched   bool        // look is to come
	looks     uint8       // how often it has come, up to mostLooks
	number    uint32      // of the last taking
	seen      uint32      // number at the last look
	timer     *time.Timer // for look
}

// Look comes soon after the turn has been left, and then ever less often as long as the program comes back for it, at last
// every 16 ms: a ping-pong with a timer that is due within a millisecond or two takes 1.15 times as long. Control frames may
// wait for two looks.
const (
	firstLook = time.Millisecond
	mostLooks = 4
)

// past is a read deadline that is over.
var past = time.Unix(1, 0)

// take returns a number other than 0 if nobody has had the turn.
func (t *turn) take() (number uint32) {
	if t.taken {
		return 0
	}
	t.taken = true
	t.pass()
	return t.number
}

// pass gives the turn to another goroutine.
func (t *turn) pass() {
	if t.number++; t.number == 0 {
		t.number = 1
	}
}

// readLoop reads, with the turn taken for it, until the connection ends or the turn is another's.
func (c *Conn) readLoop() {
	for {
		run, err := c.receive()
		switch {
		case err != nil:
			c.disconnected(err)
			return
		case run:
			c.mu.Lock()
			c.leaveTurn()
			c.mu.Unlock()
			c.deliver()
			c.mu.Lock()
			mine := c.turn.take() != 0
			c.mu.Unlock()
			if !mine {
				return
			}
		case c.leaveTurnToProgram():
			return
		}
	}
}

// leaveTurnToProgram leaves the turn to a program that is taking messages by Read and will come back for more. Two goroutines
// that compete for mu would take three times as long for a flood of small messages as one does.
func (c *Conn) leaveTurnToProgram() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := c.turn.wanted
	c.turn.wanted = false
	switch {
	case !wanted, c.onMessage != nil, !c.turn.stoppable, c.state != Open, c.readersWaiting() > 0, c.draining():
		return false
	}
	c.leaveTurn()
	return true
}

// leaveTurn leaves it to whoever comes first, at last to look. There is one timer for many messages, because setting it for
// each took a fifth of the time of a flood.
func (c *Conn) leaveTurn() {
	t := &c.turn
	t.taken = false
	if t.watched {
		return
	}
	t.watched, t.seen, t.looks = true, t.number, 0
	if t.timer == nil {
		t.timer = time.AfterFunc(firstLook, c.look)
	} else {
		t.timer.Reset(firstLook)
	}
}

// look takes the turn if it has been nobody's since the last look.
func (c *Conn) look() {
	c.mu.Lock()
	t := &c.turn
	mine := false
	if t.number != t.seen {
		t.seen, t.looks = t.number, min(t.looks+1, mostLooks)
		t.timer.Reset(firstLook << t.looks)
	} else {
		t.watched = false
		mine = t.take() != 0
	}
	c.mu.Unlock()
	if mine {
		c.readLoop()
	}
}

// readOn makes a goroutine read, with mu held, because what has been done changes what happens next.
func (c *Conn) readOn() {
	if c.turn.take() != 0 {
		go c.readLoop()
	}
}

// takeTurn takes the turn for a Read that is about to wait, which then has to call receiveFor; 0 if it cannot be had. While
// a Read has it, nobody else posts messages or hands any out: it would not see them while it waits for the network. Therefore it
// is not given while events are being delivered.
func (c *Conn) takeTurn() (number uint32) {
	if c.state != Open || !c.turn.stoppable || c.delivering {
		return 0
	}
	return c.turn.take()
}

// receiveFor reads, without mu, until w's Read need not wait any more, or has to wait for more than the network.
func (c *Conn) receiveFor(ctx context.Context, w *readWaiter, number uint32) {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.stopReading(number) })
		defer stop()
	}
	for done := false; !done; {
		run, err := c.receive()
		if run {
			go c.deliver()
		}
		c.mu.Lock()
		done = c.readFor(w, err)
		c.mu.Unlock()
	}
}

// readFor passes the turn on or leaves it, unless there is to be read more for w. err is that of the last read.
func (c *Conn) readFor(w *readWaiter, err error) (done bool) {
	t := &c.turn
	stopped := t.stopped // whether or not the deadline came before the data
	if stopped {
		c.setReadDeadline(time.Time{})
		t.stopped = false
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
	}
	woken := len(w.wake) > 0
	others := c.readersWaiting()
	if !woken {
		others--
	}
	switch {
	case err != nil:
		t.pass()
		go c.disconnected(err)
	case c.state != Open || c.discarding || c.full() || (woken || stopped) && others > 0:
		t.pass()
		go c.readLoop()
	case woken || stopped:
		c.leaveTurn()
	default:
		return false
	}
	return true
}

// stopReading stops the Read that has taken the turn with that number, if it still has it.
func (c *Conn) stopReading(number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn.taken && c.turn.number == number {
		c.turn.stopped = true
		c.setReadDeadline(past)
	}
}

// setReadDeadline fails only on a connection that has been closed: then the next read fails too.
func (c *Conn) setReadDeadline(t time.Time) {
	c.conn.(interface{ SetReadDeadline(time.Time) error }).SetReadDeadline(t)
}
