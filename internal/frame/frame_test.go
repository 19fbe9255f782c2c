package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed2c7e30c3/ws/internal/deflate/deflatetest"
)

// slowMask is RFC 6455 section 5.3 word by word.
func slowMask(p []byte, key [4]byte, pos int) []byte {
	out := make([]byte, len(p))
	for i := range p {
		out[i] = p[i] ^ key[(pos+i)%4]
	}
	return out
}

func TestAppendHeader(t *testing.T) {
	key := [4]byte{0xA1, 0xB2, 0xC3, 0xD4}
	for _, c := range []struct {
		op        Opcode
		fin, rsv1 bool
		length    int64
		want      string
	}{
		{Text, true, false, 0, "8180a1b2c3d4"},
		{Text, true, true, 1, "c181a1b2c3d4"},
		{Binary, false, false, 125, "02fda1b2c3d4"},
		{Continuation, true, false, 126, "80fe007ea1b2c3d4"},
		{Binary, true, false, 65535, "82feffffa1b2c3d4"},
		{Binary, true, false, 65536, "82ff0000000000010000a1b2c3d4"},
		{Binary, true, false, 1 << 40, "82ff0000010000000000a1b2c3d4"},
		{Close, true, false, 2, "8882a1b2c3d4"},
		{Pong, true, false, 125, "8afda1b2c3d4"},
	} {
		got := AppendHeader([]byte("x"), c.op, c.fin, c.rsv1, c.length, key)
		if fmt.Sprintf("%x", got[1:]) != c.want || got[0] != 'x' || len(got)-1 > MaxHeader {
			t.Errorf("%+v: got %x", c, got)
		}
		want := bytes.Clone(got[:len(got)-4])
		want[2] &^= 0x80
		if got := AppendUnmaskedHeader([]byte("x"), c.op, c.fin, c.rsv1, c.length); !bytes.Equal(got, want) {
			t.Errorf("%+v, unmasked: got %x, want %x", c, got, want)
		}
	}
}

// TestWriterRoundTrip writes frames as a client and as a server, and reads them as the other.
func TestWriterRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 3, 4, 125, 126, 127, 1000, 65535, 65536, 100_000} {
		payload := deflatetest.Sample(rng, 1, size)
		key := NewKey()
		b := AppendHeader(nil, Binary, true, false, int64(size), key)
		start := len(b)
		b = append(b, make([]byte, size)...)
		for pos := 0; pos < size; {
			n := min(1+rng.IntN(size), size-pos)
			if next := Mask(b[start+pos:], payload[pos:pos+n], key, pos); next != pos+n {
				t.Fatalf("next position %d, want %d", next, pos+n)
			}
			pos += n
		}
		for side, stream := range map[Side][]byte{
			Server: b,
			Client: append(AppendUnmaskedHeader(nil, Binary, true, false, int64(size)), payload...),
		} {
			want := len(stream)
			ev, n, err := NewReader(side, -1, nil).Next(stream)
			if err != nil || n != want || !bytes.Equal(ev.Payload, payload) {
				t.Errorf("side %d, %d bytes: got %d, %v", side, size, len(ev.Payload), err)
			}
		}
	}
}

func TestMask(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	key := [4]byte{1, 20, 200, 255}
	for n := range 3 * vectorised {
		if n > 200 && n%37 != 0 && n%1024 != 0 {
			continue
		}
		src := deflatetest.Sample(rng, 1, n)
		for pos := range 5 {
			want := slowMask(src, key, pos)
			dst := make([]byte, n+3)
			if next := Mask(dst, src, key, pos); next != pos+n || !bytes.Equal(dst[:n], want) ||
				!bytes.Equal(dst[n:], make([]byte, 3)) {
				t.Fatalf("%d bytes at %d differ", n, pos)
			}
			inPlace := bytes.Clone(src)
			if Mask(inPlace, inPlace, key, pos); !bytes.Equal(inPlace, want) {
				t.Fatalf("%d bytes at %d in place differ", n, pos)
			}
			if n > 0 {
				unaligned := make([]byte, n+1)
				if Mask(unaligned[1:], src, key, pos); !bytes.Equal(unaligned[1:], want) {
					t.Fatalf("%d bytes at %d, not aligned, differ", n, pos)
				}
			}
		}
	}
}

func TestKeys(t *testing.T) {
	seen := map[[4]byte]bool{}
	var bits [32]int
	const total = 20_000
	for range 100 {
		runtime.GC() // after two, there are new generators
		for range total / 100 {
			key := NewKey()
			seen[key] = true
			for i, u := 0, binary.LittleEndian.Uint32(key[:]); i < 32; i++ {
				bits[i] += int(u >> i & 1)
			}
		}
	}
	// Some 0.05 repetitions are expected, and 10,000 +- 70 ones in each place.
	if len(seen) < total-5 {
		t.Errorf("%d different keys of %d", len(seen), total)
	}
	if low, high := slices.Min(bits[:]), slices.Max(bits[:]); low < 9400 || high > 10600 {
		t.Errorf("bits are set from %d to %d times in %d", low, high, total)
	}
}

