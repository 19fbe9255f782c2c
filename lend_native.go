//go:build !js

package ws

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// Memory for programs that take messages with ReadAppend. What one call of Received brings stays where it was read, if
// it is large, or goes into one block. In both cases the memory goes back to a pool when the last of its messages has
// been copied to the program. If a Read comes instead, it copies its message into memory of its own. So no memory that
// Read or a handler hands out is ever reused.

// block is memory that several messages share.
type block struct {
	memory  []byte
	buffer  *engine.Buffer // used instead of memory
	class   int
	left    atomic.Int32 // messages that have not been taken
	lending *atomic.Bool // the connection's
	binary  ArrayBuffer  // stands for each binary message: see payload.lent
}

const (
	// leastLent is the number of bytes from which a block is worth it. The block is at most four times as large, so unread
	// messages take at most four times what Options.ReadBuffer counts.
	leastLent = 256

	// A batch of leastInBuffer bytes or more stays where it was read: receiving 1 KiB takes half the time.
	leastInBuffer = 16 << 10
)

// blocks are pools of blocks of 1 KiB, 4 KiB and 16 KiB; those of the last pool have no memory but a Buffer.
var blocks [4]sync.Pool

const (
	smallestBlock = 1 << 10
	blockFactor   = 2 // in bits
	bufferClass   = len(blocks) - 1
)

// takeBlock returns a block for size bytes, fewer than leastInBuffer, or one with a Buffer.
func takeBlock(size int, buffer *engine.Buffer) *block {
	class := 0
	for class < bufferClass && (buffer != nil || smallestBlock<<(class*blockFactor) < size) {
		class++
	}
	b, ok := blocks[class].Get().(*block)
	if !ok {
		b = &block{class: class}
		if class < bufferClass {
			b.memory = make([]byte, smallestBlock<<(class*blockFactor))
		}
	}
	b.buffer = buffer
	return b
}

// giveBack is called when n of the messages of a block no longer need it.
func (b *block) giveBack(n int) {
	if b.left.Add(int32(-n)) > 0 {
		return
	}
	if b.buffer != nil {
		b.buffer.Release()
		b.buffer = nil
	}
	b.lending = nil
	blocks[b.class].Put(b)
}

// lend appends payloads of a batch, for a program that does not keep messages.
func (o *owner) lend(payloads []payload, batch []engine.Message) []payload {
	b := o.blockFor(batch)
	end, kept := 0, 0
	for i := range batch {
		msg := &batch[i]
		data := msg.Payload
		switch {
		case b == nil, msg.Owned, b.buffer != nil && !b.buffer.Has(data), b.buffer == nil && len(data) > len(b.memory)-end:
			payloads = append(payloads, o.memory.keep(msg))
			kept++
			continue
		case b.buffer == nil:
			start := end
			end += copy(b.memory[start:], data)
			data = b.memory[start:end]
		}
		p := payload{text: textOf(data), lent: b}
		if msg.Op == frame.Binary {
			p.array = &b.binary
		}
		payloads = append(payloads, p)
	}
	if b != nil && kept > 0 {
		b.giveBack(kept)
	}
	return payloads
}

// blockFor returns a block for a batch, with as many messages left as that has; nil if it is not worth it.
func (o *owner) blockFor(batch []engine.Message) *block {
	size := 0
	for i := range batch {
		if !batch[i].Owned {
			size += len(batch[i].Payload)
		}
	}
	var buffer *engine.Buffer
	switch {
	case size < leastLent:
		return nil
	case size >= leastInBuffer:
		if buffer = o.endpoint.KeepBuffer(); buffer == nil {
			return nil
		}
	}
	b := takeBlock(size, buffer)
	b.left.Store(int32(len(batch)))
	b.lending = &o.conn.lending
	return b
}

// own returns p, copied into memory of its own.
func (p payload) own() payload {
	if p.lent == nil {
		return p
	}
	data := []byte(p.text)
	binary := p.array != nil
	p.lent.lending.Store(false) // until ReadAppend is called again
	p.lent.giveBack(1)
	if binary {
		return payload{array: newArrayBuffer(data)}
	}
	return payload{text: textOf(data)}
}

// receivedInto is received for the first message of a batch, if a ReadAppend waits for it and has room for it: the
// message is copied there, unless it was read there. rest are the other messages.
func (c *Conn) receivedInto(batch []engine.Message) (next demand, rest []engine.Message) {
	msg := &batch[0]
	if msg.Owned {
		return wantMore, batch // it is not copied with mu held
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil || c.dropping || c.delivering || c.posted.any() || !c.unread.empty() || c.readersWaiting() == 0 {
		return wantMore, batch
	}
	w := c.waiting.readers[0]
	if !w.request.lent || len(msg.Payload) > cap(w.request.room) {
		return wantMore, batch
	}
	room := w.request.room[:len(msg.Payload)]
	if unsafe.SliceData(room) != unsafe.SliceData(msg.Payload) {
		copy(room, msg.Payload)
	}
	c.waiting.popReader()
	w.message, w.got = payload{text: textOf(room)}, true
	w.wake <- struct{}{}
	c.tookMessage = len(batch) > 1 // for received, which gets the other messages
	if c.readersWaiting() == 0 {
		next = wantYield
	}
	return next, batch[1:]
}
