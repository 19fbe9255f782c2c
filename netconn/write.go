package netconn

import (
	"unicode/utf8"
	"unsafe"

	"github.com/seed2c7e30c3/ws"
)

// output is what Write has taken and not yet sent.
type output struct {
	bytes [utf8.UTFMax - 1]byte
	n     int // how many of bytes: the beginning of a character
}

func (o *output) begun() []byte { return o.bytes[:o.n] }

func (o *output) keep(begun []byte) { o.n = copy(o.bytes[:], begun) }

func (c *conn) Write(p []byte) (int, error) {
	end := c.writeLimit.current()
	if err := acquire(end, c.writing); err != nil {
		return 0, c.failure("write", end, err)
	}
	defer release(c.writing)
	n, err := c.write(end, p)
	if err != nil {
		return n, c.failure("write", end, err)
	}
	return n, nil
}

func (c *conn) write(end *ending, p []byte) (n int, err error) {
	if err := c.writable(); err != nil {
		return 0, err
	}
	for n < len(p) {
		if err := c.awaitRoom(end); err != nil {
			return n, err
		}
		var k int
		if c.config.Text {
			k, err = c.sendText(p, n)
		} else {
			k, err = c.sendBinary(p[n:])
		}
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// writable is the error of a Write on a connection that takes nothing any more.
func (c *conn) writable() error {
	switch state := c.ws.ReadyState(); state {
	case ws.Open:
		return nil
	case ws.Closed:
		return c.ws.Err()
	default:
		return &ws.Exception{Name: ws.ErrInvalidState.(*ws.Exception).Name, Message: "Write in state " + state.String()}
	}
}

// awaitRoom waits until a message may be queued. When the buffer is full it waits until half of it is free: in a
// browser every wait takes a millisecond.
func (c *conn) awaitRoom(end *ending) error {
	limit := c.config.WriteBuffer
	if limit < 0 {
		return end.Err()
	}
	if c.ws.BufferedAmount() > limit {
		limit /= 2
	}
	return c.ws.Drain(end, limit)
}

// send sends a message. The error is why the connection has ended, if it has.
func (c *conn) send(m ws.Message) error {
	err := c.ws.Send(m)
	if err != nil {
		if closed := c.ws.Err(); closed != nil {
			return closed
		}
	}
	return err
}

// sendBinary sends a message of bytes of p, and returns how many.
func (c *conn) sendBinary(p []byte) (n int, err error) {
	n = min(len(p), c.config.MessageSize)
	if err := c.send(ws.Bytes(p[:n])); err != nil {
		return 0, err
	}
	return n, nil
}

// sendText sends a message of whole characters: the one that the Write before has begun, and what follows in p from
// offset from on. It returns how many bytes of p it has taken; a character that p does not complete is kept.
func (c *conn) sendText(p []byte, from int) (n int, err error) {
	begun := c.output.begun()
	rest := p[from:]
	data := rest[:min(len(rest), c.config.MessageSize-len(begun))]
	last := len(data) == len(rest)
	if len(begun) > 0 {
		data = append(append(make([]byte, 0, len(begun)+len(data)), begun...), data...)
	}
	whole := wholeCharacters(data)
	if whole > 0 {
		if err := c.send(ws.Text(unsafe.String(&data[0], whole))); err != nil { // which copies
			return 0, err
		}
		n = whole - len(begun)
		c.output.n = 0
	}
	left := data[whole:]
	switch {
	case len(left) == 0:
	case utf8.FullRune(left):
		return n, notText("the bytes to write", from+n)
	case last:
		c.output.keep(left)
		n = len(rest)
	}
	return n, nil
}

// wholeCharacters returns how many bytes of data are valid UTF-8 before the first that are not, or begin a character
// that data does not end.
func wholeCharacters(data []byte) int {
	// The usual cases first: everything is valid, but perhaps the end.
	end := len(data)
	for i := end - 1; i >= 0 && i >= end-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(data[i]) {
			if !utf8.FullRune(data[i:]) {
				end = i
			}
			break
		}
	}
	if utf8.Valid(data[:end]) {
		return end
	}
	n := 0
	for {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size <= 1 {
			return n
		}
		n += size
	}
}
