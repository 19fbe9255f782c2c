package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// outcome is an event, or the error that ends the stream, in a form that can be compared.
type outcome struct {
	op      Opcode
	payload string
	code    uint16 // of the error
}

func (o outcome) String() string {
	if o.code != 0 {
		return fmt.Sprintf("error %d", o.code)
	}
	return fmt.Sprintf("op %d, %d bytes %.20q", o.op, len(o.payload), o.payload)
}

// reference parses a whole stream in the slowest and most obvious way: it looks at all bytes again from the
// beginning for every one that arrives, so it also says after which byte each outcome must be there.
type reference struct {
	side     Side
	limit    int64
	deflate  bool
	takeover bool
}

// outcomes parses what has arrived.
func (ref reference) outcomes(in []byte) (out []outcome) {
	var message Opcode
	var compressed bool
	var data, window []byte
	empty := 0
	for {
		if len(in) < 2 {
			return out
		}
		fin, rsv, op := in[0]&0x80 != 0, in[0]>>4&7, Opcode(in[0]&15)
		masked, length := in[1]&0x80 != 0, uint64(in[1]&0x7F)
		bad := func(code uint16) []outcome { return append(out, outcome{code: code}) }
		control := op >= 8
		switch {
		case op > 2 && op < 8, op > 10:
			return bad(1002)
		case rsv != 0 && !(rsv == 4 && ref.deflate && (op == 1 || op == 2)):
			return bad(1002)
		case masked != (ref.side == Server):
			return bad(1002)
		case control && (!fin || length > 125):
			return bad(1002)
		case op == 0 && message == 0, (op == 1 || op == 2) && message != 0:
			return bad(1002)
		}
		in = in[2:]
		switch length {
		case 126:
			if len(in) < 2 {
				return out
			}
			if length = uint64(binary.BigEndian.Uint16(in)); length < 126 {
				return bad(1002)
			}
			in = in[2:]
		case 127:
			if len(in) < 8 {
				return out
			}
			if length = binary.BigEndian.Uint64(in); length < 65536 || length>>63 != 0 {
				return bad(1002)
			}
			in = in[8:]
		}
		switch {
		case control:
		case length > 0 || op != 0:
			empty = btoi(length == 0)
		default:
			if empty++; empty > MaxEmptyFragments {
				return bad(1008)
			}
		}
		if op == 1 || op == 2 {
			message, compressed, data = op, rsv == 4, nil
		}
		if !control && !compressed && ref.limit >= 0 && length > uint64(ref.limit)-uint64(len(data)) {
			return bad(1009)
		}
		var key []byte
		if masked {
			if len(in) < 4 {
				return out
			}
			key, in = in[:4], in[4:]
		}
		here := bytes.Clone(in[:min(length, uint64(len(in)))])
		in = in[len(here):]
		if masked {
			here = slowMask(here, [4]byte(key), 0)
		}
		whole := uint64(len(here)) == length
		if control {
			if !whole {
				return out
			}
			out = append(out, outcome{op: op, payload: string(here)})
			continue
		}
		data = append(data[:len(data):len(data)], here...)
		text, ended := data, whole && fin
		if compressed {
			var fault deflatetest.Fault
			text, fault = deflatetest.Inflate(data, window, ended)
			within := text[:min(int64(len(text)), max(ref.limit, 0))]
			switch {
			case message == Text && !validStart(within, false):
				return bad(1007)
			case len(within) < len(text):
				return bad(1009)
			case fault == deflatetest.EmptyBlocks:
				return bad(1008)
			case fault != deflatetest.None:
				return bad(1002)
			}
		}
		if message == Text && !validStart(text, ended) {
			return bad(1007)
		}
		if !ended {
			if !whole {
				return out
			}
			continue
		}
		if compressed && ref.takeover {
			window = append(window[:len(window):len(window)], text...)
			window = window[max(0, len(window)-32768):]
		}
		out = append(out, outcome{op: message, payload: string(text)})
		message = 0
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// validStart reports whether text can begin a valid text, or is one if it has ended.
func validStart(text []byte, ended bool) bool {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return !ended && !utf8.FullRune(text[i:])
		}
		i += size
	}
	return true
}

