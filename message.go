package ws

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Message is the content of one WebSocket message: a Text, Bytes, *ArrayBuffer or *Blob, and no other type.
//
// A Text is a text message, the other three are binary messages. Text is received as Text. Binary messages are received
// as *ArrayBuffer or *Blob, whichever [Conn.BinaryType] says at the moment of delivery. Bytes is a convenience for
// sending.
type Message interface {
	isMessage()
}

// Text is a text message. It must be valid UTF-8 to be sent; received text always is.
type Text string

// Bytes is a binary message to send, which saves the call of NewArrayBuffer. It is never received.
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

// checkMessage returns the error for a message that Send and NewBlob refuse in every state.
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
			return exception(ErrSyntax,
				"the text is not valid UTF-8 at byte "+strconv.Itoa(validLen(string(m)))+" of "+strconv.Itoa(len(m)))
		}
	}
	return nil
}

// messageSize returns the number of bytes of application data in m, which is what BufferedAmount counts.
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

// sized returns what fmt prints for a message whose content it does not print.
//
//go:noinline
func sized(kind string, m Message) string {
	return kind + strconv.Itoa(int(messageSize(m))) + " bytes)"
}

// validLen returns the number of bytes of s before the first that is not valid UTF-8.
func validLen(s string) int {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return i
		}
	}
	return len(s)
}
