package rawclient

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
)

const (
	fin        = 0x80
	rsv1       = 0x40
	opcodeMask = 0x0f

	opText   = 1
	opBinary = 2
	opClose  = 8 // the first of control frames
	opPing   = 9
	opPong   = 10
)

// mask is every frame's masking key.
var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// Frame makes a frame as clients send them.
func Frame(first byte, payload []byte) []byte {
	const masked = 0x80
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, masked|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, masked|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, masked|127), uint64(n))
	}
	frame = append(frame, mask[:]...)
	for i, b := range payload {
		frame = append(frame, b^mask[i&3])
	}
	return frame
}

// Binary is the frame of a binary message.
func Binary(data []byte) []byte { return Frame(fin|opBinary, data) }

// Deflated is the frame of a text message, compressed by itself.
func Deflated(text string) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is valid
	}
	// Writes to a bytes.Buffer do not fail.
	io.WriteString(w, text)
	w.Flush()
	return Frame(fin|rsv1|opText, bytes.TrimSuffix(out.Bytes(), []byte(tail)))
}

// tail is the end of a compressed message, which is not sent.
const tail = "\x00\x00\xff\xff"

// Inflate returns the text of a compressed message that came in one frame.
func Inflate(data []byte) (string, error) {
	const end = "\x01\x00\x00\xff\xff" // an empty last block
	text, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(data), strings.NewReader(tail+end))))
	return string(text), err
}

// Compressed reports whether a frame with this first byte starts a compressed message.
func Compressed(first byte) bool { return first&rsv1 != 0 }

// Last reports whether a frame with this first byte ends a message.
func Last(first byte) bool { return first&fin != 0 }
