package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// A block is a run of ready-made server frames, each of one message, that may be sent over and over.
type block struct {
	data []byte
	ends []int // end of each frame in data
}

// blockSize is about what one write of a flood takes.
const blockSize = 256 << 10

func appendServerHeader(dst []byte, first byte, size int) []byte {
	switch {
	case size < 126:
		return append(dst, first, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(size))
}

func (b *block) add(first byte, payload []byte) {
	b.data = appendServerHeader(b.data, first, len(payload))
	b.data = append(b.data, payload...)
	b.ends = append(b.ends, len(b.data))
}

func newBinaryBlock(size int) *block {
	b := new(block)
	payload := load.BinaryPayload(size)
	for {
		b.add(finBinary, payload)
		if len(b.data) >= blockSize {
			return b
		}
	}
}

func newTextBlock(size int) *block {
	b := new(block)
	for _, text := range load.JSONTexts(size) {
		b.add(finText, []byte(text))
	}
	return b
}

// newDeflatedBlock compresses with context takeover only inside the block: its first message refers to nothing before
// it, so a repetition of the block is a valid continuation of the stream.
func newDeflatedBlock(size int) *block {
	b := new(block)
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is valid
	}
	for _, text := range load.JSONTexts(size) {
		out.Reset()
		// Writes to a bytes.Buffer do not fail.
		w.Write([]byte(text))
		w.Flush()
		b.add(finText|rsv1, bytes.TrimSuffix(out.Bytes(), []byte{0, 0, 0xff, 0xff}))
	}
	return b
}

// blocks makes each block once.
type blocks struct {
	mu   sync.Mutex
	made map[string]*block
}

func (s *blocks) get(kind string, size int) *block {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(kind, size)
	b := s.made[key]
	if b == nil {
		switch kind {
		case "text":
			b = newTextBlock(size)
		case "deflate":
			b = newDeflatedBlock(size)
		default:
			b = newBinaryBlock(size)
		}
		if s.made == nil {
			s.made = make(map[string]*block)
		}
		s.made[key] = b
	}
	return b
}