// feed gives a stream to a Reader in the pieces that next returns the lengths of, each through Next, sometimes
// after Burst, or, where it wants it, Advance, and collects what comes out.
func feed(r *Reader, in []byte, next func() int) (out []outcome) {
	var burst [3]Event
	for len(in) > 0 {
		k := min(max(next(), 1), len(in))
		if want := r.Want(); want != nil {
			k = copy(want, in[:k])
			ev, err := r.Advance(k)
			in = in[k:]
			if out = note(out, ev, err); err != nil {
				return out
			}
			continue
		}
		// A copy, which is overwritten afterwards: what aliases it must have been taken before.
		buf := bytes.Clone(in[:k])
		// What has not been used must be as it was, though a Server takes masks away.
		untouched := func(rest []byte) {
			if n := min(len(rest), 64); !bytes.Equal(rest[:n], in[k-len(rest):][:n]) {
				panic(fmt.Sprintf("of %d bytes that were not used some are changed", len(rest)))
			}
		}
		for rest := buf; len(rest) > 0; {
			if len(rest)%2 == 0 {
				count, n := r.Burst(rest, burst[:])
				untouched(rest[n:])
				for _, ev := range burst[:count] {
					out = note(out, ev, nil)
				}
				if rest = rest[n:]; len(rest) == 0 {
					break
				}
			}
			ev, n, err := r.Next(rest)
			untouched(rest[n:])
			if out = note(out, ev, err); err != nil {
				return out
			}
			if ev.Op == Continuation && n != len(rest) {
				panic(fmt.Sprintf("no event, but %d of %d bytes used", n, len(rest)))
			}
			rest = rest[n:]
		}
		for i := range buf {
			buf[i] = 0xEE
		}
		in = in[k:]
	}
	return out
}

func note(out []outcome, ev Event, err error) []outcome {
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			panic(err)
		}
		return append(out, outcome{code: e.Code})
	}
	if ev.Op == Continuation {
		return out
	}
	return append(out, outcome{op: ev.Op, payload: string(ev.Payload)})
}

func equal(a, b []outcome) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// masked makes of frames as a server sends them, the last of which may not be complete, frames as a client sends them.
func masked(stream []byte, rng *rand.Rand) (out []byte) {
	for len(stream) >= 2 {
		header, length := 2, uint64(stream[1]&^maskBit)
		switch length {
		case 126:
			header = 4
		case 127:
			header = 10
		}
		if len(stream) < header {
			break
		}
		switch header {
		case 4:
			length = uint64(binary.BigEndian.Uint16(stream[2:]))
		case 10:
			length = binary.BigEndian.Uint64(stream[2:])
		}
		var key [4]byte
		binary.LittleEndian.PutUint32(key[:], rng.Uint32())
		out = append(out, stream[0], stream[1]^maskBit)
		out = append(out, stream[2:header]...)
		out = append(out, key[:]...)
		stream = stream[header:]
		n := min(length, uint64(len(stream)))
		out = append(out, slowMask(stream[:n], key, 0)...)
		stream = stream[n:]
	}
	if len(stream) > 0 {
		out = append(out, stream[0])
	}
	if len(stream) > 1 {
		out = append(out, stream[1]^maskBit)
		out = append(out, stream[2:]...)
	}
	return out
}

// serverFrame returns a frame as a server sends it.
func serverFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n <= math.MaxUint16:
		b = append(b, 126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b = append(b, 127)
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return append(b, payload...)
}

