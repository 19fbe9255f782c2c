package ws

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Message is what one WebSocket message carries: Text, Bytes, *ArrayBuffer or *Blob, and no other type.
//
// Text is a text message, the three others are binary ones. Received text is a Text; received binary is a *ArrayBuffer
// or a *Blob, as Conn.BinaryType says at the moment of delivery. Bytes is a convenience for sending.
type Message interface {
	isMessage()
}

// Text is a text message. To be sent it must be valid UTF-8; received text always is.
type Text string

// Bytes is a binary message to send, without the detour over NewArrayBuffer. It is never received.
type Bytes []byte

// BinaryType says whether binary messages arrive as *ArrayBuffer or as *Blob.
type BinaryType string

const (
	BinaryArrayBuffer BinaryType = "arraybuffer" // *ArrayBuffer: the bytes are in memory
	BinaryBlob        BinaryType = "blob"        // *Blob: a browser may keep the bytes outside of the program's memory
)

func (Text) isMessage()         {}
func (Bytes) isMessage()        {}
func (*ArrayBuffer) isMessage() {}
func (*Blob) isMessage()        {}

// checkMessage returns the error of a message that Send and NewBlob refuse in every state.
func checkMessage(m Message) error {
	switch m := m.(type) {
	case nil:
		return typeError("the message is nil")
	case *ArrayBuffer:
		if m == nil {
			return typeError("the *ArrayBuffer is nil")
		}
	case *Blob:
		if m == nil {
			return typeError("the *Blob is nil")
		}
	case Text:
		if !utf8.ValidString(string(m)) {
			return exception(ErrSyntax, "the text is not valid UTF-8 at byte "+strconv.Itoa(validLen(string(m)))+" of "+strconv.Itoa(len(m)))
		}
	}
	return nil
}

// messageSize returns the bytes of application data that m has: what BufferedAmount counts.
func messageSize(m Message) int64 {
	switch m := m.(type) {
	case Text:
		return int64(len(m))
	case Bytes:
		return int64(len(m))
	case *ArrayBuffer:
		return int64(m.Len())
	case *Blob:
		return m.Size()
	}
	return 0
}

// sized is what fmt prints for a message whose content it does not print.
//
//go:noinline
func sized(kind string, m Message) string {
	return kind + strconv.Itoa(int(messageSize(m))) + " bytes)"
}

// validLen returns how many bytes of s are valid UTF-8 before the first that are not.
func validLen(s string) int {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return i
		}
	}
	return len(s)
}
