//go:build !js

package ws

import (
	"encoding/binary"
	"io"
	"net"
	"sync"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

const (
	// chunkSize is enough for a message of 64 KiB with its header, and with a chunk's fields whole pages.
	chunkSize = 72<<10 - 64

	// inlineSize is from how many bytes on a message is written by its Send, if nothing else is under way. It is too long to
	// gain from being collected with others.
	inlineSize = 16 << 10

	// flushChunks is how many chunks one write takes, so how far BufferedAmount may be ahead of the network.
	flushChunks = 4

	// maxControls bounds the pongs that wait for a peer that sends pings and reads nothing.
	maxControls = 64 << 10
)

// outgoing is what has been framed and masked and waits for the goroutine that writes.
type outgoing struct {
	chunks   queue[*chunk]
	unsent   int64  // application bytes in chunks, and those lost with the connection
	controls []byte // frames that go out at the next frame boundary
	atOnce   bool   // the next Send writes itself
	midFrame bool   // the last byte given to the network is not the last of a frame
	writing  bool   // flush runs
	broken   bool   // nothing can be sent any more
}

// chunk is a part of the byte stream.
type chunk struct {
	buf  []byte
	sent int   // how much of buf has been written
	app  int64 // bytes of application data that count as sent with it
	ends bool  // its last byte is the last of a frame
}

var chunks = sync.Pool{New: func() any {
	ch := new(struct {
		chunk
		memory [chunkSize]byte
	})
	ch.buf = ch.memory[:0]
	return &ch.chunk
}}

func (q *outgoing) newChunk() *chunk {
	ch := chunks.Get().(*chunk)
	*ch = chunk{buf: ch.buf[:0]}
	q.chunks.push(ch)
	return ch
}

// tail returns the chunk to append a frame's header to.
func (q *outgoing) tail() *chunk {
	if q.chunks.len() > 0 {
		if last := q.chunks.items[len(q.chunks.items)-1]; cap(last.buf)-len(last.buf) > frame.MaxHeader {
			return last
		}
	}
	return q.newChunk()
}

// appendFrame queues one frame with data, which stands for app bytes of application data.
func (c *Conn) appendFrame(op frame.Opcode, rsv1 bool, data []byte, app int64) {
	inline := len(data) >= inlineSize
	key := frame.NewKey()
	ch := c.out.tail()
	ch.buf = frame.AppendHeader(ch.buf, op, true, rsv1, int64(len(data)), key)
	pos := 0
	for {
		n := min(len(data), cap(ch.buf)-len(ch.buf))
		end := len(ch.buf) + n
		pos = frame.Mask(ch.buf[len(ch.buf):end], data[:n], key, pos)
		ch.buf, data = ch.buf[:end], data[n:]
		part := min(app, int64(n))
		if len(data) == 0 {
			part = app
		}
		ch.app += part
		app -= part
		ch.ends = len(data) == 0
		if ch.ends {
			break
		}
		c.writeFullChunks()
		ch = c.out.newChunk()
	}
	c.out.atOnce = c.out.atOnce || inline
	c.startWriting()
}

func (c *Conn) transmit(m Message, size int64) error {
	// The state may still be Open when nothing can be sent any more, because earlier events are not through. As in
	// browsers, what is sent after the peer's Close frame is dropped as if it had been sent, because the peer would not
	// read it anyway, and what is sent on a lost connection stays counted.
	switch {
	case c.closing.received != nil:
		return nil
	case c.ended || c.out.broken:
		c.out.unsent += size
		return nil
	}
	data, text := content(m)
	op := frame.Binary
	if text {
		op = frame.Text
	}
	c.out.unsent += size
	if c.deflater == nil || !c.appendCompressed(op, data) {
		c.appendFrame(op, false, data, size)
	}
	return nil
}

// compressed are buffers for the time between compressing and masking.
var compressed = sync.Pool{New: func() any { return new([]byte) }}

// appendCompressed reports false, having done nothing, if data is better sent as it is.
func (c *Conn) appendCompressed(op frame.Opcode, data []byte) bool {
	buf := compressed.Get().(*[]byte)
	defer compressed.Put(buf)
	out, ok := c.deflater.Deflate((*buf)[:0], data)
	if cap(out) <= chunkSize { // what a long message took is not kept
		*buf = out[:0]
	}
	if ok {
		c.appendFrame(op, true, out, int64(len(data)))
	}
	return ok
}

func (c *Conn) buffered() int64 { return c.out.unsent }

// watchBuffered has only to see to it that somebody reads: a peer that sends may take nothing until that has been read.
func (c *Conn) watchBuffered() { c.readOn() }

// appendControl queues a control frame ahead of the messages that wait.
func (c *Conn) appendControl(op frame.Opcode, data []byte) {
	if c.closing.queued || c.out.broken {
		return
	}
	if len(c.out.controls) > maxControls {
		// Only the latest ping needs an answer (RFC 6455, section 5.5.3).
		c.out.controls = c.out.controls[:0]
	}
	key := frame.NewKey()
	c.out.controls = frame.AppendHeader(c.out.controls, op, true, false, int64(len(data)), key)
	start := len(c.out.controls)
	c.out.controls = append(c.out.controls, data...)
	frame.Mask(c.out.controls[start:], c.out.controls[start:], key, 0)
	c.startWriting()
}

func (c *Conn) answerPing(data []byte) {
	c.mu.Lock()
	c.appendControl(frame.Pong, data)
	c.mu.Unlock()
}

func (c *Conn) sendPing() {
	c.pings++
	c.pongDue = true
	var data [4]byte
	binary.BigEndian.PutUint32(data[:], c.pings)
	c.appendControl(frame.Ping, data[:])
}

// pongCame takes a pong; one that answers an older ping, or none, means nothing.
func (c *Conn) pongCame(data []byte) {
	c.mu.Lock()
	if len(data) == 4 && binary.BigEndian.Uint32(data) == c.pings {
		c.pongDue = false
	}
	c.mu.Unlock()
}

func (c *Conn) startWriting() {
	if c.out.writing {
		return
	}
	if c.out.atOnce {
		// The first Send after something was received writes itself: an answer then leaves without a change of goroutines,
		// while a flood of Sends is still collected into large writes.
		c.out.atOnce = false
		c.writeAtOnce()
	}
	if c.out.chunks.len() > 0 || len(c.out.controls) > 0 {
		c.out.writing = true
		go c.flush()
	}
}

// writeFullChunks lets a Send of a large message write while it goes on masking, as long as the network takes the bytes at
// once: the same few chunks then serve all of the message.
func (c *Conn) writeFullChunks() {
	if !c.out.writing {
		c.writeAtOnce()
	}
	if c.out.chunks.len() >= flushChunks {
		c.startWriting()
	}
}

// writeAtOnce writes what the network takes without waiting. The rest, and errors, are for flush.
func (c *Conn) writeAtOnce() {
	for c.out.chunks.len() > 0 && !c.closing.queued && (c.out.midFrame || len(c.out.controls) == 0) {
		ch := c.out.chunks.items[c.out.chunks.head]
		n, err := c.poll.write(ch.buf[ch.sent:])
		ch.sent += n
		if err != nil || ch.sent < len(ch.buf) {
			c.out.midFrame = c.out.midFrame || n > 0
			break
		}
		c.out.chunks.pop()
		c.out.written(ch)
		chunks.Put(ch)
	}
	c.drainFell()
}

// written says that all of ch, which has been taken from chunks, goes to the network.
func (q *outgoing) written(ch *chunk) {
	q.unsent -= ch.app
	q.midFrame = !ch.ends
}

// flush writes until nothing is left to write.
func (c *Conn) flush() {
	w := writes.Get().(*largeWrite)
	defer writes.Put(w)
	c.mu.Lock()
	for {
		w.taken = c.out.take(w.taken[:0])
		if len(w.taken) == 0 {
			break
		}
		// Bytes count as sent before the system call, so that no echo can arrive while its message still counts.
		c.drainFell()
		c.mu.Unlock()
		err := w.write(c.conn)
		c.mu.Lock()
		if err != nil {
			c.sendingFailed()
			break
		}
		c.closing.progress.Store(true)
	}
	c.out.writing = false
	if c.closing.queued && !c.out.broken && !c.closing.sent {
		c.closeSent()
	}
	c.wakeRoom()
	c.mu.Unlock()
}

// take removes what the next write is to write.
func (q *outgoing) take(taken []*chunk) []*chunk {
	if len(q.controls) > 0 && !q.midFrame {
		// With messages behind: a flood of pings must not keep them from leaving.
		taken = append(taken, &chunk{buf: q.controls, ends: true})
		q.controls = nil
	}
	for q.chunks.len() > 0 && len(taken) < flushChunks {
		ch := q.chunks.pop()
		q.written(ch)
		taken = append(taken, ch)
		if ch.ends && len(q.controls) > 0 {
			break
		}
	}
	return taken
}

// discard forgets what waits. Its application data stays counted, as in browsers.
func (q *outgoing) discard() {
	for q.chunks.len() > 0 {
		chunks.Put(q.chunks.pop())
	}
	q.controls = nil
}

// largeWrite is a write of several chunks.
type largeWrite struct {
	taken   []*chunk
	buffers [flushChunks + 1][]byte
	rest    net.Buffers // of buffers
}

var writes = sync.Pool{New: func() any { return new(largeWrite) }}

func (w *largeWrite) write(conn io.Writer) (err error) {
	if tcp, ok := conn.(*net.TCPConn); ok && len(w.taken) > 1 {
		w.rest = w.buffers[:0]
		for _, ch := range w.taken {
			w.rest = append(w.rest, ch.buf[ch.sent:])
		}
		_, err = w.rest.WriteTo(tcp)
		clear(w.buffers[:])
	} else {
		for _, ch := range w.taken {
			if _, err = conn.Write(ch.buf[ch.sent:]); err != nil {
				break
			}
		}
	}
	for _, ch := range w.taken {
		if cap(ch.buf) == chunkSize {
			chunks.Put(ch)
		}
	}
	clear(w.taken)
	return err
}