func TestReaderRules(t *testing.T) {
	long := strings.Repeat("a", 200)
	for _, c := range []struct {
		name   string
		stream string
		limit  int64
		want   []outcome
	}{
		{"text", "\x81\x05hello", -1, []outcome{{op: Text, payload: "hello"}}},
		{"binary", "\x82\x03\x01\x02\x03", -1, []outcome{{op: Binary, payload: "\x01\x02\x03"}}},
		{"empty", "\x81\x00\x82\x00", -1, []outcome{{op: Text}, {op: Binary}}},
		{"nul, BOM and noncharacters", "\x81\x0aa\x00\xef\xbb\xbf\xef\xbf\xbf\xef\xbf"[:12] + "\x81\x00", -1,
			[]outcome{{code: 1007}}},
		{"noncharacters", "\x81\x0a\xef\xbf\xbf\xef\xbf\xbe\xf4\x8f\xbf\xbf", -1,
			[]outcome{{op: Text, payload: "\uffff\ufffe\U0010ffff"}}},
		{"length 126", "\x82\x7e\x00\x7e" + long[:126], -1, []outcome{{op: Binary, payload: long[:126]}}},
		{"two at once", "\x81\x01a\x81\x01b", -1, []outcome{{op: Text, payload: "a"}, {op: Text, payload: "b"}}},
		{"fragments", "\x01\x01a\x00\x00\x00\x01b\x80\x00", -1, []outcome{{op: Text, payload: "ab"}}},
		{"ping inside", "\x01\x02\xf0\x9f\x89\x01x\x80\x02\x98\x80", -1,
			[]outcome{{op: Ping, payload: "x"}, {op: Text, payload: "😀"}}},
		{"pong, close", "\x8a\x00\x88\x02\x03\xe8", -1, []outcome{{op: Pong}, {op: Close, payload: "\x03\xe8"}}},
		{"masked", "\x81\x85", -1, []outcome{{code: 1002}}},
		{"masked empty", "\x81\x80", -1, []outcome{{code: 1002}}},
		{"RSV1", "\xc1\x01a", -1, []outcome{{code: 1002}}},
		{"RSV2", "\xa1\x01a", -1, []outcome{{code: 1002}}},
		{"RSV3", "\x91\x01a", -1, []outcome{{code: 1002}}},
		{"RSV1 on ping", "\xc9\x00", -1, []outcome{{code: 1002}}},
		{"opcode 3", "\x83\x00", -1, []outcome{{code: 1002}}},
		{"opcode 7", "\x87\x00", -1, []outcome{{code: 1002}}},
		{"opcode 11", "\x8b\x00", -1, []outcome{{code: 1002}}},
		{"opcode 15", "\x8f\x00", -1, []outcome{{code: 1002}}},
		{"16-bit length 5", "\x81\x7e\x00\x05hello", -1, []outcome{{code: 1002}}},
		{"16-bit length 125", "\x82\x7e\x00\x7d" + long[:125], -1, []outcome{{code: 1002}}},
		{"64-bit length 65535", "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", -1, []outcome{{code: 1002}}},
		{"64-bit length with top bit", "\x82\x7f\x80\x00\x00\x00\x00\x01\x00\x00", -1, []outcome{{code: 1002}}},
		{"64-bit length all ones", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", -1, []outcome{{code: 1002}}},
		{"16-bit length of ping", "\x89\x7e\x00\x05hello", -1, []outcome{{code: 1002}}},
		{"ping of 126", "\x89\x7e\x00\x7e" + long[:126], -1, []outcome{{code: 1002}}},
		{"ping of 125", "\x89\x7d" + long[:125], -1, []outcome{{op: Ping, payload: long[:125]}}},
		{"fragmented ping", "\x09\x01x\x80\x01y", -1, []outcome{{code: 1002}}},
		{"fragmented close", "\x08\x00", -1, []outcome{{code: 1002}}},
		{"continuation first", "\x80\x01x", -1, []outcome{{code: 1002}}},
		{"continuation after message", "\x81\x01a\x80\x01x", -1, []outcome{{op: Text, payload: "a"}, {code: 1002}}},
		{"text inside", "\x01\x01a\x81\x01b", -1, []outcome{{code: 1002}}},
		{"binary inside", "\x01\x01a\x02\x01b", -1, []outcome{{code: 1002}}},
		{"not UTF-8", "\x81\x02\xffA", -1, []outcome{{code: 1007}}},
		{"not UTF-8, more to come", "\x81\x05\xff", -1, []outcome{{code: 1007}}},
		{"overlong", "\x81\x05\xe0\x80", -1, []outcome{{code: 1007}}},
		{"surrogate", "\x81\x05\xed\xa0", -1, []outcome{{code: 1007}}},
		{"above U+10FFFF", "\x81\x05\xf4\x90", -1, []outcome{{code: 1007}}},
		{"not UTF-8 across fragments", "\x01\x01\xf0\x80\x05\x80", -1, []outcome{{code: 1007}}},
		{"unfinished character", "\x81\x02\xe2\x82\x81\x01\xac", -1, []outcome{{code: 1007}}},
		{"limit reached", "\x81\x03abc\x01\x02ab\x80\x01c", 3,
			[]outcome{{op: Text, payload: "abc"}, {op: Text, payload: "abc"}}},
		{"limit exceeded by header", "\x81\x04", 3, []outcome{{code: 1009}}},
		{"limit exceeded by fragments", "\x01\x02ab\x80\x02", 3, []outcome{{code: 1009}}},
		{"limit 0", "\x81\x00\x89\x01x\x81\x01", 0, []outcome{{op: Text}, {op: Ping, payload: "x"}, {code: 1009}}},
		{"2^40", "\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00", 1 << 30, []outcome{{code: 1009}}},
		{"2^40 without limit", "\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00abc", -1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if math.MaxInt == math.MaxInt32 && c.name == "2^40 without limit" {
				c.want = []outcome{{code: 1009}}
			}
			rng := rand.New(rand.NewPCG(1, 1))
			for side, stream := range map[Side][]byte{Client: []byte(c.stream), Server: masked([]byte(c.stream), rng)} {
				for _, size := range []int{1, 2, 3, 1 << 20} {
					r := NewReader(side, c.limit, nil)
					if got := feed(r, stream, func() int { return size }); !equal(got, c.want) {
						t.Errorf("side %d in pieces of %d: got %v, want %v", side, size, got, c.want)
					}
				}
				if math.MaxInt > math.MaxInt32 {
					if got := (reference{side: side, limit: c.limit}).outcomes(stream); !equal(got, c.want) {
						t.Errorf("side %d, reference: got %v, want %v", side, got, c.want)
					}
				}
			}
		})
	}
}

