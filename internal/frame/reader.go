package frame

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// Event is something complete that the server sent: a whole message, reassembled and inflated, or a control frame. In the
// zero Event, Op is Continuation: nothing is complete yet.
type Event struct {
	// Op is Text, Binary, Close, Ping or Pong.
	Op Opcode
	// Payload of a Text is valid UTF-8; that of a Close still has to go through ParseClose.
	Payload []byte
	// Owned says that Payload is memory of its own, the caller's to keep. Otherwise Payload is valid until the next call of
	// the Reader or until the buffer given to Next is reused, whichever comes first.
	Owned bool
}

const (
	// firstAllocation is what the first bytes of an unfinished message may allocate, whatever their header announces.
	firstAllocation = 4 << 10
	// growth bounds how much memory one received byte of an unfinished message may reserve. By four, a large message is
	// copied a third of its length in all.
	growth = 4
	// headStart is the same as growth up to headStartEnd bytes: a message of 1 MiB whose first 64 KiB have arrived gets all of
	// its memory.
	headStart    = 16
	headStartEnd = 1 << 20
	// direct is from how many bytes, arrived and to come, Want offers memory: below, reading into a shared buffer and copying is
	// cheaper than a system call that brings nothing of the next frame.
	direct = 16 << 10
)

// Reader parses what a server sends. It holds everything that RFC 6455 forbids a server for an error: masked frames, lengths
// that are not minimal, reserved bits that no extension defines, reserved opcodes, fragmented or long control frames,
// continuations without a beginning, data frames inside a fragmented message and text that is not UTF-8, which is noticed as
// soon as the wrong byte arrives. A Reader must be initialised with Init and is for one goroutine at a time.
type Reader struct {
	limit   int64
	deflate *compression // nil without permessage-deflate
	err     error        // what ended the stream, returned from then on

	// The frame under way.
	header  [10]byte // its header, as far as it came in pieces
	have    uint8    // how many bytes of header have arrived
	payload bool     // the header is complete, payload follows
	fin     bool
	op      Opcode
	rest    int64 // payload bytes still to come

	// The message under way.
	message    Opcode // Text or Binary; Continuation while there is none
	compressed bool
	fragmented bool
	text       textStream
	data       []byte // its payload so far, of its own memory; what compression.out has follows
	usual      int    // what a message may take at once, because one before has had as much: see grow

	control *controlPayload // of a control frame that comes in pieces
}

// compression is what is needed for compressed messages, apart because few connections have them.
type compression struct {
	inflater *deflate.Inflater
	out      []byte // what of the message under way lies in memory of inflater, behind what the Reader has copied
	inflated int64  // how many bytes of the message have been inflated
}

type controlPayload struct {
	bytes [maxControl]byte
	n     int
}

// NewReader returns a Reader after Init.
func NewReader(limit int64, inflater *deflate.Inflater) *Reader {
	r := new(Reader)
	r.Init(limit, inflater)
	return r
}

// Init makes r ready for the first byte after the opening handshake. limit is the length in bytes of the longest message
// accepted, counted after inflating and over all fragments; negative means none. Without an Inflater, compressed messages are
// an error.
func (r *Reader) Init(limit int64, inflater *deflate.Inflater) {
	*r = Reader{limit: limit}
	if inflater != nil {
		r.deflate = &compression{inflater: inflater}
	}
}

// Next consumes bytes of buf up to the end of the first event that they complete, and returns how many. When nothing is
// complete yet, ev.Op is Continuation and n is len(buf). An error is an *Error; it is the last result: every later call
// returns the same one.
func (r *Reader) Next(buf []byte) (ev Event, n int, err error) {
	// The fast path: a short unfragmented message that is in buf from beginning to end. Everything that such a frame can be
	// wrong in, besides its text, shows in the two bytes compared here. It triples the speed of parsing small messages.
	if len(buf) >= 2 && r.have == 0 && !r.payload && r.message == Continuation && r.err == nil {
		op, length, start := Opcode(buf[0]&opBits), int(buf[1]), 2
		if length == length16 && len(buf) >= 4 {
			length, start = int(binary.BigEndian.Uint16(buf[2:])), 4
			if length < length16 {
				length = math.MaxInt // not minimal: leave it to the other path
			}
		}
		if (buf[0] == finBit|byte(Text) || buf[0] == finBit|byte(Binary)) && buf[1] <= length16 && length <= len(buf)-start &&
			(r.limit < 0 || int64(length) <= r.limit) {
			end := start + length
			p := buf[start:end:end]
			if op == Binary || validText(p) {
				r.usual /= 2
				return Event{Op: op, Payload: p}, end, nil
			}
		}
	}
	return r.next(buf)
}

