//go:build !js

package ws

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// Memory for programs that take messages by ReadAppend. What one call of Received brings goes into one block, which goes
// back to a pool when the last of its messages has been copied to the program. A Read that comes instead copies its
// message into memory of its own. So no memory that Read or a handler hands out is ever a block's.

// block is memory of several messages.
type block struct {
	memory  []byte
	class   int
	left    atomic.Int32 // messages that have not been taken
	lending *atomic.Bool // of the connection
	binary  ArrayBuffer  // stands for each binary message: see payload.array
}

const (
	// leastLent is for how many bytes a block is worth it. A block has at most four times as many, so what waits to be
	// read takes at most four times what Options.ReadBuffer counts.
	leastLent = 256

	// longestLent is the longest message that goes into a block: no message that is not Owned is longer.
	longestLent = 64 << 10
)

// blocks have 1 KiB, 4 KiB, 16 KiB, 64 KiB.
var blocks [4]sync.Pool

const (
	smallestBlock = 1 << 10
	blockFactor   = 2 // in bits
)

func takeBlock(size int) *block {
	class := 0
	for smallestBlock<<(class*blockFactor) < size {
		class++
	}
	if b, ok := blocks[class].Get().(*block); ok {
		return b
	}
	return &block{memory: make([]byte, smallestBlock<<(class*blockFactor)), class: class}
}

// giveBack is called for each message of a block, once.
func (b *block) giveBack() {
	if b.left.Add(-1) == 0 {
		b.lending = nil
		blocks[b.class].Put(b)
	}
}

// lend is keep for a program that does not keep messages: it appends payloads of a batch.
func (m *memory) lend(payloads []payload, batch []engine.Message, lending *atomic.Bool) []payload {
	size, count := 0, 0
	for i := range batch {
		if msg := &batch[i]; !msg.Owned && len(msg.Payload) <= longestLent-size {
			size += len(msg.Payload)
			count++
		}
	}
	if size < leastLent {
		count = 0
	}
	var b *block
	if count > 0 {
		b = takeBlock(size)
		b.lending = lending
		b.left.Store(int32(count))
	}
	end := 0
	for i := range batch {
		msg := &batch[i]
		if b == nil || msg.Owned || len(msg.Payload) > longestLent-end {
			payloads = append(payloads, m.keep(msg))
			continue
		}
		start := end
		end += copy(b.memory[start:], msg.Payload)
		p := payload{text: textOf(b.memory[start:end]), lent: b}
		if msg.Op == frame.Binary {
			p.array = &b.binary
		}
		payloads = append(payloads, p)
	}
	return payloads
}

// own returns p in memory of its own.
func (p payload) own() payload {
	if p.lent == nil {
		return p
	}
	data := []byte(p.text)
	binary := p.array != nil
	p.lent.lending.Store(false) // until ReadAppend is called again
	p.lent.giveBack()
	if binary {
		return payload{array: newArrayBuffer(data)}
	}
	return payload{text: textOf(data)}
}

// receivedInto is received for the first message of a batch, if a ReadAppend waits for it and has room for it: it is
// copied there, unless that is where it was read. rest are the others.
func (c *Conn) receivedInto(batch []engine.Message) (next demand, rest []engine.Message) {
	msg := &batch[0]
	if msg.Owned {
		return wantMore, batch // no copy of it is made with mu
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil || c.dropping || c.delivering || c.posted.any() || c.unread.len() > 0 || c.readersWaiting() == 0 {
		return wantMore, batch
	}
	w := *c.waiting.readers.first()
	if !w.request.lent || len(msg.Payload) > cap(w.request.room) {
		return wantMore, batch
	}
	room := w.request.room[:len(msg.Payload)]
	if unsafe.SliceData(room) != unsafe.SliceData(msg.Payload) {
		copy(room, msg.Payload)
	}
	c.waiting.readers.pop()
	w.message, w.got = payload{text: textOf(room)}, true
	w.wake <- struct{}{}
	c.tookMessage = false
	if c.readersWaiting() == 0 {
		next = wantYield
	}
	return next, batch[1:]
}
