package engine

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

const (
	// receiveSize is the most bytes that one read may bring.
	receiveSize = 64 << 10

	// quietSize is the same while little arrives. Whoever copies messages out of a buffer may have to wait for the garbage
	// collector, and other connections need new buffers meanwhile. If all were large, a server's ping-pong of 1 KiB on 100
	// connections allocated half as much again.
	quietSize = 4 << 10

	// batchMessages is the most messages that are handed over at once.
	batchMessages = 256

	// batchBytes ends a batch early: compressed messages may be much longer than what was read.
	batchBytes = 1 << 20

	// headSize is how many bytes are read before the rest of a long message is read into the memory of a Read: the header
	// and a little more. With receiveSize, most of the message would have to be copied: 64 KiB took 1.8 times as long.
	headSize = 4 << 10

	// longMessage is the length from which on that is worth another system call.
	longMessage = 32 << 10
)

// incoming has the bytes that were read from the stream. It belongs to whoever holds the right to read.
type incoming struct {
	reader  frame.Reader
	rest    []byte  // read and not parsed yet
	buffer  *Buffer // that rest is a part of, if it is one of buffers
	copied  bool    // a message may lie in the Inflater's memory, so it is copied
	ignore  bool    // drop what arrives
	flooded bool    // a large batch has come since the stream was idle
	much    bool    // the last read brought so much that a buffer of quietSize is probably too small
	watch   *watch  // the context of the Read that holds the right; nil until one has a context that can end
}

// Buffer has the bytes of one read.
type Buffer struct {
	bytes   []byte
	holders atomic.Int32
}

// Buffers are only held while there is something to read, and batches while it is parsed.
var (
	buffers      = sync.Pool{New: func() any { return &Buffer{bytes: make([]byte, receiveSize)} }}
	quietBuffers = sync.Pool{New: func() any { return &Buffer{bytes: make([]byte, quietSize)} }}
	batches      = sync.Pool{New: func() any { return new([batchMessages]Message) }}
)

func takeBuffer(much bool) (b *Buffer) {
	if much {
		b = buffers.Get().(*Buffer)
	} else {
		b = quietBuffers.Get().(*Buffer)
	}
	b.holders.Store(1)
	return b
}

func (in *incoming) init(config *Config) {
	in.reader.Init(config.Role, config.Limit, config.Inflater)
	in.rest = config.Early
	in.copied = config.Inflater != nil
}

// forget drops everything that is under way.
func (in *incoming) forget() {
	in.release()
	in.reader.Release()
	if in.watch != nil {
		in.watch.end()
	}
}

// offer lets the next message go into memory of the program, until Withdraw of the Reader.
func (in *incoming) offer(room []byte) {
	if cap(room) > 0 {
		in.reader.Offer(room)
	}
}

// release gives back the buffer.
func (in *incoming) release() {
	in.rest = nil
	if in.buffer != nil {
		in.buffer.Release()
		in.buffer = nil
	}
}

// Release gives back a Buffer that KeepBuffer has returned.
func (b *Buffer) Release() {
	switch {
	case b.holders.Add(-1) > 0:
	case len(b.bytes) == receiveSize:
		buffers.Put(b)
	default:
		quietBuffers.Put(b)
	}
}

// Has reports whether a message lies in b.
func (b *Buffer) Has(payload []byte) bool {
	first, at := uintptr(unsafe.Pointer(unsafe.SliceData(b.bytes))), uintptr(unsafe.Pointer(unsafe.SliceData(payload)))
	return first <= at && at < first+uintptr(len(b.bytes))
}

// KeepBuffer is for the Owner, during Received. It returns the Buffer that messages may lie in, or nil if there is
// none. The bytes of the Buffer do not change until Release.
func (e *Endpoint) KeepBuffer() *Buffer {
	b := e.incoming.buffer
	if b != nil {
		b.holders.Add(1)
	}
	return b
}

// lazyBuffers makes an Endpoint the Buffers of its stream.
type lazyBuffers Endpoint

func (b *lazyBuffers) Get() []byte {
	if b.incoming.buffer != nil && b.incoming.buffer.holders.Load() > 1 {
		b.incoming.release() // messages lie in it, and what was read behind them is ignored
	}
	if b.incoming.buffer == nil {
		b.incoming.buffer = takeBuffer(b.incoming.much)
	}
	if b.incoming.reader.Offered() && b.incoming.reader.Expects() >= longMessage {
		return b.incoming.buffer.bytes[:headSize]
	}
	return b.incoming.buffer.bytes
}

