package engine

import (
	"sync"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// largeMessage is from how many bytes on a Send works without mu held, and writes by itself as long as the stream takes what it
// has framed: a longer message gains nothing from being collected with others, and takes the lock for too long.
const largeMessage = 16 << 10

// Result is what became of a Send.
type Result uint8

const (
	// Accepted: the message will be sent, or counts as if it had been, because the peer has said that it reads no more.
	Accepted Result = iota

	// Refused: StartClosing came first.
	Refused

	// Lost: nothing can be sent any more. Amounts does not count the message.
	Lost
)

// Send queues a message, of opcode Text or Binary, and returns without waiting for the network. It does not keep data. Messages leave
// in the order of the calls: a Send waits for one that has begun before.
func (e *Endpoint) Send(op frame.Opcode, data []byte) Result {
	e.mu.Lock()
	defer e.unlock()
	switch {
	case e.peerClose != nil:
		e.out.accepted += int64(len(data))
		e.out.handed.Add(int64(len(data)))
		return Accepted
	case e.lostLocked():
		return Lost
	case e.sending != open:
		return Refused
	}
	e.out.accepted += int64(len(data))
	alone := !e.out.order.busy && len(data) < largeMessage
	if !alone {
		e.enterOrderLocked()
	}
	if len(data) < largeMessage {
		e.sendSmallLocked(op, data)
	} else {
		e.sendLargeLocked(op, data)
	}
	if !alone {
		e.leaveOrderLocked()
	}
	e.startWritingLocked()
	return Accepted
}

// lostLocked reports whether what is sent is lost.
func (e *Endpoint) lostLocked() bool {
	return e.sending == broken || e.receiving == ignoring || e.receiving == over
}

// sendSmallLocked queues a message in one frame.
func (e *Endpoint) sendSmallLocked(op frame.Opcode, data []byte) {
	if e.lostLocked() {
		return // while it waited for the Send before it
	}
	if e.out.deflater != nil {
		buf := compressed.Get().(*[]byte)
		defer compressed.Put(buf)
		if out, ok := e.out.deflater.Deflate((*buf)[:0], data); ok {
			*buf = out[:0]
			e.queueFrameLocked(op, true, out, int64(len(data)))
			return
		}
	}
	e.queueFrameLocked(op, false, data, int64(len(data)))
}

// compressed are buffers for the time between compressing and masking.
var compressed = sync.Pool{New: func() any { return new([]byte) }}

// sendLargeLocked queues a message in one or more frames. It gives up mu while it compresses, masks and writes: only the order of
// Sends is kept meanwhile.
func (e *Endpoint) sendLargeLocked(op frame.Opcode, data []byte) {
	if e.lostLocked() {
		return
	}
	e.mu.Unlock()
	app := int64(len(data)) // not yet part of a chunk
	rsv1 := false
	if e.out.deflater != nil {
		buf := compressed.Get().(*[]byte)
		defer compressed.Put(buf)
		out, ok := e.out.deflater.Deflate((*buf)[:0], data)
		if cap(out) <= chunkSize { // what a long message took is not kept
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
		ch.buf = e.appendFrame(ch.buf, op, len(data) == 0, rsv1 && first, part)
		e.mu.Lock()
		if e.lostLocked() {
			ch.free()
			return
		}
		e.out.chunks.push(ch)
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
	waiting []chan struct{} // those that have begun since, first in, first out
}

func (e *Endpoint) enterOrderLocked() {
	o := &e.out.order
	if !o.busy {
		o.busy = true
		return
	}
	turn := make(chan struct{})
	o.waiting = append(o.waiting, turn)
	e.unlock()
	<-turn
	e.mu.Lock()
}

func (e *Endpoint) leaveOrderLocked() {
	o := &e.out.order
	if len(o.waiting) == 0 {
		o.busy, o.waiting = false, nil
		return
	}
	next := o.waiting[0]
	o.waiting = o.waiting[1:]
	close(next)
}
