package frame

import (
	"encoding/binary"
	"math"
	"strconv"
)

// readHeader consumes bytes of a frame's header. An error that shows in a part of it is reported before the rest has
// arrived.
func (r *Reader) readHeader(buf []byte) (n int, err error) {
	if !r.collect(buf, &n, 2) {
		return n, nil
	}
	if n > 0 { // otherwise these bytes are not new
		if err := r.checkStart(r.header[0], r.header[1]); err != nil {
			return n, err
		}
	}
	end := 2
	switch r.header[1] &^ maskBit {
	case length16:
		end += 2
	case length64:
		end += 8
	}
	if !r.collect(buf, &n, end) {
		return n, nil
	}
	length, err := r.length()
	if err == nil {
		err = r.checkLength(length)
	}
	if err != nil {
		return n, err
	}
	if r.mask != 0 {
		if !r.collect(buf, &n, end+len(r.key)) {
			return n, nil
		}
		r.key = [4]byte(r.header[end:])
	}
	r.have = 0
	r.beginPayload(length)
	return n, nil
}

// collect takes bytes of the header from buf[*n:] and reports whether it has the first end bytes of it.
func (r *Reader) collect(buf []byte, n *int, end int) bool {
	if int(r.have) < end {
		k := copy(r.header[r.have:end], buf[*n:])
		r.have += uint8(k)
		*n += k
	}
	return int(r.have) >= end
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
	switch {
	case second&maskBit > r.mask:
		return protocolError("masked frame from the server")
	case second&maskBit < r.mask:
		return protocolError("unmasked frame from the client")
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
	switch length := r.header[1] &^ maskBit; length {
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
	default:
		return int64(length), nil
	}
}

// checkLength applies the rules about the length of a frame.
func (r *Reader) checkLength(length int64) error {
	op := Opcode(r.header[0] & opBits)
	switch {
	case op >= Close:
		return nil
	case op == Continuation && length == 0 && r.empty == MaxEmptyFragments:
		return errEmptyFragments
	case op == Continuation && r.compressed, op != Continuation && r.header[0]&rsv1Bit != 0:
		return nil // its inflated length counts
	case length > r.limit-int64(r.body.len()):
		// Uncompressed lengths add up to the length of the message, so the announced lengths decide.
		return tooBig(r.limit)
	}
	return nil
}

// beginPayload starts the payload of a frame whose header is valid.
func (r *Reader) beginPayload(length int64) {
	op, fin := Opcode(r.header[0]&opBits), r.header[0]&finBit != 0
	r.op, r.fin, r.rest, r.payload = op, fin, length, true
	if op >= Close {
		return
	}
	if op != Continuation {
		r.message = op
		r.compressed = r.header[0]&rsv1Bit != 0
		r.fragmented = !fin
		r.empty = 0
		if r.compressed {
			r.deflate.inflated = 0
		}
	}
	r.empty++
	if length > 0 {
		r.empty = 0
	}
}
