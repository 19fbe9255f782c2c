//go:build !js

package ws

import (
	"io"
	"sync"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

const (
	// receiveSize is how much one read may bring.
	receiveSize = 64 << 10

	// batchBytes is from how many bytes on parsed messages are handed over: compressed ones may be much larger than what was
	// read.
	batchBytes = 1 << 20

	// batchMessages is from how many parsed messages on they are handed over, burstMessages how many are parsed in one go.
	batchMessages = 256
	burstMessages = 32
)

// receiveBuffers are only held while there is something to read.
var receiveBuffers = sync.Pool{New: func() any { b := make([]byte, receiveSize); return &b }}

// receive takes the next bytes and parses them. It reports whether the caller must call deliver.
func (c *Conn) receive() (run bool, err error) {
	if c.awaitRoom() {
		return false, c.discard()
	}
	if len(c.in) > 0 {
		return c.parse(), nil
	}
	if free := c.reader.Want(); free != nil {
		n, err := c.conn.Read(free)
		if n == 0 {
			return false, noProgress(err)
		}
		c.late.Store(true)
		c.heard.Store(true)
		c.closing.progress.Store(true)
		ev, err := c.reader.Advance(n)
		run, _ = c.take(ev, err)
		return c.handOver() || run, nil
	}
	c.in, c.inBuf, err = c.poll.read()
	if len(c.in) == 0 {
		return false, noProgress(err)
	}
	c.heard.Store(true)
	return c.parse(), nil
}

// discard reads what nobody wants, so that the end of the connection is seen and the peer can still take our Close frame.
func (c *Conn) discard() error {
	c.in = nil
	c.releaseBuffer()
	data, buf, err := c.poll.read()
	c.inBuf = buf
	if len(data) == 0 {
		return noProgress(err)
	}
	return nil
}

// noProgress is the error of a read that brought nothing; one that brought something is followed by another one.
func noProgress(err error) error {
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// parse handles the received bytes, up to as many messages as are handed over together or to a control frame. What is left is
// for the next call, when the program has taken these: so they are still in the processor's cache.
func (c *Conn) parse() (run bool) {
	var burst [burstMessages]frame.Event
	for stop := false; !stop && len(c.in) > 0 && len(c.batch) < batchMessages && c.batchBytes < batchBytes; {
		if count, n := c.reader.Burst(c.in, burst[:]); count > 0 {
			c.in = c.in[n:]
			c.keepAll(burst[:count])
			continue
		}
		ev, n, err := c.reader.Next(c.in)
		c.in = c.in[n:]
		run, stop = c.take(ev, err)
	}
	if len(c.in) == 0 {
		if c.reader.MidMessage() {
			c.late.Store(true)
		}
		c.in = nil
		c.releaseBuffer()
	}
	return c.handOver() || run
}

func (c *Conn) releaseBuffer() {
	if c.inBuf != nil {
		receiveBuffers.Put(c.inBuf)
		c.inBuf = nil
	}
}

// take handles one result of the parser. stop says that it was none of a message: the batch has been handed over before it.
func (c *Conn) take(ev frame.Event, err error) (run, stop bool) {
	if err != nil {
		run = c.handOver()
		return c.peerFailed(err) || run, true
	}
	switch ev.Op {
	case frame.Text, frame.Binary:
		c.batchBytes += len(ev.Payload)
		switch {
		case !ev.Owned:
			c.batch = append(c.batch, c.keep(ev.Payload, ev.Op == frame.Text))
		case ev.Op == frame.Text:
			c.batch = append(c.batch, payload{text: textOf(ev.Payload)})
		default:
			c.batch = append(c.batch, payload{array: newArrayBuffer(ev.Payload)})
		}
		return false, false
	case frame.Ping:
		run = c.handOver()
		c.answerPing(ev.Payload)
	case frame.Pong:
		run = c.handOver()
		c.pongCame(ev.Payload)
	case frame.Close:
		run = c.handOver()
		run = c.peerClosed(ev.Payload) || run
	default:
		return false, false
	}
	return run, true
}

// handOver posts the messages parsed so far.
func (c *Conn) handOver() (run bool) {
	if len(c.batch) == 0 {
		return false
	}
	c.busy = c.busy || len(c.batch) > queueKeepIdle
	c.mu.Lock()
	run = c.postMessages(c.batch)
	c.out.atOnce = true
	c.closing.progress.Store(true)
	c.mu.Unlock()
	clear(c.batch)
	c.batch = c.batch[:0]
	c.batchBytes = 0
	return run
}

// goingIdle gives back what was kept for a flood, now that there is nothing to read. It is called while the descriptor is in
// use, for which the Close of the connection waits with mu held: so it must not wait for mu.
func (c *Conn) goingIdle() {
	if !c.busy || !c.mu.TryLock() {
		return
	}
	c.busy = false
	c.batch = nil
	c.unread.trim()
	c.posted.messages.trim()
	c.mu.Unlock()
}

// awaitRoom waits while more than ReadBuffer is unread. A connection that is closing reads on: nobody will get what
// arrives. It reports whether that is to be discarded unparsed.
func (c *Conn) awaitRoom() (discard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.full() {
		c.late.Store(true)
		c.waitForRoom()
	}
	return c.discarding
}

func (c *Conn) full() bool {
	return c.readBuffer >= 0 && c.unreadBytes >= c.readBuffer && c.state == Open && !c.ended && !c.discarding && !c.closing.timedOut
}

func (c *Conn) roomMade() {
	c.turn.wanted = true // who has taken one message may come for the next
	if c.room != nil && !c.full() {
		c.room.Broadcast()
	}
}

// waitForRoom waits, with mu, until it may be time to go on.
func (c *Conn) waitForRoom() {
	if c.room == nil {
		c.room = sync.NewCond(&c.mu)
	}
	c.room.Wait()
}

func (c *Conn) wakeRoom() {
	if c.room != nil {
		c.room.Broadcast()
	}
}

// peerFailed fails the connection for what the peer sent.
func (c *Conn) peerFailed(err error) (run bool) {
	code, reason, cause := StatusProtocolError, "", err
	if e, ok := err.(*frame.Error); ok {
		code, reason = StatusCode(e.Code), e.Reason
	}
	if code == StatusMessageTooBig {
		cause = ErrMessageTooBig
	}
	c.in = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fail(code, reason, cause)
}

// slab is memory for several small messages: with it a received message of 16 B costs 0.03 allocations. It is small itself,
// because a message that the application keeps keeps its slab.
type slab struct {
	arrays [32]ArrayBuffer
	bytes  [512]byte
	used   struct{ arrays, bytes int }
}

const (
	slabMessage = 64 // the length of the longest message that goes into a slab
	slabAfter   = 32 // so many messages come before there is one: most connections are quiet
)

// keepAll adds a burst to the batch.
func (c *Conn) keepAll(burst []frame.Event) {
	for i := range burst {
		c.batch = append(c.batch, c.keep(burst[i].Payload, burst[i].Op == frame.Text))
	}
}

// keep makes a payload of data, which is about to be overwritten.
func (c *Conn) keep(data []byte, text bool) payload {
	if c.smalls < slabAfter || len(data) > slabMessage {
		c.smalls++
		own := make([]byte, len(data)) // with copy right behind, memory that make need not clear
		copy(own, data)
		if text {
			return payload{text: textOf(own)}
		}
		return payload{array: newArrayBuffer(own)}
	}
	s := c.slab
	if s == nil || s.used.arrays == len(s.arrays) || s.used.bytes+len(data) > len(s.bytes) {
		s = new(slab)
		c.slab = s
	}
	start := s.used.bytes
	s.used.bytes += copy(s.bytes[start:], data)
	data = s.bytes[start:s.used.bytes:s.used.bytes]
	if text {
		return payload{text: textOf(data)}
	}
	array := &s.arrays[s.used.arrays]
	s.used.arrays++
	array.data = data
	return payload{array: array}
}

// blindReader reads from a connection that cannot tell beforehand that there is something: the first bytes come into a few
// of its own, and only when these are full is there a large buffer.
type blindReader struct {
	conn  *Conn
	first [64]byte
	more  bool
}

func (r *blindReader) read() (data []byte, buf *[]byte, err error) {
	if !r.more {
		r.conn.goingIdle()
		n, err := r.conn.conn.Read(r.first[:])
		r.more = n == len(r.first)
		return r.first[:n], nil, err
	}
	buf = receiveBuffers.Get().(*[]byte)
	n, err := r.conn.conn.Read(*buf)
	r.more = n == len(*buf)
	return (*buf)[:n], buf, err
}
