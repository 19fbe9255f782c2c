package frame

import (
	"slices"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// guessEnd is the most bytes that are allocated for a compressed message because of its probable length.
const guessEnd = 128 << 10

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
	case r.rest == 0 && !r.fragmented && r.body.len() == 0:
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
		if !r.keep(chunk) {
			return Event{}, errNoMemory
		}
	}
	return r.endPayload()
}

// keep copies the next bytes of a message that is not compressed. It reports false if there is no memory.
func (r *Reader) keep(chunk []byte) bool {
	for {
		n := min(len(chunk), r.body.free())
		r.body.data = append(r.body.data, chunk[:n]...)
		if chunk = chunk[n:]; len(chunk) == 0 {
			return true
		}
		if !r.makeRoom(len(chunk)) {
			return false
		}
	}
}

// makeRoom makes room for n bytes that have arrived of an uncompressed message, and for some of those still to come.
// The existing memory is full. It reports false if there is no memory.
func (r *Reader) makeRoom(n int) bool {
	have := int64(r.body.len())
	left := int64(n) + r.rest
	switch {
	case !r.fin:
		return r.body.extend(max(int64(n), min(left, have)), r.limit-have)
	case r.fragmented:
		return r.body.grow(n, have+left, 0)
	default:
		return r.body.grow(n, have+left, r.usual)
	}
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
		if !r.spill(r.rest + int64(len(chunk))) {
			return errNoMemory
		}
		out, n, more, err := r.deflate.inflater.Inflate(chunk)
		// Of several violations the first one in the stream counts, whatever pieces the stream came in.
		tail := out[:min(int64(len(out)), r.limit-int64(r.body.len()))]
		if r.message == Text && !r.text.write(tail) {
			return errNotText
		}
		if len(tail) < len(out) {
			return tooBig(r.limit)
		}
		if err != nil {
			return inflateError(err)
		}
		r.deflate.out, chunk, full = out, chunk[n:], more
		r.deflate.inflated += int64(n)
	}
	return nil
}

// spill saves inflated bytes that are in memory of the Inflater, which its next call overwrites. rest is the number of
// bytes of the frame under way that have yet to be inflated. It reports false if there is no memory.
func (r *Reader) spill(rest int64) bool {
	out := r.deflate.out
	r.deflate.out = nil
	for {
		n := min(len(out), r.body.free())
		r.body.data = append(r.body.data, out[:n]...)
		if out = out[n:]; len(out) == 0 {
			return true
		}
		size := int64(len(out))
		if r.body.len() == 0 {
			// Assume that the rest compresses like the beginning. Then this is enough for the whole message, and nothing has to
			// be joined.
			need := float64(size)
			more := 1.1*need*float64(rest)/float64(max(r.deflate.inflated, 1)) + 64
			size = max(size, min(int64(min(need+more, growth*need)), guessEnd))
		}
		if !r.body.extend(size, r.limit-int64(r.body.len())) {
			return false
		}
	}
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
	var tail []byte // of the message, still in memory of the Inflater
	if r.compressed {
		tail, r.deflate.out = r.deflate.out, nil
	}
	if r.compressed && r.body.len() == 0 && cap(r.body.room) < len(tail) && r.deflate.inflater.Stays() {
		ev.Payload, ev.Owned = slices.Clip(tail), false
	} else {
		var ok bool
		if ev.Payload, ev.Owned, ok = r.body.take(tail); !ok { // before End, which lets go of tail
			return Event{}, errNoMemory
		}
		if ev.Offered = !ev.Owned; ev.Offered {
			r.room = nil
		}
		if r.usual /= 2; !r.compressed {
			r.usual = max(r.usual, len(ev.Payload))
		}
	}
	if r.compressed {
		if err := r.deflate.inflater.End(); err != nil {
			return Event{}, inflateError(err)
		}
	}
	if r.message == Text && !r.text.complete() {
		return Event{}, errNotText
	}
	r.message = Continuation
	return ev, nil
}

// inflateError returns the violation that an Inflater has found.
func inflateError(err error) error {
	if err == deflate.ErrEmptyBlocks {
		return &Error{Code: PolicyViolation, Reason: err.Error()}
	}
	return protocolError(err.Error())
}
