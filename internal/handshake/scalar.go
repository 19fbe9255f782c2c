package handshake

import (
	"strings"
	"unicode/utf8"
)

// ScalarValues replaces what is not valid UTF-8 as the Encoding standard's decoder does: one U+FFFD for each
// maximal part of a sequence, where a Go range loop gives one for each byte.
func ScalarValues(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			n = invalidPrefix(s)
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// invalidPrefix returns the length of the maximal part of the ill-formed sequence that s begins with: the longest
// prefix that a valid sequence also begins with, at least one byte.
func invalidPrefix(s string) int {
	n := 1
	for n < len(s) && !utf8.FullRuneInString(s[:n+1]) {
		n++
	}
	return n
}
