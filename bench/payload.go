package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"
)

// binaryPayload returns size bytes that do not compress, the same for each size in every process.
func binaryPayload(size int) []byte {
	rng := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)})
	data := make([]byte, size)
	rng.Read(data) // documented to always succeed
	return data
}

// jsonCorpus is how many bytes of different texts a compressed workload cycles through: far more than the 32 KiB window,
// so that no contestant profits from having seen a text before.
const jsonCorpus = 1 << 20

// jsonTexts returns different JSON documents of exactly size bytes: records as an API returns them.
func jsonTexts(size int) []string {
	rng := rand.New(rand.NewPCG(uint64(size), 1))
	texts := make([]string, max(16, jsonCorpus/size))
	for i := range texts {
		texts[i] = jsonText(rng, size)
	}
	return texts
}

var (
	jsonNames  = []string{"Ada", "Grace", "Edsger", "Barbara", "Donald", "Radia", "Leslie", "Frances", "Alan", "Margaret"}
	jsonCities = []string{"Lagos", "Oslo", "Lima", "Kyoto", "Quito", "Graz", "Perth", "Accra", "Turin", "Leeds", "Zürich"}
	jsonStates = []string{"pending", "active", "suspended", "closed"}
)

func jsonText(rng *rand.Rand, size int) string {
	const (
		head = `{"items":[`
		tail = `],"pad":"`
		end  = `"}`
	)
	var b bytes.Buffer
	b.WriteString(head)
	for n := 0; ; n++ {
		start := b.Len()
		if n > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"%s","city":"%s","state":"%s","balance":%d.%02d,"updated":"%s"}`,
			rng.IntN(1e9), jsonNames[rng.IntN(len(jsonNames))], jsonCities[rng.IntN(len(jsonCities))],
			jsonStates[rng.IntN(len(jsonStates))], rng.IntN(1e5), rng.IntN(100),
			time.Unix(1.7e9+rng.Int64N(1e8), 0).UTC().Format(time.RFC3339))
		if b.Len()+len(tail)+len(end) > size {
			b.Truncate(start)
			break
		}
	}
	b.WriteString(tail)
	for b.Len()+len(end) < size {
		b.WriteByte('x')
	}
	b.WriteString(end)
	return b.String()
}

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
	payload := binaryPayload(size)
	for {
		b.add(finBinary, payload)
		if len(b.data) >= blockSize {
			return b
		}
	}
}

func newTextBlock(size int) *block {
	b := new(block)
	for _, text := range jsonTexts(size) {
		b.add(finText, []byte(text))
	}
	return b
}

// newDeflatedBlock compresses with context takeover inside of the block only: its first message refers to nothing
// before it, so a repetition of the block is a valid continuation of the stream.
func newDeflatedBlock(size int) *block {
	b := new(block)
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is valid
	}
	for _, text := range jsonTexts(size) {
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
