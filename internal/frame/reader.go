package frame

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"sync"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// Event is something complete that the peer sent: a whole message, reassembled and inflated, or a control frame. In the
// zero Event, Op is Continuation: nothing is complete yet.
type Event struct {
	// Op is Text, Binary, Close, Ping or Pong.
	Op Opcode
	// Payload of a Text is valid UTF-8; that of a Close still has to go through ParseClose.
	Payload []byte
	// Owned says that the caller may keep Payload: nothing else uses its memory.
	Owned bool
	// Offered says that Payload is at the beginning of the memory that was given to Offer. If Payload is neither Owned nor
	// Offered, it is valid until the next call of the Reader or until the buffer given to Next is reused, whichever comes
	// first.
	Offered bool
}

const (
	// MaxEmptyFragments is the most empty fragments of a message that may follow each other. They cost the sender next to
	// nothing and could go on forever, because no limit on lengths ends them.
	MaxEmptyFragments = 1000

	// Want offers memory when at least direct bytes have arrived and as many are to come: below that, reading into a
	// shared buffer and copying is cheaper than a system call that brings nothing of the next frame.
	direct = 16 << 10
)

// Side says at which end of a connection a Reader is.
type Side uint8

const (
	// Client reads what a server sends: frames without a mask.
	Client Side = iota
	// Server reads what a client sends: masked frames.
	Server
)

// Reader parses what the peer sends. It holds everything that RFC 6455 forbids for an error: masked frames from a
// server, others from a client, lengths that are not minimal, reserved bits that no extension defines, reserved
// opcodes, fragmented or long control frames, continuations without a beginning, data frames inside a fragmented
// message and text that is not UTF-8, which is noticed as soon as the wrong byte arrives. A message that goes on
// without content is a violation of policy: see MaxEmptyFragments and deflate.MaxEmptyBlocks. A Reader must be
// initialised with Init and is for one goroutine at a time.
//
// For a message under way it uses at most twice as much memory as the message will be long, whatever frames announce;
// messages shorter than 128 KiB may take that much beyond their length.
type Reader struct {
	limit   int64
	deflate *compression // nil without permessage-deflate

	mask  byte // the mask bit as frames must have it
	start byte // the length of the shortest header
	slow  bool // the stream is within a message, or has ended: the fast paths are not possible

	// usual is how much a message may allocate at once, because one shortly before was as long: it is halved after each
	// further message or burst. Without it a flood of messages of 1 MiB took 1.6 times as long.
	usual int

	room     []byte // the memory that was given to Offer, for the next message; otherwise nil
	*partial        // nil between two messages that arrive whole
}

// partial is the frame and the message under way, or the error that ended the stream. It is separate because most of
// the time there is none: short messages that arrive whole do not need it.
type partial struct {
	// The frame under way.
	header  [MaxHeader]byte // its header, as far as it came in pieces
	have    uint8           // how many bytes of header have arrived
	payload bool            // the header is complete, payload follows
	fin     bool
	op      Opcode
	key     [4]byte         // its mask, turned so that it begins with the next byte of payload
	rest    int64           // payload bytes still to come
	control *controlPayload // of a control frame that comes in pieces

	// The message under way.
	message    Opcode // Text or Binary; Continuation while there is none
	compressed bool
	fragmented bool
	empty      uint16 // how many empty fragments came last
	text       textStream
	body       body // its payload so far; what compression.out has follows

	err error // what ended the stream, returned from then on
}

var partials = sync.Pool{New: func() any { return new(partial) }}

// begin provides the partial for a message that does not arrive whole.
func (r *Reader) begin() {
	if r.partial == nil {
		r.partial = partials.Get().(*partial)
		r.body.room = r.room
	}
}

// settle is called when the bytes of one call have been read. It gives back the partial if it is no longer needed.
func (r *Reader) settle() {
	r.slow = r.MidMessage() || r.ended()
	if r.slow || r.partial == nil {
		return
	}
	*r.partial = partial{}
	partials.Put(r.partial)
	r.partial = nil
}

// compression has what is needed for compressed messages. It is separate because few connections have them.
type compression struct {
	inflater *deflate.Inflater
	out      []byte // what of the message under way lies in memory of inflater, behind what the Reader has copied
	inflated int64  // how many bytes of the message have been inflated
}

