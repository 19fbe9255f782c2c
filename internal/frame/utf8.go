package frame

import (
	"encoding/binary"
	"unicode/utf8"
)

// shortText is the length up to which our own loop recognises ASCII faster than utf8.Valid: 16 bytes in half the time.
const shortText = 64

// validText reports whether p is UTF-8 from beginning to end.
func validText(p []byte) bool {
	return len(p) <= shortText && isASCII(p) || utf8.Valid(p)
}

func isASCII(p []byte) bool {
	const high = 0x8080808080808080
	var seen uint64
	for ; len(p) >= 8; p = p[8:] {
		seen |= binary.LittleEndian.Uint64(p)
	}
	for _, c := range p {
		seen |= uint64(c)
	}
	return seen&high == 0
}

// textStream validates UTF-8 that arrives in pieces. The zero value stands before the first byte of a text.
type textStream struct {
	open [utf8.UTFMax]byte // the beginning of a character whose end has not arrived
	n    uint8             // how many bytes of open are in use
}

// write reports whether the text can still become valid: false as soon as the bytes so far cannot begin any UTF-8 text.
func (t *textStream) write(p []byte) bool {
	for t.n > 0 {
		if len(p) == 0 {
			return true
		}
		t.open[t.n] = p[0]
		t.n++
		p = p[1:]
		// An invalid beginning counts as a full rune, so the character is rejected at its first wrong byte.
		if utf8.FullRune(t.open[:t.n]) {
			if !utf8.Valid(t.open[:t.n]) {
				return false
			}
			t.n = 0
		}
	}
	end := len(p)
	for i := end - 1; i >= 0 && i > end-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				t.n = uint8(copy(t.open[:], p[i:]))
				end = i
			}
			break
		}
	}
	return validText(p[:end])
}

// complete reports whether the text ends between two characters.
func (t *textStream) complete() bool { return t.n == 0 }