func (b *lazyBuffers) Idle() {
	b.incoming.release()
	if b.incoming.flooded {
		b.incoming.flooded = false
		b.owner.Idle()
	}
}

// receive handles the next bytes: those that have been read but not parsed yet or, if there are none, those that it
// waits for.
func (e *Endpoint) receive() (Next, error) {
	in := &e.incoming
	if in.ignore {
		return ReadOn, e.ignoreSome()
	}
	if len(in.rest) > 0 {
		return e.parse(), nil
	}
	if free := in.reader.Want(); free != nil {
		n, err := e.stream.Read(free)
		if err != nil {
			return ReadOn, err
		}
		e.received.Add(int64(n))
		ev, err := in.reader.Advance(n)
		return e.handle(ev, err), nil
	}
	rest, err := e.stream.ReadSome((*lazyBuffers)(e))
	if err != nil {
		in.release()
		return ReadOn, err
	}
	e.received.Add(int64(len(rest)))
	in.rest, in.much = rest, len(rest) >= quietSize/2
	return e.parse(), nil
}

// ignoreSome reads bytes that nobody wants, so that the end of the stream is noticed and the peer can still take our
// Close frame.
func (e *Endpoint) ignoreSome() error {
	in := &e.incoming
	in.rest = nil
	data, err := e.stream.ReadSome((*lazyBuffers)(e))
	e.received.Add(int64(len(data)))
	if err != nil {
		in.release()
	}
	return err
}

// parse handles what has been read, up to as many messages as are handed over together, or up to something that is not
// a message. The rest is left for the next call, after the Owner has had these: so they are still in the processor's
// cache.
func (e *Endpoint) parse() (next Next) {
	var err error
	in := &e.incoming
	batch := batches.Get().(*[batchMessages]Message)
	count, size := 0, 0
	var other Message
	for other.Op == frame.Continuation && err == nil && len(in.rest) > 0 && count < len(batch) && size < batchBytes {
		if count > 0 {
			in.reader.Withdraw() // the messages after the first are not for the Read that has offered memory
		}
		if n, used := in.reader.Burst(in.rest, batch[count:]); n > 0 {
			in.rest = in.rest[used:]
			count += n
			continue
		}
		var ev Message
		var used int
		ev, used, err = in.reader.Next(in.rest)
		in.rest = in.rest[used:]
		switch ev.Op {
		case frame.Text, frame.Binary:
			if in.copied && !ev.Owned && !ev.Offered {
				ev.Payload, ev.Owned = append([]byte(nil), ev.Payload...), true
			}
			size += len(ev.Payload)
			batch[count] = ev
			count++
		default:
			other = ev
		}
	}
	if count > 0 {
		in.flooded = in.flooded || count > keptIdle
		next = e.handOver(batch[:count])
		clear(batch[:count])
		in.reader.Withdraw()
	}
	batches.Put(batch)
	if other.Op != frame.Continuation || err != nil {
		e.handle(other, err)
	}
	if len(in.rest) == 0 {
		in.release()
	}
	return next
}

// keptIdle is the number of messages for which an Owner may keep memory while there is nothing to read: after more,
// Idle is called.
const keptIdle = 16

// handOver gives messages to the Owner.
func (e *Endpoint) handOver(batch []Message) Next {
	if e.reading.wanted.Load() {
		e.reading.wanted.Store(false) // by a Read that gets one of these
	}
	next := e.owner.Received(batch)
	if !e.inlineNext.Load() {
		e.inlineNext.Store(true)
	}
	if next == Pause {
		e.mu.Lock()
		e.pauses++
		e.mu.Unlock()
		return ReadOn
	}
	return next
}

// handle handles one result of the parser.
func (e *Endpoint) handle(ev Message, err error) Next {
	if err != nil {
		e.peerFailed(err)
		return ReadOn
	}
	switch ev.Op {
	case frame.Text, frame.Binary:
		batch := batches.Get().(*[batchMessages]Message)
		batch[0] = ev
		next := e.handOver(batch[:1])
		batch[0] = Message{}
		batches.Put(batch)
		e.incoming.reader.Withdraw()
		return next
	case frame.Ping:
		e.answerPing(ev.Payload)
		e.restLater()
	case frame.Pong:
		e.restLater()
	case frame.Close:
		e.peerClosed(ev.Payload)
	}
	return ReadOn
}
