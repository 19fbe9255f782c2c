package engine

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

const (
	// maxFrame is the longest payload of a frame that is sent. A longer message is fragmented, so that a pong need not
	// wait for all of it: see writeChunks.
	maxFrame = 64 << 10

	// chunkSize is enough for a frame of maxFrame with its header; together with a chunk's fields it makes whole pages.
	chunkSize = 72<<10 - 64

	// maxControls limits the pongs that wait for a peer that sends pings and reads nothing.
	maxControls = 64 << 10
)

// outgoing has what has been framed and masked and waits to be written. mu guards all of it.
type outgoing struct {
	chunks   chunkQueue
	controls *chunk      // control frames, which go out at the next frame boundary; or nil
	close    *closeFrame // ours, when it is queued
	order    order
	deflater *deflate.Deflater // for the Send whose turn it is
	limit    int64             // Config.SendLimit
	flush    func()            // Endpoint.flush: starting it allocates nothing; nil until it is needed
	keys     *frame.Keys       // nil unless somebody writes and other frames are queued

	accepted int64        // bytes of application data that Send has accepted
	handed   atomic.Int64 // of these, those that have been handed to the stream; written with mu
}

// chunk is a part of what is written. It has whole frames, so that a control frame may go between any two chunks.
type chunk struct {
	buf     []byte
	next    *chunk // in a chunkQueue
	sent    int    // bytes of buf that have been written
	app     int64  // bytes of application data that count as handed to the stream with it
	extra   int32  // its part of chunkQueue.extra
	control bool   // control frames
	ping    bool   // our ping is among them
	shared  bool   // buf is a Prepared's, and may not be changed
}

var chunks = sync.Pool{New: func() any {
	ch := new(struct {
		chunk
		memory [chunkSize]byte
	})
	ch.buf = ch.memory[:0]
	return &ch.chunk
}}

func newChunk() *chunk {
	ch := chunks.Get().(*chunk)
	*ch = chunk{buf: ch.buf[:0]}
	return ch
}

// chunkExtra is about the memory that a chunk takes besides its frames, if it is not one of newChunk.
const chunkExtra = 80

// smallChunk returns a chunk that has no more memory than frames of size bytes need, to be pushed.
func smallChunk(size int) *chunk { return &chunk{buf: make([]byte, 0, size), extra: chunkExtra} }

// room returns how many bytes of frames may be appended. The memory of a small chunk grows then.
func (ch *chunk) room() int {
	if ch.shared || ch.control || ch.sent > 0 {
		return 0
	}
	return chunkSize - len(ch.buf)
}

// sharedChunks have no memory of their own. Because they come from a pool, a message to 2,000 connections makes a
// hundredth of the allocations.
var sharedChunks = sync.Pool{New: func() any { return new(chunk) }}

// newSharedChunk returns a chunk with a frame of a Prepared.
func newSharedChunk(f *sharedFrame) *chunk {
	ch := sharedChunks.Get().(*chunk)
	*ch = chunk{buf: f.buf, app: f.app, extra: chunkExtra, shared: true}
	return ch
}

// free gives back a chunk that newChunk or newSharedChunk has returned.
func (ch *chunk) free() {
	switch {
	case ch.shared:
		ch.buf = nil
		sharedChunks.Put(ch)
	case cap(ch.buf) == chunkSize:
		chunks.Put(ch)
	}
}

// bufferedLocked returns how many bytes of application data have been accepted and not yet handed to the stream.
func (e *Endpoint) bufferedLocked() int64 { return e.out.accepted - e.out.handed.Load() }

// drainedLocked reports whether as much has been handed to the stream as AwaitBuffered has asked for.
func (e *Endpoint) drainedLocked() bool {
	return e.bufferedLocked() <= e.low && (e.low > 0 || !e.closeWaitsLocked())
}

// appendFrame appends a frame to buf. Only a client uses key.
func (e *Endpoint) appendFrame(buf []byte, op frame.Opcode, fin, rsv1 bool, payload []byte, key [4]byte) []byte {
	if e.role == frame.Server {
		buf = frame.AppendUnmaskedHeader(buf, op, fin, rsv1, int64(len(payload)))
		return append(buf, payload...)
	}
	buf = frame.AppendHeader(buf, op, fin, rsv1, int64(len(payload)), key)
	start := len(buf)
	buf = slices.Grow(buf, len(payload))[:start+len(payload)]
	frame.Mask(buf[start:], payload, key, 0)
	return buf
}