func TestParseClose(t *testing.T) {
	legal := func(code int) bool {
		return 1000 <= code && code <= 1003 || 1007 <= code && code <= 1014 || 3000 <= code && code <= 4999
	}
	for code := range 1 << 16 {
		got, reason, err := ParseClose(binary.BigEndian.AppendUint16(nil, uint16(code)))
		var e *Error
		switch {
		case legal(code) && (err != nil || int(got) != code || reason != ""):
			t.Fatalf("%d: got %d, %q, %v", code, got, reason, err)
		case !legal(code) &&
			(!errors.As(err, &e) || e.Code != ProtocolError || !strings.Contains(e.Reason, fmt.Sprint(code))):
			t.Fatalf("%d: got %d, %v", code, got, err)
		}
	}
	for _, c := range []struct {
		payload, reason string
		code            uint16
		bad             bool
	}{
		{"", "", 1005, false},
		{"\x03", "", 0, true},
		{"\x03\xe8going", "going", 1000, false},
		{"\x03\xe8\xef\xbb\xbfz", "\ufeffz", 1000, false},
		{"\x03\xe8A\xff", "", 0, true},
		{"\x03\xe8\xe2\x82", "", 0, true},
		{"\x0f\xa0" + strings.Repeat("é", 61) + "x", strings.Repeat("é", 61) + "x", 4000, false},
	} {
		code, reason, err := ParseClose([]byte(c.payload))
		if code != c.code || reason != c.reason || (err != nil) != c.bad {
			t.Errorf("%q: got %d, %q, %v", c.payload, code, reason, err)
		}
		if !c.bad && string(AppendClose(nil, code, reason)) != c.payload {
			t.Errorf("%q: written as %q", c.payload, AppendClose(nil, code, reason))
		}
	}
}

func TestError(t *testing.T) {
	err := error(&Error{Code: ProtocolError, Reason: "masked frame from the server"})
	if err.Error() != "frame: masked frame from the server (1002)" {
		t.Error(err)
	}
	if errors.Is(err, ErrTooBig) || !errors.Is(fmt.Errorf("reading: %w", tooBig(7)), ErrTooBig) {
		t.Error("ErrTooBig does not match by code")
	}
}

// TestTextStream checks every way to cut short texts, valid ones and others, against the standard library.
func TestTextStream(t *testing.T) {
	parts := []string{"a", "é", "€", "😀", "\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xf5", "\xe2\x82", "\xf0\x9f\x98", "plain ASCII text of some length", "\xef\xbf\xbf"}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				text := a + b + c
				for cut := range len(text) + 1 {
					for _, second := range []int{cut, min(cut+1, len(text)), len(text)} {
						var s textStream
						ok := s.write([]byte(text[:cut])) && s.write([]byte(text[cut:second])) && s.write([]byte(text[second:]))
						if want := validStart([]byte(text), false); ok != want {
							t.Fatalf("%q cut at %d and %d: got %v, want %v", text, cut, second, ok, want)
						}
						if want := utf8.ValidString(text); (ok && s.complete()) != want {
							t.Fatalf("%q cut at %d and %d: complete %v, want %v", text, cut, second, s.complete(), want)
						}
					}
				}
			}
		}
	}
}

func TestValidText(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for n := range 200 {
		for _, c := range []string{"é", "€", "😀", "\xff", "\x80", "\xed\xa0\x80", "\xc1\xbf"} {
			p := bytes.Repeat([]byte("x"), n)
			at := rng.IntN(n + 1)
			p = append(p[:at:at], append([]byte(c), p[at:]...)...)
			if got := validText(p); got != utf8.Valid(p) {
				t.Fatalf("%q: %v", p, got)
			}
		}
	}
}

// FuzzClose checks that what is accepted can be sent back unchanged.
func FuzzClose(f *testing.F) {
	f.Add([]byte("\x03\xe8bye"))
	f.Add([]byte("\x03\xed"))
	f.Add([]byte("\x0f\xa0\xff"))
	f.Add([]byte("\x03"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		code, reason, err := ParseClose(payload)
		if err == nil && !bytes.Equal(AppendClose(nil, code, reason), payload) {
			t.Fatalf("%q: %d %q", payload, code, reason)
		}
	})
}

func BenchmarkMask(b *testing.B) {
	for _, size := range []int{16, 125, 1 << 10, 2 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			src, dst := make([]byte, size), make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				Mask(dst, src, [4]byte{1, 2, 3, 4}, 0)
			}
		})
	}
}

func BenchmarkKeys(b *testing.B) {
	for b.Loop() {
		NewKey()
	}
}

func BenchmarkAppendHeader(b *testing.B) {
	buf := make([]byte, 0, MaxHeader)
	for b.Loop() {
		AppendHeader(buf, Binary, true, false, 1000, [4]byte{1, 2, 3, 4})
	}
}

func BenchmarkValidText(b *testing.B) {
	for name, text := range map[string]string{
		"ascii":  strings.Repeat("The quick brown fox jumps over it. ", 100),
		"german": strings.Repeat("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ", 50),
		"greek":  strings.Repeat("Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία. ", 50),
		"emoji":  strings.Repeat("😀😎 ", 300),
	} {
		p := []byte(text)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if !validText(p) {
					b.Fatal("not valid")
				}
			}
		})
	}
}
