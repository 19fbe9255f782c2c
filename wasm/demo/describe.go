package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed2c7e30c3/ws"
)

// How much of a message a line shows at most.
const (
	shownRunes = 60
	shownBytes = 16
)

// describe returns the type of a message, and its beginning.
func describe(m ws.Message) string {
	switch m := m.(type) {
	case ws.Text:
		return "text " + quote(string(m)) + size(len(m), shownRunes)
	case ws.Bytes:
		return "bytes " + hexadecimal(m)
	case *ws.ArrayBuffer:
		return "ArrayBuffer " + hexadecimal(m.Bytes())
	case *ws.Blob:
		if m == nil {
			return "no Blob"
		}
		text := fmt.Sprintf("Blob, %d bytes", m.Size())
		if m.Type() != "" {
			text += ", " + m.Type()
		}
		return text
	}
	return fmt.Sprintf("%T", m)
}

// quote returns a text in quotes, shortened.
func quote(s string) string {
	if utf8.RuneCountInString(s) > shownRunes {
		s = string([]rune(s)[:shownRunes]) + "…"
	}
	return strconv.Quote(s)
}

// hexadecimal returns bytes in hexadecimal, shortened.
func hexadecimal(b []byte) string {
	if len(b) > shownBytes {
		return fmt.Sprintf("% x…", b[:shownBytes]) + size(len(b), shownBytes)
	}
	return strings.TrimSpace(fmt.Sprintf("% x", b))
}

// size returns the number of bytes of something that is not shown as a whole.
func size(n, shown int) string {
	if n <= shown {
		return ""
	}
	return fmt.Sprintf(", %d bytes", n)
}

// result is the line of a call.
func result(what string, err error) Line {
	if err == nil {
		return Line{Kind: Call, Text: what + " → nil"}
	}
	return Line{Kind: Call, Text: what + " → " + err.Error(), Detail: tests(err), Failed: true}
}

// kinds are the errors that a program can check with errors.Is.
var kinds = []struct {
	name string
	err  error
}{
	{"ws.ErrSyntax", ws.ErrSyntax},
	{"ws.ErrSecurity", ws.ErrSecurity},
	{"ws.ErrInvalidAccess", ws.ErrInvalidAccess},
	{"ws.ErrInvalidState", ws.ErrInvalidState},
	{"ws.ErrMessageTooBig", ws.ErrMessageTooBig},
	{"ws.ErrClosedNow", ws.ErrClosedNow},
	{"context.Canceled", context.Canceled},
	{"context.DeadlineExceeded", context.DeadlineExceeded},
}

// tests returns how a program distinguishes an error from others.
func tests(err error) string {
	var list []string
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			list = append(list, "errors.Is(err, "+k.name+")")
		}
	}
	var closed *ws.CloseError
	if errors.As(err, &closed) {
		list = append(list, fmt.Sprintf("ws.CloseStatus(err) == %d", closed.Code))
	}
	return strings.Join(list, ", ")
}

// closeLine is the line of a close event.
func closeLine(e ws.CloseEvent) Line {
	clean := "clean"
	if !e.WasClean {
		clean = "not clean"
	}
	return Line{Kind: Event, Text: fmt.Sprintf("close %d %q, %s", e.Code, e.Reason, clean), Failed: !e.WasClean}
}
