package engine

import (
	"sync"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// Writing. One goroutine at a time writes, as e.writing says. It holds no lock while it writes. Whoever finds e.writing
// set leaves what it has queued to the goroutine that writes.
//
// A Send, a Close, or the answer to a ping writes itself what the stream takes without waiting, so that an answer
// leaves without a change of goroutines. The rest, and a flood of Sends, is left to flush, which collects it into large
// writes.

const (
	// flushChunks is the number of chunks in one write. With chunkSize it limits what leaves between a ping and its pong:
	// all of a write under way, 216 KiB. It also limits how far BufferedAmount may be ahead of the network.
	flushChunks = 3

	// inlineChunks is the number of chunks of a large message that its Send may keep before it leaves writing to a
	// goroutine. The stream is often ready again after a few: with three instead, sending 1 MiB takes 1.1 times as long.
	inlineChunks = 8

	// closeInline is the most bytes that StartClosing writes itself.
	closeInline = 1 << 20
)

// startWritingLocked makes sure that what is queued is written.
func (e *Endpoint) startWritingLocked() {
	if e.writing || !e.dueLocked() {
		return
	}
	// The first Send after something was received writes itself; in a flood of Sends only the first one does.
	if e.sending == open && !e.flushing && e.inlineNext.Load() {
		e.inlineNext.Store(false)
		e.writeInlineLocked(1)
	}
	e.leaveWritingLocked()
}

// leaveWritingLocked takes care of the rest when somebody stops writing. The Close frame may have been queued
// meanwhile. Whoever finds it due writes it and does not leave it to a goroutine, because the program may exit right
// after its Close.
func (e *Endpoint) leaveWritingLocked() {
	if e.sending == closeQueued && !e.writing {
		if int(e.out.chunks.length)*chunkSize <= closeInline {
			e.stream.TakeMore() // nothing follows that should overtake it
		}
		e.writeInlineLocked(closeInline)
	}
	e.startFlushLocked()
}

// startFlushLocked leaves what is queued to a goroutine. Until that runs, a Close may still write by itself.
func (e *Endpoint) startFlushLocked() {
	if !e.writing && !e.flushing && e.dueLocked() {
		e.flushing = true
		if e.out.flush == nil {
			e.out.flush = e.flush
		}
		go e.out.flush()
	}
}

// writeSomeLocked is for a Send that is queueing a large message: it writes as long as the stream takes the bytes
// at once. The same few chunks then serve all of the message.
func (e *Endpoint) writeSomeLocked() {
	if e.writing || e.flushing {
		return
	}
	e.writeInlineLocked(closeInline)
	if e.out.chunks.length >= inlineChunks {
		e.startFlushLocked()
	}
}

// dueLocked reports whether there is something to write.
func (e *Endpoint) dueLocked() bool {
	return e.sending != broken && (!e.out.empty() || e.closeDueLocked())
}

// closeDueLocked reports whether it is the turn of our Close frame: all messages before it have been written, and no
// earlier Send is still at work.
func (e *Endpoint) closeDueLocked() bool {
	return e.sending == closeQueued && e.out.chunks.length == 0 && !e.out.order.busy
}

// nextLocked takes what has to be written next, or nil if there is nothing: the rest of a chunk, control frames, a
// chunk, or the Close frame. The Close frame is not written together with messages, because until then a control frame
// may overtake it. But it does go with the last control frames; otherwise a peer that sends pings without end would
// keep it from leaving.
func (e *Endpoint) nextLocked() *chunk {
	out := &e.out
	switch {
	case e.sending == broken:
		return nil
	case e.closeDueLocked():
		ch := e.takeControlsLocked()
		payload := frame.AppendClose(nil, out.close.code, out.close.reason)
		ch.buf = e.appendFrame(ch.buf, frame.Close, true, false, payload, frame.NewKey())
		e.setSendingLocked(closeWriting)
		return ch
	case out.controls != nil && !out.chunks.halfWritten():
		return e.takeControlsLocked()
	case out.chunks.length > 0:
		ch := out.chunks.pop()
		// Bytes count as handed to the stream before the system call, so that no echo can arrive while its message still
		// counts.
		if ch.app > 0 {
			out.handed.Add(ch.app)
			ch.app = 0
		}
		out.chunks.extra -= ch.extra
		ch.extra = 0
		return ch
	}
	return nil
}

// takeControlsLocked takes the control frames, of which there may be none.
func (e *Endpoint) takeControlsLocked() *chunk {
	ch := e.out.controls
	if ch == nil {
		return new(chunk)
	}
	e.out.controls = nil
	if ch.ping {
		e.pingLeavesLocked()
	}
	return ch
}

// putBackLocked puts back a chunk that was not written, or not all of it.
func (e *Endpoint) putBackLocked(ch *chunk) {
	if !ch.control || ch.sent > 0 || e.sending == closeWriting {
		e.out.chunks.putBack(ch)
		return
	}
	if later := e.out.controls; later != nil {
		ch.buf = append(ch.buf, later.buf...)
		ch.ping = ch.ping || later.ping
	}
	e.out.controls = ch
}

// writeInlineLocked writes what the stream takes without waiting, up to about limit bytes. It gives up mu meanwhile.
func (e *Endpoint) writeInlineLocked(limit int) {
	most := e.stream.TryLimit()
	if most == 0 {
		return
	}
	out := &e.out
	e.writing = true
	for limit > 0 {
		if first := out.chunks.first; first != nil && out.controls == nil && len(first.buf)-first.sent > most {
			break
		}
		ch := e.nextLocked()
		if ch == nil {
			break
		}
		e.unlock()
		rest := ch.buf[ch.sent:]
		n, err := e.stream.TryWrite(rest)
		e.mu.Lock()
		if err != nil {
			e.writeFailedLocked(err)
			break
		}
		ch.sent += n
		limit -= n
		if n < len(rest) {
			if e.sending != broken {
				e.putBackLocked(ch)
			}
			break
		}
		e.wroteLocked(ch)
	}
	e.writingEndedLocked()
}

// flush writes until nothing is left.
func (e *Endpoint) flush() {
	w := writes.Get().(*largeWrite)
	defer writes.Put(w)
	e.mu.Lock()
	defer e.unlock()
	e.flushing = false
	if e.writing {
		return // whoever writes takes care of the rest
	}
	e.writing = true
	for e.fillLocked(w) {
		if e.out.chunks.length >= flushChunks {
			e.keepReadingLocked() // a ping is not to wait for all of that
		}
		e.unlock()
		err := e.stream.Write(w.buffers)
		e.mu.Lock()
		if err != nil {
			w.clear()
			e.writeFailedLocked(err)
			break
		}
		for _, ch := range w.chunks {
			e.wroteLocked(ch)
		}
		w.clear()
	}
	e.writingEndedLocked()
}

// largeWrite is a write of several chunks.
type largeWrite struct {
	chunks  []*chunk
	buffers [][]byte
}

var writes = sync.Pool{New: func() any { return new(largeWrite) }}

func (w *largeWrite) clear() {
	clear(w.chunks)
	clear(w.buffers)
	w.chunks, w.buffers = w.chunks[:0], w.buffers[:0]
}

// fillLocked takes what one write has to write. It reports false if there is nothing.
func (e *Endpoint) fillLocked(w *largeWrite) bool {
	for len(w.chunks) < flushChunks {
		if len(w.chunks) > 0 && (e.out.chunks.length == 0 || e.out.controls != nil) {
			break // the Close frame goes alone; control frames go first, in the next write
		}
		ch := e.nextLocked()
		if ch == nil {
			break
		}
		w.chunks = append(w.chunks, ch)
		w.buffers = append(w.buffers, ch.buf[ch.sent:])
	}
	return len(w.chunks) > 0
}

// wroteLocked is called when a chunk has been written.
func (e *Endpoint) wroteLocked(ch *chunk) {
	if ch.ping {
		e.pingTakenLocked()
	}
	if e.sending == closeWriting {
		failed := e.receiving == ignoring
		e.setSendingLocked(closeSent)
		if failed {
			go e.closeWrite()
		}
	}
	ch.free()
}

// closeWrite tells the peer of a connection in the state ignoring that nothing follows. Unlike a close with unread
// data, it does not drop what is still on its way.
func (e *Endpoint) closeWrite() {
	if e.stream.CloseWrite() != nil {
		e.mu.Lock()
		e.endLocked(nil)
		e.unlock()
	}
}

// writeFailedLocked is called when a write has failed. The goroutine that reads gets a little time to find out what the
// peer sent before, and perhaps a better reason.
func (e *Endpoint) writeFailedLocked(err error) {
	if e.sending == broken {
		return
	}
	e.setSendingLocked(broken)
	if e.closing != nil {
		e.closing.writeErr = err
	}
}