// queueFrameLocked queues a frame, which stands for app bytes of application data, after everything that is queued.
func (e *Endpoint) queueFrameLocked(op frame.Opcode, rsv1 bool, payload []byte, app int64) {
	q := &e.out.chunks
	ch, size := q.last, frame.MaxHeader+len(payload)
	if ch == nil || ch.room() < size {
		if q.backlogOfShared() {
			ch = smallChunk(size)
		} else {
			ch = newChunk()
		}
		q.push(ch)
	}
	if e.out.keys == nil {
		e.out.keys = frame.TakeKeys()
	}
	before := len(ch.buf) + len(payload)
	ch.buf = e.appendFrame(ch.buf, op, true, rsv1, payload, e.out.keys.Next())
	ch.app += app
	header := len(ch.buf) - before
	ch.extra += int32(header)
	q.extra += int32(header)
}

// queueChunkLocked queues a chunk after everything that is queued. While much waits, it fills the last one first.
// Otherwise a slow peer would have 72 KiB kept for each message of 16 KiB, and for what compression leaves of it.
func (e *Endpoint) queueChunkLocked(ch *chunk) {
	q := &e.out.chunks
	if ch.shared || q.length <= flushChunks {
		q.push(ch)
		return
	}
	last := q.last
	if last.room() < len(ch.buf) {
		if !q.backlogOfShared() || len(ch.buf) > chunkSize/2 {
			q.push(ch)
			return
		}
		last = smallChunk(len(ch.buf))
		q.push(last)
	}
	last.buf = append(last.buf, ch.buf...)
	last.app += ch.app
	ch.free()
}

// writingEndedLocked is called when no goroutine writes any more.
func (e *Endpoint) writingEndedLocked() {
	e.writing = false
	if e.out.keys != nil {
		e.out.keys.GiveBack()
		e.out.keys = nil
	}
}

// empty reports whether there is nothing to write, except perhaps our Close frame.
func (out *outgoing) empty() bool { return out.chunks.length == 0 && out.controls == nil }

// discard drops what waits. Its application data stays counted as buffered, as in browsers.
func (out *outgoing) discard() {
	for out.chunks.length > 0 {
		out.chunks.pop().free()
	}
	out.controls = nil
	out.chunks.extra = 0
}

// discardUnbegun drops everything that has not been written in part.
func (out *outgoing) discardUnbegun() {
	var begun *chunk
	if out.chunks.halfWritten() {
		begun = out.chunks.pop()
	}
	out.discard()
	if begun != nil {
		out.chunks.push(begun)
	}
}

// chunkQueue is a list of chunks, which hold whole frames, first in, first out. The first one may have been written in
// part.
type chunkQueue struct {
	first, last *chunk
	length      int32
	extra       int32 // memory that the messages take besides their application data: see acceptLocked
}

func (q *chunkQueue) push(ch *chunk) {
	if q.length == 0 {
		q.first = ch
	} else {
		q.last.next = ch
	}
	q.last = ch
	q.length++
	q.extra += ch.extra
}

// backlogOfShared reports whether much waits, the last of it shared. What follows takes a small chunk then: if messages
// to many Endpoints and to this one alternate, a slow peer would have 72 KiB kept for each of the latter.
func (q *chunkQueue) backlogOfShared() bool { return q.length > flushChunks && q.last.shared }

func (q *chunkQueue) pop() *chunk {
	ch := q.first
	q.first, ch.next = ch.next, nil
	if q.length--; q.length == 0 {
		q.last = nil
	}
	return ch
}

// putBack puts a chunk that was not written, or not all of it, before all others.
func (q *chunkQueue) putBack(ch *chunk) {
	if q.length == 0 {
		q.last = ch
	}
	q.first, ch.next = ch, q.first
	q.length++
}

// halfWritten reports whether the first chunk has been written in part: then nothing may come before the rest of it.
func (q *chunkQueue) halfWritten() bool { return q.first != nil && q.first.sent > 0 }