type controlPayload struct {
	bytes [maxControl]byte
	n     int
}

// NewReader returns an initialised Reader.
func NewReader(side Side, limit int64, inflater *deflate.Inflater) *Reader {
	r := new(Reader)
	r.Init(side, limit, inflater)
	return r
}

// Init makes r ready for the first byte after the opening handshake. side is the end that reads. limit is the
// length in bytes of the longest message accepted, counted after inflating and over all fragments; negative means
// MaxMessage, which no other limit exceeds either. Without an Inflater, compressed messages are an error.
func (r *Reader) Init(side Side, limit int64, inflater *deflate.Inflater) {
	if limit < 0 || limit > MaxMessage {
		limit = MaxMessage
	}
	*r = Reader{limit: limit, start: 2}
	if side == Server {
		r.mask, r.start = maskBit, 2+4
	}
	if inflater != nil {
		r.deflate = &compression{inflater: inflater}
	}
}

// Next consumes bytes of buf up to the end of the first event that they complete, and returns how many. When
// nothing is complete yet, ev.Op is Continuation and n is len(buf). An error is an *Error, except ErrReleased; it is
// the last result: every later call returns the same one. A Server's Next takes the masks away in buf itself.
func (r *Reader) Next(buf []byte) (ev Event, n int, err error) {
	// The fast path: a short unfragmented message that is in buf from beginning to end. Every error that such a frame can
	// have, except in its text, shows in the two bytes compared here. It triples the speed of parsing small
	// messages.
	if len(buf) >= 2 && !r.slow {
		op, short, start := Opcode(buf[0]&opBits), buf[1]^r.mask, int(r.start)
		length := int(short)
		if length == length16 && len(buf) >= 4 {
			length, start = int(binary.BigEndian.Uint16(buf[2:])), start+2
			if length < length16 {
				length = math.MaxInt // not minimal: leave it to the other path
			}
		}
		if (buf[0] == finBit|byte(Text) || buf[0] == finBit|byte(Binary)) && short <= length16 && length <= len(buf)-start &&
			int64(length) <= r.limit {
			end := start + length
			p := buf[start:end:end]
			if r.mask != 0 {
				Mask(p, p, [4]byte(buf[start-4:]), 0)
			}
			if op == Text && !validText(p) {
				return Event{}, end, r.fail(errNotText)
			}
			r.usual /= 2
			return Event{Op: op, Payload: p}, end, nil
		}
	}
	ev, n, err = r.next(buf)
	r.settle()
	return ev, n, err
}

// ended reports whether there has been an error.
func (r *Reader) ended() bool { return r.partial != nil && r.err != nil }

func (r *Reader) next(buf []byte) (ev Event, n int, err error) {
	r.begin()
	if r.err != nil {
		return Event{}, 0, r.err
	}
	for n < len(buf) {
		if !r.payload {
			k, err := r.readHeader(buf[n:])
			n += k
			if err != nil {
				return Event{}, n, r.fail(err)
			}
			if !r.payload {
				break
			}
		}
		k := int(min(r.rest, int64(len(buf)-n)))
		chunk := buf[n : n+k : n+k]
		n += k
		r.unmask(chunk)
		ev, err = r.readPayload(chunk)
		if err != nil {
			return Event{}, n, r.fail(err)
		}
		if ev.Op != Continuation {
			return ev, n, nil
		}
	}
	return Event{}, n, nil
}

// unmask takes the mask away from the next bytes of the frame under way.
func (r *Reader) unmask(chunk []byte) {
	if r.mask == 0 {
		return
	}
	next := Mask(chunk, chunk, r.key, 0)
	r.key = [4]byte{r.key[next&3], r.key[(next+1)&3], r.key[(next+2)&3], r.key[(next+3)&3]}
}

// Burst parses short unfragmented messages that are in buf from beginning to end, as many as events has room for.
// It returns how many and how many bytes they take, in which a Server's Burst takes the masks away. It stops before
// anything else, which is for Next.
func (r *Reader) Burst(buf []byte, events []Event) (count, n int) {
	if r.slow {
		return 0, 0
	}
	for count < len(events) && len(buf)-n >= 2 {
		op, length, start := Opcode(buf[n]&opBits), int(buf[n+1]^r.mask), n+int(r.start)
		if buf[n] != finBit|byte(Text) && buf[n] != finBit|byte(Binary) || length >= length16 || length > len(buf)-start ||
			int64(length) > r.limit {
			break
		}
		end := start + length
		p := buf[start:end:end]
		if r.mask != 0 {
			Mask(p, p, [4]byte(buf[start-4:]), 0)
		}
		if op == Text && !validText(p) {
			if r.mask != 0 {
				Mask(p, p, [4]byte(buf[start-4:]), 0) // as it was
			}
			break
		}
		events[count] = Event{Op: op, Payload: p}
		count++
		n = end
	}
	if count > 0 {
		r.usual /= 2
	}
	return count, n
}