func (r *Reader) next(buf []byte) (ev Event, n int, err error) {
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

// Burst parses short unfragmented messages that are in buf from beginning to end, as many as events has room for. It returns
// how many and how many bytes they take. It stops before anything else, which is for Next.
func (r *Reader) Burst(buf []byte, events []Event) (count, n int) {
	if r.have != 0 || r.payload || r.message != Continuation || r.err != nil {
		return 0, 0
	}
	for count < len(events) && len(buf)-n >= 2 {
		op, length, start := Opcode(buf[n]&opBits), int(buf[n+1]), n+2
		if buf[n] != finBit|byte(Text) && buf[n] != finBit|byte(Binary) || length >= length16 || length > len(buf)-start ||
			r.limit >= 0 && int64(length) > r.limit {
			break
		}
		end := start + length
		p := buf[start:end:end]
		if op == Text && !validText(p) {
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
func (r *Reader) MidMessage() bool { return r.have > 0 || r.payload || r.message != Continuation }

// Want returns free memory for the following bytes of the connection, when a large payload is under way: reading into it
// saves a copy. The caller either fills a beginning of it and calls Advance, or ignores it and calls Next. Otherwise Want
// returns nil.
func (r *Reader) Want() []byte {
	if r.err != nil || !r.payload || r.compressed || r.op >= Close || r.rest < direct {
		return nil
	}
	if cap(r.data)-len(r.data) < direct {
		if len(r.data) < direct {
			return nil
		}
		r.grow(0, r.rest)
	}
	free := r.data[len(r.data):cap(r.data)]
	return free[:min(int64(len(free)), r.rest)]
}

// Advance says that the next n bytes of the connection are at the beginning of what Want returned just before. Its results are
// those of Next.
func (r *Reader) Advance(n int) (ev Event, err error) {
	if r.err != nil {
		return Event{}, r.err
	}
	chunk := r.data[len(r.data) : len(r.data)+n]
	r.data = r.data[:len(r.data)+n]
	r.rest -= int64(n)
	if r.message == Text && !r.text.write(chunk) {
		return Event{}, r.fail(errNotText)
	}
	ev, err = r.endPayload()
	if err != nil {
		return Event{}, r.fail(err)
	}
	return ev, nil
}

var errNotText = error(&Error{Code: InvalidPayload, Reason: "text message that is not UTF-8"})

// fail ends the stream and lets go of what it held.
func (r *Reader) fail(err error) error {
	limit := r.limit
	if r.deflate != nil {
		r.deflate.inflater.Release()
	}
	r.Init(limit, nil)
	r.err = err
	return err
}

// readHeader consumes bytes of a frame's header and checks it when it is complete.
func (r *Reader) readHeader(buf []byte) (n int, err error) {
	if r.have < 2 {
		n = copy(r.header[r.have:2], buf)
		r.have += uint8(n)
		if r.have < 2 {
			return n, nil
		}
		// What two bytes show is not left until the others have arrived.
		if err := r.checkStart(r.header[0], r.header[1]); err != nil {
			return n, err
		}
	}
	need := 2
	switch r.header[1] {
	case length16:
		need = 4
	case length64:
		need = 10
	}
	k := copy(r.header[r.have:need], buf[n:])
	n += k
	r.have += uint8(k)
	if int(r.have) < need {
		return n, nil
	}
	r.have = 0
	length, err := r.length()
	if err != nil {
		return n, err
	}
	return n, r.beginPayload(Opcode(r.header[0]&opBits), length)
}

// checkStart applies the rules about the first two bytes of a frame.
func (r *Reader) checkStart(first, second byte) error {
	op := Opcode(first & opBits)
	fin := first&finBit != 0
	length := second &^ maskBit
	switch op {
	case Text, Binary, Continuation, Close, Ping, Pong:
	default:
		return protocolError("frame with the reserved opcode " + strconv.Itoa(int(op)))
	}
	if rsv := first & rsvBits; rsv != 0 && (rsv != rsv1Bit || r.deflate == nil || op != Text && op != Binary) {
		return protocolError("frame with a reserved bit set")
	}
	if second&maskBit != 0 {
		return protocolError("masked frame from the server")
	}
	switch {
	case op >= Close && !fin:
		return protocolError("fragmented control frame")
	case op >= Close && length > maxControl:
		return protocolError("control frame of more than 125 bytes")
	case op == Continuation && r.message == Continuation:
		return protocolError("continuation frame without a message to continue")
	case (op == Text || op == Binary) && r.message != Continuation:
		return protocolError("data frame inside a fragmented message")
	}
	return nil
}

// length decodes the payload length of a complete header.
func (r *Reader) length() (int64, error) {
	switch r.header[1] {
	case length16:
		n := binary.BigEndian.Uint16(r.header[2:])
		if n < length16 {
			return 0, protocolError("frame length " + strconv.Itoa(int(n)) + " in 2 bytes instead of none")
		}
		return int64(n), nil
	case length64:
		n := binary.BigEndian.Uint64(r.header[2:])
		if n > math.MaxInt64 {
			return 0, protocolError("frame length with the most significant bit set")
		}
		if n <= math.MaxUint16 {
			return 0, protocolError("frame length " + strconv.FormatUint(n, 10) + " in 8 bytes")
		}
		return int64(n), nil
	}
	return int64(r.header[1]), nil
}

// beginPayload enters a frame whose header is in order.
func (r *Reader) beginPayload(op Opcode, length int64) error {
	fin := r.header[0]&finBit != 0
	if op < Close {
		if op != Continuation {
			r.message = op
			r.compressed = r.header[0]&rsv1Bit != 0
			r.fragmented = !fin
			if r.compressed {
				r.deflate.inflated = 0
			}
		}
		if !r.compressed {
			// Uncompressed lengths add up to that of the message, so the announced ones decide.
			limit := int64(math.MaxInt)
			if r.limit >= 0 {
				limit = min(r.limit, limit)
			}
			if length > limit-int64(len(r.data)) {
				return tooBig(limit)
			}
		}
	}
	r.op, r.fin, r.rest, r.payload = op, fin, length, true
	return nil
}

// readPayload takes the next bytes of the frame under way, which may be none.
func (r *Reader) readPayload(chunk []byte) (Event, error) {
	r.rest -= int64(len(chunk))
	switch {
	case r.op >= Close:
		return r.readControl(chunk), nil
	case r.compressed:
		if err := r.readCompressed(chunk); err != nil {
			return Event{}, err
		}
	case r.rest == 0 && !r.fragmented && len(r.data) == 0:
		// The whole message is in the caller's buffer.
		if r.message == Text && !validText(chunk) {
			return Event{}, errNotText
		}
		ev := Event{Op: r.message, Payload: chunk}
		r.payload, r.message = false, Continuation
		r.usual /= 2
		return ev, nil
	default:
		if r.message == Text && !r.text.write(chunk) {
			return Event{}, errNotText
		}
		if len(chunk) > cap(r.data)-len(r.data) {
			r.grow(len(chunk), r.rest+int64(len(chunk)))
		}
		r.data = append(r.data, chunk...)
	}
	return r.endPayload()
}

func (r *Reader) readControl(chunk []byte) Event {
	ev := Event{Op: r.op, Payload: chunk}
	if r.rest > 0 || r.control != nil {
		if r.control == nil {
			r.control = new(controlPayload)
		}
		r.control.n += copy(r.control.bytes[r.control.n:], chunk)
		if r.rest > 0 {
			return Event{}
		}
		ev.Payload, ev.Owned = r.control.bytes[:r.control.n], true
	}
	r.payload, r.control = false, nil
	return ev
}

// readCompressed inflates the next bytes of a compressed message.
func (r *Reader) readCompressed(chunk []byte) error {
	for full := true; full || len(chunk) > 0; {
		r.spill(r.rest + int64(len(chunk)))
		out, n, more, err := r.deflate.inflater.Inflate(chunk)
		// Of several violations the first in the stream counts, whatever the pieces it came in.
		tail := out
		if r.limit >= 0 {
			tail = out[:min(int64(len(out)), r.limit-int64(len(r.data)))]
		}
		if r.message == Text && !r.text.write(tail) {
			return errNotText
		}
		if len(tail) < len(out) {
			return tooBig(r.limit)
		}
		if err != nil {
			return protocolError(err.Error())
		}
		r.deflate.out, chunk, full = out, chunk[n:], more
		r.deflate.inflated += int64(n)
	}
	return nil
}

// spill saves inflated bytes that lie in memory of the Inflater, which the next call of it overwrites. rest is how many bytes
// of the frame under way are still to be inflated.
func (r *Reader) spill(rest int64) {
	if need := len(r.data) + len(r.deflate.out); need > cap(r.data) {
		size := need
		if rest > 0 || !r.fin {
			// If the rest compresses as well as what has arrived, this is enough. It saves half of the copying.
			more := float64(need) * float64(rest) / float64(max(r.deflate.inflated, 1))
			size = max(2*len(r.data), need+int(min(1.1*more+64, (growth-1)*float64(need))))
		}
		r.reserve(size)
	}
	r.data = append(r.data, r.deflate.out...)
	r.deflate.out = nil
}

// endPayload ends the frame under way if all of it has arrived, and the message if the frame is its last.
func (r *Reader) endPayload() (Event, error) {
	if r.rest > 0 {
		return Event{}, nil
	}
	r.payload = false
	if !r.fin {
		return Event{}, nil
	}
	ev := Event{Op: r.message, Owned: true}
	if r.compressed {
		if len(r.data) == 0 && r.deflate.inflater.Stays() {
			ev.Payload, ev.Owned = slices.Clip(r.deflate.out), false
			r.deflate.out = nil
		} else {
			r.spill(0) // before end, which lets go of the memory
		}
		if err := r.deflate.inflater.End(); err != nil {
			return Event{}, protocolError(err.Error())
		}
	}
	if r.message == Text && !r.text.complete() {
		return Event{}, errNotText
	}
	if ev.Owned {
		if cap(r.data) > 2*len(r.data) {
			r.reserve(len(r.data)) // the guess in spill was wrong
		}
		ev.Payload = r.data
		if r.usual /= 2; !r.compressed {
			r.usual = max(r.usual, len(r.data))
		}
	}
	r.message, r.data = Continuation, nil
	return ev, nil
}

// grow makes room for n bytes that have arrived, of left that the frame under way still adds to data. What it allocates is
// bounded by what has arrived: some times as much of this message, or, whole, one shortly before that was not compressed, whose
// length counts half after each further message or burst of them. For a message of one frame it ends with exactly what the
// header announced. Without the part about earlier messages a flood of 1 MiB took 1.6 times as long.
func (r *Reader) grow(n int, left int64) {
	arrived := len(r.data) + n
	size := max(growth*arrived, min(headStart*arrived, headStartEnd), firstAllocation, r.usual)
	size = int(min(int64(len(r.data))+left, int64(size)))
	if r.fragmented {
		// The announced lengths say little about the message: many small fragments must not each move all of it.
		size = max(size, 2*len(r.data))
	}
	r.reserve(size)
}

// reserve moves data to memory of the given capacity.
func (r *Reader) reserve(size int) {
	r.data = append(uncleared(size), r.data...)
}

// uncleared returns an empty slice of at least the given capacity, not 0, whose memory has not been cleared: only received
// bytes will ever be seen of it. Clearing took 15 % of the time of echoing 16 MiB.
func uncleared(size int) []byte {
	var b strings.Builder
	b.Grow(size)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), size)[:0]
}