func TestReaderErrorIsLast(t *testing.T) {
	r := NewReader(Client, 3, nil)
	_, _, first := r.Next([]byte("\x81\x04"))
	if !errors.Is(first, ErrTooBig) {
		t.Fatalf("got %v, want ErrTooBig", first)
	}
	if _, _, err := r.Next([]byte("\x81\x00")); err != first {
		t.Errorf("later: %v", err)
	}
	if r.Want() != nil {
		t.Error("Want after an error")
	}
	if _, err := r.Advance(0); err != first {
		t.Errorf("Advance later: %v", err)
	}
	_, _, err := NewReader(Client, -1, nil).Next([]byte("\x83\x00"))
	if errors.Is(err, ErrTooBig) {
		t.Errorf("%v is ErrTooBig", err)
	}
}

// TestReaderSides checks what is said about a mask that is missing or should be.
func TestReaderSides(t *testing.T) {
	for _, c := range []struct {
		side   Side
		stream string
		want   string
	}{
		{Client, "\x81\x81", "masked frame from the server"},
		{Client, "\x82\x80keys", "masked frame from the server"},
		{Client, "\x89\x80keys", "masked frame from the server"},
		{Client, "\x82\xfe\x01\x00keys", "masked frame from the server"},
		{Server, "\x81\x01a", "unmasked frame from the client"},
		{Server, "\x82\x00", "unmasked frame from the client"},
		{Server, "\x88\x00", "unmasked frame from the client"},
		{Server, "\x82\x7e\x01\x00" + strings.Repeat("x", 256), "unmasked frame from the client"},
	} {
		var events [3]Event
		if count, n := NewReader(c.side, -1, nil).Burst([]byte(c.stream), events[:]); count != 0 || n != 0 {
			t.Errorf("side %d, %q: a burst of %d", c.side, c.stream, count)
		}
		_, n, err := NewReader(c.side, -1, nil).Next([]byte(c.stream))
		if e, ok := err.(*Error); !ok || e.Code != ProtocolError || e.Reason != c.want || n != 2 {
			t.Errorf("side %d, %q: %v after %d bytes", c.side, c.stream, err, n)
		}
	}
}

