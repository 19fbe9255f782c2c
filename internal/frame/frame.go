// Package frame reads and writes WebSocket frames, as a client or as a server: the base framing of RFC 6455 section
// 5 with masking, streaming UTF-8 validation and close payloads, with messages that permessage-deflate has
// compressed.
//
// It knows no connection and starts no goroutine: bytes go in, events come out.
package frame

import "encoding/binary"

// Opcode says what a frame is (RFC 6455 section 5.2).
type Opcode byte

// The opcodes that RFC 6455 section 11.8 registers.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

const (
	finBit  = 0x80
	rsv1Bit = 0x40
	rsvBits = 0x70
	opBits  = 0x0F
	maskBit = 0x80

	length16 = 126 // the 7-bit length that announces two more bytes of length
	length64 = 127 // ... eight more

	// maxControl is the longest payload of a control frame (RFC 6455 section 5.5).
	maxControl = 125
)

// MaxHeader is the length of the longest header that AppendHeader writes, in bytes.
const MaxHeader = 14

// AppendHeader appends to dst the header of a masked frame, as a client sends it (RFC 6455 section 5.2), and
// returns the extended slice. length is that of the payload in bytes, not negative; it is written in the fewest
// bytes possible. rsv1 marks the first frame of a compressed message (RFC 7692 section 6). The payload that follows
// must have been through Mask with the same key, beginning at position 0.
func AppendHeader(dst []byte, op Opcode, fin, rsv1 bool, length int64, key [4]byte) []byte {
	return append(appendHeader(dst, maskBit, op, fin, rsv1, length), key[:]...)
}

// AppendUnmaskedHeader is like AppendHeader, for a frame as a server sends it, whose payload follows unchanged.
func AppendUnmaskedHeader(dst []byte, op Opcode, fin, rsv1 bool, length int64) []byte {
	return appendHeader(dst, 0, op, fin, rsv1, length)
}

func appendHeader(dst []byte, mask byte, op Opcode, fin, rsv1 bool, length int64) []byte {
	first := byte(op)
	if fin {
		first |= finBit
	}
	if rsv1 {
		first |= rsv1Bit
	}
	switch {
	case length < length16:
		return append(dst, first, mask|byte(length))
	case length <= 0xFFFF:
		return append(dst, first, mask|length16, byte(length>>8), byte(length))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, mask|length64), uint64(length))
}
