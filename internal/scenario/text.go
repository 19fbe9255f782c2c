package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is a JavaScript string: UTF-16 code units, which unlike a Go string's JSON may hold lone surrogates.
type Text []uint16

// TextOf returns s in UTF-16.
func TextOf(s string) Text { return Text(utf16.Encode([]rune(s))) }

// LoneSurrogate is what stands in a Go string for a surrogate without its partner: one byte that is not UTF-8, for
// one code unit that is not UTF-16.
const LoneSurrogate = "\xff"

// String returns the text in UTF-8, every lone surrogate being [LoneSurrogate].
func (t Text) String() string {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		r := rune(t[i])
		if !utf16.IsSurrogate(r) {
			b.WriteRune(r)
			continue
		}
		if i+1 < len(t) {
			if pair := utf16.DecodeRune(r, rune(t[i+1])); pair != utf8.RuneError {
				b.WriteRune(pair)
				i++
				continue
			}
		}
		b.WriteString(LoneSurrogate)
	}
	return b.String()
}

// UnmarshalJSON reads a JSON string without replacing lone surrogates, as encoding/json would.
func (t *Text) UnmarshalJSON(data []byte) error {
	s := string(data)
	if len(s) < 2 || s[0] != '"' {
		return fmt.Errorf("%.40s is not a string", data)
	}
	s = s[1 : len(s)-1]
	units := Text{}
	for len(s) > 0 {
		if s[0] != '\\' {
			r, size := utf8.DecodeRuneInString(s)
			units = utf16.AppendRune(units, r)
			s = s[size:]
			continue
		}
		if s[1] != 'u' {
			units = append(units, uint16(shortEscapes[s[1]]))
			s = s[2:]
			continue
		}
		unit, err := strconv.ParseUint(s[2:6], 16, 16)
		if err != nil {
			return err
		}
		units = append(units, uint16(unit))
		s = s[6:]
	}
	*t = units
	return nil
}

// encoding/json has checked the syntax before it calls UnmarshalJSON.
var shortEscapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// Quote returns the text as the traces show it: JSON, every code unit beyond ASCII escaped.
func (t Text) Quote() string {
	var b strings.Builder
	b.WriteByte('"')
	for _, u := range t {
		switch {
		case u == '"' || u == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(u))
		case u == '\b':
			b.WriteString(`\b`)
		case u == '\f':
			b.WriteString(`\f`)
		case u == '\n':
			b.WriteString(`\n`)
		case u == '\r':
			b.WriteString(`\r`)
		case u == '\t':
			b.WriteString(`\t`)
		case u < 0x20 || u > 0x7e && u != 0x7f:
			fmt.Fprintf(&b, `\u%04x`, u)
		default:
			b.WriteByte(byte(u))
		}
	}
	b.WriteByte('"')
	return b.String()
}

// latin1 returns one byte a code unit.
func (t Text) latin1() ([]byte, error) {
	b := make([]byte, len(t))
	for i, u := range t {
		if u > 0xff {
			return nil, fmt.Errorf("U+%04X is not Latin-1", u)
		}
		b[i] = byte(u)
	}
	return b, nil
}