// TestReaderReasons checks that what an Error says fits a Close frame.
func TestReaderReasons(t *testing.T) {
	for first := range 256 {
		for second := range 256 {
			stream := append([]byte{byte(first), byte(second)}, strings.Repeat("\xff", 8)...)
			for _, side := range []Side{Client, Server} {
				_, _, err := NewReader(side, math.MaxInt64/2, nil).Next(stream)
				var e *Error
				if err != nil && (!errors.As(err, &e) || len(e.Reason) > 123 || e.Reason == "" || !utf8.ValidString(e.Reason)) {
					t.Fatalf("%x: %v", stream, err)
				}
			}
		}
	}
}

// randomMessages makes a stream of messages, fragmented and mixed with control frames at random, and what they say.
func randomMessages(rng *rand.Rand) (stream []byte, want []outcome) {
	control := func() {
		if rng.IntN(3) == 0 {
			p := make([]byte, rng.IntN(126))
			op := Ping + Opcode(rng.IntN(2))
			stream = append(stream, serverFrame(0x80|byte(op), p)...)
			want = append(want, outcome{op: op, payload: string(p)})
		}
	}
	for range 1 + rng.IntN(8) {
		control()
		size := rng.IntN(200)
		switch rng.IntN(8) {
		case 0:
			size = rng.IntN(70000)
		case 1:
			size = 65530 + rng.IntN(12)
		}
		var payload []byte
		op := Text + Opcode(rng.IntN(2))
		for len(payload) < size {
			if op == Binary {
				payload = append(payload, byte(rng.Uint32()))
				continue
			}
			payload = utf8.AppendRune(payload, []rune{'a', 'z', 'é', '€', '😀'}[rng.IntN(5)])
		}
		rest, first := payload, byte(op)
		for rng.IntN(2) == 0 {
			k := rng.IntN(len(rest) + 1)
			stream = append(stream, serverFrame(first, rest[:k])...)
			rest, first = rest[k:], 0
			control()
		}
		stream = append(stream, serverFrame(first|0x80, rest)...)
		want = append(want, outcome{op: op, payload: string(payload)})
	}
	return stream, want
}

// TestReaderAnySplit checks that any fragmentation and any cutting of the stream give the same events.
func TestReaderAnySplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		stream, want := randomMessages(rng)
		for _, largest := range []int{1, 2, 7, 100, 5000, 70000, 1 << 20} {
			next := func() int { return 1 + rng.IntN(largest) }
			if got := feed(NewReader(Client, -1, nil), stream, next); !equal(got, want) {
				t.Fatalf("pieces of up to %d: got %v, want %v", largest, got, want)
			}
			if got := feed(NewReader(Server, -1, nil), masked(stream, rng), next); !equal(got, want) {
				t.Fatalf("masked, pieces of up to %d: got %v, want %v", largest, got, want)
			}
		}
	}
}

// TestReaderNotices checks that every outcome is reported with the very byte that decides it.
func TestReaderNotices(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	codes := map[uint16]int{}
	for round := range 600 {
		ref := reference{limit: 40, side: Side(btoi(round >= 450))}
		stream := randomFrames(rng)
		var inflate *deflate.Inflater
		if round%3 > 0 {
			ref = reference{limit: 300, side: ref.side, deflate: true, takeover: round%3 == 1}
			inflate = deflate.NewInflater(ref.takeover)
			stream = append(randomCompressed(rng, ref.takeover), stream...)
		}
		if ref.side == Server {
			stream = masked(stream, rng)
		}
		r := NewReader(ref.side, ref.limit, inflate)
		var got []outcome
		for i := range stream {
			got = append(got, feed(r, stream[i:i+1], func() int { return 1 })...)
			if want := ref.outcomes(stream[:i+1]); !equal(got, want) {
				t.Fatalf("%+v, %x: after %d bytes got %v, want %v", ref, stream, i+1, got, want)
			}
			if r.ended() {
				break
			}
		}
		if n := len(got); n > 0 {
			codes[got[n-1].code]++
		}
	}
	for _, code := range []uint16{0, ProtocolError, InvalidPayload, MessageTooBig} {
		if codes[code] < 5 {
			t.Errorf("only %d streams ended with %d: %v", codes[code], code, codes)
		}
	}
}

