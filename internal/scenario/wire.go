package scenario

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// A wireReader turns a client's bytes into the entries of the wire. It judges nothing: it shows what came.
type wireReader struct {
	in      *bufio.Reader
	deflate func() bool // whether the answer to the handshake named permessage-deflate

	frames  int
	message *wireMessage // a fragmented message so far
	window  []byte       // the last 32 KiB inflated: a client may keep its context
	partial string       // the frame inside which the stream ended
}

type wireMessage struct {
	kind   string
	rsv    byte
	frames int
	data   payload
}

// A payload counts bytes and keeps the first, or all when it must be inflated.
type payload struct {
	size  int
	bytes []byte
	all   bool
}

func (p *payload) Write(b []byte) (int, error) {
	p.size += len(b)
	if p.all {
		p.bytes = append(p.bytes, b...)
	} else if room := shownBytes - len(p.bytes); room > 0 {
		p.bytes = append(p.bytes, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

func (p *payload) String() string { return shortHex(p.bytes, p.size) }

var kinds = map[byte]string{0: "cont", 1: "text", 2: "bin", 8: "close", 9: "ping", 10: "pong"}

// next reads one frame. The entry is empty inside a fragmented message; closing is the payload of a Close frame,
// not nil then.
func (w *wireReader) next() (entry string, closing []byte, err error) {
	first, err := w.in.ReadByte()
	if err != nil {
		return "", nil, err
	}
	opcode, rsv, fin := first&0x0f, first>>4&7, first&0x80 != 0
	kind, ok := kinds[opcode]
	if !ok {
		kind = fmt.Sprintf("opcode-%d", opcode)
	}
	w.partial = "PARTIAL header"
	size, mask, masked, err := w.length()
	if err != nil {
		return "", nil, err
	}
	w.partial = fmt.Sprintf("PARTIAL %s len=%d", kind, size)
	m := w.message
	if opcode != 0 || m == nil {
		m = &wireMessage{kind: kind, rsv: rsv}
		m.data.all = opcode >= 8 || rsv&4 != 0 && w.deflate()
	}
	m.frames++
	if err := w.copy(&m.data, size, mask); err != nil {
		return "", nil, err
	}
	w.partial = ""
	w.frames++
	suffix := ""
	if !masked {
		suffix = " unmasked"
	}
	if !fin && opcode < 8 {
		w.message = m
		return "", nil, nil
	}
	if opcode < 8 {
		w.message = nil
	}
	if opcode == 8 {
		return closeEntry(m) + suffix, append([]byte{}, m.data.bytes...), nil
	}
	return w.entry(m) + suffix, nil, nil
}

// length reads the rest of a frame's header.
func (w *wireReader) length() (size uint64, mask [4]byte, masked bool, err error) {
	b, err := w.in.ReadByte()
	if err != nil {
		return 0, mask, false, err
	}
	masked, size = b&0x80 != 0, uint64(b&0x7f)
	var extended [8]byte
	switch size {
	case 126:
		if _, err = io.ReadFull(w.in, extended[6:]); err == nil {
			size = binary.BigEndian.Uint64(extended[:])
		}
	case 127:
		if _, err = io.ReadFull(w.in, extended[:]); err == nil {
			size = binary.BigEndian.Uint64(extended[:])
		}
	}
	if err == nil && masked {
		_, err = io.ReadFull(w.in, mask[:])
	}
	return size, mask, masked, err
}

// copy reads size masked bytes.
func (w *wireReader) copy(to *payload, size uint64, mask [4]byte) error {
	var buffer [32 << 10]byte
	for read := uint64(0); read < size; {
		n, err := w.in.Read(buffer[:min(size-read, uint64(len(buffer)))])
		for i := range buffer[:n] {
			buffer[i] ^= mask[(read+uint64(i))&3]
		}
		to.Write(buffer[:n])
		read += uint64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *wireReader) entry(m *wireMessage) string {
	s := m.kind
	if m.rsv != 0 {
		s += fmt.Sprintf(" rsv=%d", m.rsv)
	}
	s += fmt.Sprintf(" len=%d %s", m.data.size, m.data.String())
	if m.data.all && m.rsv&4 != 0 {
		s += " " + w.inflate(m.data.bytes)
	}
	if m.frames > 1 {
		s += fmt.Sprintf(" in %d frames", m.frames)
	}
	return s
}

const windowSize = 32 << 10

// inflate shows an inflated payload.
func (w *wireReader) inflate(compressed []byte) string {
	// RFC 7692, 7.2.2: the sender has removed the end of an empty stored block. The second block, a final one, makes
	// the reader see a regular end.
	in := io.MultiReader(bytes.NewReader(compressed), bytes.NewReader([]byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	data, err := io.ReadAll(flate.NewReaderDict(in, w.window))
	if err != nil {
		return "cannot be inflated: " + err.Error()
	}
	w.window = append(w.window, data...)
	w.window = w.window[max(0, len(w.window)-windowSize):]
	return fmt.Sprintf("inflated=%d %s", len(data), shortHex(data, len(data)))
}

// Close reasons longer than this are shown in hexadecimal.
const longestReason = 40

func closeEntry(m *wireMessage) string {
	b := m.data.bytes
	if len(b) < 2 {
		if len(b) == 1 {
			return "close (1 byte)"
		}
		return "close (empty)"
	}
	s := "close " + strconv.Itoa(int(binary.BigEndian.Uint16(b)))
	if m.rsv != 0 {
		s += fmt.Sprintf(" rsv=%d", m.rsv)
	}
	reason := b[2:]
	switch {
	case len(reason) == 0:
		return s
	case len(reason) > longestReason:
		return fmt.Sprintf("%s reason[%d]=%s", s, len(reason), shortHex(reason, len(reason)))
	case utf8.Valid(reason):
		return s + " " + strconv.Quote(string(reason))
	}
	// The recorded form of bytes that are not UTF-8.
	quoted := s + ` "`
	for _, c := range reason {
		if c < 0x20 || c > 0x7e {
			quoted += `\x` + hex.EncodeToString([]byte{c})
		} else {
			quoted += string(rune(c))
		}
	}
	return quoted + `"`
}

// rest returns the entries for the end of the stream: what was unfinished, and how TCP ended.
func (w *wireReader) rest(end string) []string {
	var entries []string
	if w.partial != "" {
		entries = append(entries, w.partial)
	}
	if end != "" {
		entries = append(entries, end)
	}
	if m := w.message; m != nil {
		entries = append(entries, fmt.Sprintf("%s unfinished, %d bytes in %d frames", m.kind, m.data.size, m.frames))
	}
	return entries
}
