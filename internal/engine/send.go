package engine

import (
	"sync"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// A Send of largeMessage bytes or more works without mu held, and writes itself as long as the stream takes what it has
// framed. A longer message gains nothing from being collected with others, and would hold the lock for too long.
const largeMessage = 16 << 10

// Result says what happened to the message of a Send.
type Result uint8

const (
	// Accepted: the message will be sent, or counts as sent because the peer has said that it reads no more.
	Accepted Result = iota

	// Refused: StartClosing was called before.
	Refused

	// Lost: nothing can be sent any more. Amounts does not count the message.
	Lost

	// Full: more than Config.SendLimit bytes were unsent, which has failed the connection. The message stays counted as
	// buffered.
	Full
)

// Send queues a message, of opcode Text or Binary, and returns without waiting for the network. It does not keep
// data. Messages leave in the order of the calls: a Send waits for one that has begun before.
func (e *Endpoint) Send(op frame.Opcode, data []byte) Result {
	e.mu.Lock()
	if result, ok := e.acceptLocked(len(data)); !ok {
		e.unlock()
		return result
	}
	switch {
	case e.out.order.busy || len(data) >= largeMessage:
		e.sendInOrderLocked(op, data)
	case e.out.deflater != nil:
		e.sendCompressedLocked(op, data)
	default:
		e.queueFrameLocked(op, false, data, int64(len(data)))
	}
	if !e.writing {
		e.startWritingLocked()
	}
	e.unlock()
	return Accepted
}

// What messages may take besides their application data is Config.SendLimit, but at least leastExtra and at most
// mostExtra.
const (
	leastExtra = 64 << 10
	mostExtra  = 1 << 30
)

// acceptLocked counts a message of size bytes. If the message is not to be sent, ok is false.
//
// Application data is not all of the memory that a slow peer costs: there may be any number of empty messages. So the
// rest has the same limit.
func (e *Endpoint) acceptLocked(size int) (result Result, ok bool) {
	if e.sending != open {
		return e.refusedLocked(size), false
	}
	limit := e.out.limit
	full := limit > 0 && (e.bufferedLocked() > limit || e.out.chunks.extra > int32(min(max(limit, leastExtra), mostExtra)))
	e.out.accepted += int64(size)
	if full {
		e.failLocked(codePolicy, "receives too slowly", ErrSlowPeer)
		return Full, false
	}
	return Accepted, true
}

// refusedLocked returns the result of a Send of size bytes when nothing can be sent.
func (e *Endpoint) refusedLocked(size int) Result {
	switch {
	case e.peerClose != nil:
		e.out.accepted += int64(size)
		e.out.handed.Add(int64(size))
		return Accepted
	case e.lostLocked():
		return Lost
	}
	return Refused
}

// sendInOrderLocked sends a message that is large, or comes while another one is being sent.
func (e *Endpoint) sendInOrderLocked(op frame.Opcode, data []byte) {
	e.enterOrderLocked()
	switch {
	case e.lostLocked(): // meanwhile
	case len(data) >= largeMessage:
		e.sendLargeLocked(op, data)
	case e.out.deflater != nil:
		e.sendCompressedLocked(op, data)
	default:
		e.queueFrameLocked(op, false, data, int64(len(data)))
	}
	e.leaveOrderLocked()
}

// lostLocked reports whether anything that is sent is lost.
func (e *Endpoint) lostLocked() bool {
	return e.sending == broken || e.receiving == ignoring || e.receiving == over
}

// sendCompressedLocked queues a message in one frame, compressed if that makes it shorter.
func (e *Endpoint) sendCompressedLocked(op frame.Opcode, data []byte) {
	buf := compressed.Get().(*[]byte)
	out, ok := e.out.deflater.Deflate((*buf)[:0], data)
	*buf = out[:0]
	if ok {
		e.queueFrameLocked(op, true, out, int64(len(data)))
	} else {
		e.queueFrameLocked(op, false, data, int64(len(data)))
	}
	compressed.Put(buf)
}

// compressed has buffers for the time between compressing and masking.
var compressed = sync.Pool{New: func() any { return new([]byte) }}

// sendLargeLocked queues a message in one or more frames. It gives up mu while it compresses, masks and writes:
// only the order of Sends is kept meanwhile.
func (e *Endpoint) sendLargeLocked(op frame.Opcode, data []byte) {
	if len(data) > flushChunks*maxFrame {
		e.keepReadingLocked() // so that a ping need not wait for all of this
	}
	e.mu.Unlock()
	app := int64(len(data)) // not yet part of a chunk
	rsv1 := false
	if e.out.deflater != nil {
		buf := compressed.Get().(*[]byte)
		defer compressed.Put(buf)
		out, ok := e.out.deflater.Deflate((*buf)[:0], data)
		if cap(out) <= chunkSize { // do not keep the memory of a long message
			*buf = out[:0]
		}
		if ok {
			data, rsv1 = out, true
		}
	}
	for first := true; first || len(data) > 0; first = false {
		part := data[:min(len(data), maxFrame)]
		data = data[len(part):]
		ch := newChunk()
		ch.app = min(app, int64(len(part)))
		if len(data) == 0 {
			ch.app = app
		}
		app -= ch.app
		if !first {
			op = frame.Continuation
		}
		ch.buf = e.appendFrame(ch.buf, op, len(data) == 0, rsv1 && first, part, frame.NewKey())
		e.mu.Lock()
		if e.lostLocked() {
			ch.free()
			return
		}
		e.queueChunkLocked(ch)
		e.writeSomeLocked()
		if len(data) == 0 {
			return
		}
		e.unlock()
	}
}

// order keeps the order of Sends that work without mu held.
type order struct {
	busy    bool            // a Send works
	waiting *waitingSenders // those that have begun since; nil if there are none
}

type waitingSenders []chan struct{} // first in, first out

func (e *Endpoint) enterOrderLocked() {
	o := &e.out.order
	if !o.busy {
		o.busy = true
		return
	}
	if o.waiting == nil {
		o.waiting = new(waitingSenders)
	}
	turn := make(chan struct{})
	*o.waiting = append(*o.waiting, turn)
	e.unlock()
	<-turn
	e.mu.Lock()
}

func (e *Endpoint) leaveOrderLocked() {
	o := &e.out.order
	if o.waiting == nil || len(*o.waiting) == 0 {
		o.busy, o.waiting = false, nil
		return
	}
	next := (*o.waiting)[0]
	*o.waiting = (*o.waiting)[1:]
	close(next)
}