// randomCompressed makes compressed messages, fragmented at random, not all of them lawful.
func randomCompressed(rng *rand.Rand, takeover bool) (stream []byte) {
	var d *deflatetest.Deflater
	for range 1 + rng.IntN(3) {
		if d == nil || !takeover {
			d = deflatetest.NewDeflater(rng.IntN(12) - 2)
		}
		text := []byte(strings.Repeat("some text, é and 😀; ", rng.IntN(10)))
		if rng.IntN(6) == 0 {
			text = deflatetest.Sample(rng, rng.IntN(4), rng.IntN(400))
		}
		if rng.IntN(6) == 0 && len(text) > 0 {
			text[rng.IntN(len(text))] ^= 0xFF
		}
		data := d.Deflate(text)
		switch rng.IntN(8) {
		case 0:
			data = data[:rng.IntN(len(data)+1)]
		case 1:
			if len(data) > 0 {
				data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
			}
		case 2:
			data = append(data, 0, 0, 0xFF, 0xFF)
		}
		first := byte(0x41)
		if rng.IntN(4) == 0 {
			first = 0x42
		}
		for rng.IntN(2) == 0 {
			k := rng.IntN(len(data) + 1)
			stream = append(stream, serverFrame(first, data[:k])...)
			data, first = data[k:], 0
		}
		stream = append(stream, serverFrame(first|0x80, data)...)
	}
	return stream
}

// randomFrames makes short frames, not all of them lawful.
func randomFrames(rng *rand.Rand) (stream []byte) {
	parts := []string{"a", "bc", "\xe2\x82\xac", "\xe2", "\x82\xac", "\xff", "\xf0\x9f", "\xc0", "é"}
	for range 1 + rng.IntN(6) {
		first := []byte{0x81, 0x01, 0x02, 0x82, 0x00, 0x80, 0x80, 0x89, 0x8a, byte(rng.Uint32())}[rng.IntN(10)]
		var p []byte
		for range rng.IntN(6) {
			p = append(p, parts[rng.IntN(2+rng.IntN(len(parts)-1))]...)
		}
		stream = append(stream, serverFrame(first, p)...)
	}
	return stream
}

// TestReaderMemory checks that an announced length does not decide what is allocated, and that large messages end in
// memory of their own size.
func TestReaderMemory(t *testing.T) {
	r := NewReader(Client, -1, nil)
	header := serverFrame(0x82, make([]byte, 1<<24))[:10]
	if _, _, err := r.Next(header); err != nil {
		t.Fatal(err)
	}
	arrived := 0
	buf := make([]byte, 16<<10)
	for arrived < 1<<24 {
		if c := cap(bodyOf(r).data); c > max(firstAllocation, growth*arrived, min(headStart*arrived, headStartEnd)) {
			t.Fatalf("after %d bytes: %d allocated", arrived, c)
		}
		var ev Event
		var err error
		if want := r.Want(); want != nil {
			k := min(len(want), 100_000)
			arrived += k
			ev, err = r.Advance(k)
		} else {
			k := min(len(buf), 1<<24-arrived)
			arrived += k
			ev, _, err = r.Next(buf[:k])
		}
		if err != nil {
			t.Fatal(err)
		}
		if (ev.Op == Binary) != (arrived == 1<<24) {
			t.Fatalf("after %d bytes: op %d", arrived, ev.Op)
		}
		if ev.Op == Binary && (len(ev.Payload) != 1<<24 || cap(ev.Payload) != 1<<24 || !ev.Owned) {
			t.Fatalf("%d bytes in %d, owned %v", len(ev.Payload), cap(ev.Payload), ev.Owned)
		}
	}
	if bodyOf(r).data != nil {
		t.Error("the Reader kept the message")
	}
}