// MidMessage reports whether some but not all bytes of a message or a control frame have arrived.
func (r *Reader) MidMessage() bool {
	return r.partial != nil && (r.have > 0 || r.payload || r.message != Continuation)
}

// Want returns free memory for the following bytes of the connection, when a large payload is under way: reading
// into it saves a copy. The caller either fills a beginning of it and calls Advance, or ignores it and calls Next.
// Otherwise Want returns nil.
func (r *Reader) Want() []byte {
	if r.partial == nil || !r.payload || r.compressed || r.op >= Close || r.rest < direct {
		return nil
	}
	if free := r.body.free(); free < direct {
		// Next fills what is left of a part; otherwise it would count as memory of the message.
		if r.body.len() < direct || r.fragmented && free > 0 {
			return nil
		}
		if !r.makeRoom(0) {
			return nil // Next will say so
		}
	}
	free := r.body.data[len(r.body.data):cap(r.body.data)]
	return free[:min(int64(len(free)), r.rest)]
}

// Advance says that the next n bytes of the connection are at the beginning of what Want returned just before. Its
// results are those of Next.
func (r *Reader) Advance(n int) (ev Event, err error) {
	if r.err != nil {
		return Event{}, r.err
	}
	have := len(r.body.data)
	r.body.data = r.body.data[:have+n]
	chunk := r.body.data[have:]
	r.rest -= int64(n)
	r.unmask(chunk)
	if r.message == Text && !r.text.write(chunk) {
		return Event{}, r.fail(errNotText)
	}
	ev, err = r.endPayload()
	if err != nil {
		return Event{}, r.fail(err)
	}
	r.settle()
	return ev, nil
}

// Offer gives the Reader memory of the caller's, whose capacity counts: the next message goes into it if it fits and is
// not in the caller's buffer as a whole. That saves an allocation and mostly a copy. The memory is the Reader's until
// Withdraw is called, which must be before a message that follows the next one is parsed.
func (r *Reader) Offer(room []byte) {
	r.room = room[:0]
	if r.partial != nil {
		r.body.room = r.room
	}
}

// Offered reports whether the Reader still has the memory that was given to Offer: no message has gone there.
func (r *Reader) Offered() bool { return r.room != nil }

// Withdraw ends an Offer. What has arrived of a message that is still under way is moved elsewhere.
func (r *Reader) Withdraw() {
	r.room = nil
	if r.partial == nil {
		return
	}
	r.body.room = nil
	if r.body.inRoom && !r.body.grow(0, int64(r.body.len())+r.rest, 0) {
		r.fail(errNoMemory) // as the next call will say
	}
}

// Expects returns the length of a recent message, if it was long: the next one may be as long.
func (r *Reader) Expects() int { return r.usual }

var (
	errNoMemory       error = &Error{Code: MessageTooBig, Reason: "message for which there is no memory"}
	errNotText        error = &Error{Code: InvalidPayload, Reason: "text message that is not UTF-8"}
	errEmptyFragments error = &Error{
		Code:   PolicyViolation,
		Reason: "message with more than " + strconv.Itoa(MaxEmptyFragments) + " empty fragments in succession",
	}
)

// ErrReleased is what the methods of a Reader return after Release, unless there was an error before.
var ErrReleased = errors.New("frame: the Reader has been released")

// Release ends the stream and lets go of all memory: of a message under way, and what the Inflater keeps between
// two messages.
func (r *Reader) Release() {
	if !r.ended() {
		r.fail(ErrReleased)
	}
}

// fail ends the stream and lets go of what it held.
func (r *Reader) fail(err error) error {
	if r.deflate != nil {
		r.deflate.inflater.Release()
	}
	*r = Reader{slow: true, partial: &partial{err: err}}
	return err
}