// TestReaderMemoryAgain checks that a message may take at once what one before has taken, and that this is forgotten.
func TestReaderMemoryAgain(t *testing.T) {
	const size = 1 << 20
	r := NewReader(Client, -1, nil)
	begin := func(length int) (capacity int) {
		frame := serverFrame(0x82, make([]byte, length))
		if _, _, err := r.Next(frame[:100]); err != nil {
			t.Fatal(err)
		}
		capacity = cap(bodyOf(r).data)
		if ev, _, err := r.Next(frame[100:]); err != nil || ev.Op != Binary || len(ev.Payload) != length {
			t.Fatalf("%d bytes: op %d of %d bytes, %v", length, ev.Op, len(ev.Payload), err)
		}
		return capacity
	}
	if c := begin(size); c > firstAllocation {
		t.Errorf("the first message took %d bytes", c)
	}
	if c := begin(size); c != size {
		t.Errorf("the second one took %d bytes, not what it will have", c)
	}
	if c := begin(2 * size); c > size {
		t.Errorf("a longer one took %d bytes, more than any before", c)
	}
	const short = 10 << 10
	for range 8 {
		if c := begin(short); c > short {
			t.Errorf("a short one took %d bytes", c)
		}
	}
	if c := begin(size); c > short {
		t.Errorf("after short ones %d bytes were taken", c)
	}
	// Whole in the buffer, in all the ways that there are.
	tiny := bytes.Repeat(serverFrame(0x82, []byte("x")), 2)
	for name, skip := range map[string]func(){
		"Next": func() { r.Next(tiny) },
		"Burst": func() {
			if n, _ := r.Burst(tiny, make([]Event, 2)); n != 2 {
				t.Errorf("a burst of %d", n)
			}
		},
		"in pieces": func() { r.Next(tiny[:1]); r.Next(tiny[1:3]) },
	} {
		begin(size)
		for range 20 {
			skip()
		}
		if c := begin(size); c > firstAllocation {
			t.Errorf("%s: after tiny ones %d bytes were taken", name, c)
		}
	}
}

// TestReaderOwned checks that memory said to be the caller's is not written to again.
func TestReaderOwned(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for round := range 100 {
		stream, want := randomMessages(rng)
		r := NewReader(Client, -1, nil)
		if round%2 == 1 {
			stream, r = masked(stream, rng), NewReader(Server, -1, nil)
		}
		var kept [][]byte
		var copies []string
		buf := make([]byte, 4096)
		for len(stream) > 0 {
			k := copy(buf, stream)
			stream = stream[k:]
			for rest := buf[:k]; len(rest) > 0; {
				ev, n, err := r.Next(rest)
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
				if ev.Owned {
					kept = append(kept, ev.Payload)
					copies = append(copies, string(ev.Payload))
				}
			}
		}
		for i := range kept {
			if string(kept[i]) != copies[i] {
				t.Fatalf("message %d of %d changed", i, len(want))
			}
		}
	}
}

func TestReaderAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("a pool drops a quarter under the race detector")
	}
	stream := bytes.Repeat(serverFrame(0x81, []byte("sixteen bytes ..")), 1000)
	stream = append(stream, bytes.Repeat(serverFrame(0x89, []byte("ping")), 10)...)
	stream = append(stream, serverFrame(0x82, make([]byte, 1000))...)
	for side, stream := range map[Side][]byte{Client: stream, Server: masked(stream, rand.New(rand.NewPCG(2, 2)))} {
		r := NewReader(side, 1<<20, nil)
		buf := make([]byte, len(stream))
		if n := testing.AllocsPerRun(10, func() {
			copy(buf, stream)
			for rest := buf; len(rest) > 0; {
				_, n, err := r.Next(rest)
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
		}); n != 0 {
			t.Errorf("side %d: %v allocations", side, n)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	for _, c := range []struct {
		name  string
		first byte
		size  int
	}{{"binary", 0x82, 16}, {"text", 0x81, 16}, {"text", 0x81, 1 << 10}, {"binary", 0x82, 1 << 10}} {
		b.Run(fmt.Sprintf("%s/%d", c.name, c.size), func(b *testing.B) {
			one := serverFrame(c.first, bytes.Repeat([]byte("x"), c.size))
			count := 65536 / len(one)
			stream := bytes.Repeat(one, count)
			r := NewReader(Client, 1<<20, nil)
			b.SetBytes(int64(c.size))
			b.ReportAllocs()
			for n := 0; n < b.N; n += count {
				for rest := stream; len(rest) > 0; {
					_, n, err := r.Next(rest)
					if err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
			}
		})
	}
	for side, name := range []string{"burst", "burst-masked"} {
		b.Run(name+"/16", func(b *testing.B) {
			one := serverFrame(0x82, bytes.Repeat([]byte("x"), 16))
			if Side(side) == Server {
				one = masked(one, rand.New(rand.NewPCG(1, 1)))
			}
			count := 65536 / len(one)
			stream := bytes.Repeat(one, count)
			r := NewReader(Side(side), 1<<20, nil)
			var events [32]Event
			b.SetBytes(16)
			for n := 0; n < b.N; n += count {
				// The masks are taken away, and put on again the next time.
				for rest := stream; len(rest) > 0; {
					_, n := r.Burst(rest, events[:])
					if n == 0 {
						b.Fatal("no burst")
					}
					rest = rest[n:]
				}
			}
		})
	}
	for _, size := range []int{64 << 10, 1 << 20, 16 << 20} {
		b.Run(fmt.Sprintf("stream/%d", size), func(b *testing.B) {
			one := serverFrame(0x82, make([]byte, size))
			buf := make([]byte, 64<<10)
			r := NewReader(Client, -1, nil)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				done := false
				for rest := one; len(rest) > 0; {
					if want := r.Want(); want != nil {
						k := copy(want, rest)
						rest = rest[k:]
						ev, err := r.Advance(k)
						if err != nil {
							b.Fatal(err)
						}
						done = ev.Op == Binary
						continue
					}
					k := copy(buf, rest)
					rest = rest[k:]
					ev, _, err := r.Next(buf[:k])
					if err != nil {
						b.Fatal(err)
					}
					done = ev.Op == Binary
				}
				if !done {
					b.Fatal("no message")
				}
			}
		})
	}
}

func FuzzReader(f *testing.F) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		f.Add(randomFrames(rng), uint64(1), int16(40))
	}
	for _, s := range []string{
		"\xc1\x0b\xca\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01\x00\x81\x03bye",          // compressed
		"\x41\x03\xca\x48\xcd\x89\x01x\x80\x08\xc9\xc9\x57\xc8\x40\x27\x01\x00",    // in two fragments
		"\xc1\x0a\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x00\x81\x03bye",              // BFINAL
		"\xc1\x0f\xca\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01\x00\x00\x00\xff\xff",     // tail not removed
		"\xc1\x09\xca\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x81\x03bye",                  // truncated
		"\xc1\x04\x72\xfc\x0f\x00\x81\x03bye",                                      // not UTF-8
		"\xc1\x0b\x00\x05\x00\xfa\xff\x68\x65\x6c\x6c\x6f\x00\xc1\x00\xc1\x01\x00", // stored; empty
	} {
		f.Add([]byte(s), uint64(2), int16(100))
	}
	f.Add(masked(randomFrames(rng), rng), uint64(3), int16(100))
	f.Add(emptyFragments(MaxEmptyFragments), uint64(4), int16(100))
	f.Add(emptyFragments(MaxEmptyFragments+1), uint64(5), int16(100))
	f.Add(serverFrame(0xC2, emptyBlocks(deflate.MaxEmptyBlocks+1)), uint64(6), int16(100))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64, limit int16) {
		if len(stream) > 4096 {
			return
		}
		// The reference is quadratic in what a stream inflates to.
		limit = min(limit, 4096)
		rng := rand.New(rand.NewPCG(seed, 0))
		for _, ref := range []reference{
			{limit: int64(limit)},
			{limit: max(0, int64(limit)), deflate: true, takeover: true},
			{limit: max(0, int64(limit)), deflate: true},
		} {
			inflater := func() *deflate.Inflater {
				if !ref.deflate {
					return nil
				}
				return deflate.NewInflater(ref.takeover)
			}
			next := func() int { return 1 + rng.IntN(1+rng.IntN(64)) }
			got := feed(NewReader(Client, ref.limit, inflater()), stream, next)
			want := ref.outcomes(stream)
			if !equal(got, want) {
				t.Fatalf("%+v: got %v, want %v", ref, got, want)
			}
			ref.side = Server
			if got := feed(NewReader(Server, ref.limit, inflater()), masked(stream, rng), next); !equal(got, want) {
				t.Fatalf("masked, %+v: got %v, want %v", ref, got, want)
			}
			got = feed(NewReader(Server, ref.limit, inflater()), stream, next)
			if want := ref.outcomes(stream); !equal(got, want) {
				t.Fatalf("%+v: got %v, want %v", ref, got, want)
			}
		}
	})
}
