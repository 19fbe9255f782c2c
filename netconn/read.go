package netconn

import (
	"context"
	"unsafe"
)

// input has what Read has received and not yet returned.
type input struct {
	rest   []byte // of a message, in buffer
	buffer []byte // for messages that are longer than what Read is given; its length means nothing
	usual  int    // approximate length of a long message
}

// keptBuffer is the length up to which a buffer is always kept.
const keptBuffer = 64 << 10

func (c *conn) Read(p []byte) (int, error) {
	end := c.readLimit.current()
	if len(p) == 0 {
		if end.Err() == context.Canceled {
			return 0, c.failure("read", end, end.Err())
		}
		return 0, nil
	}
	if err := acquire(end, c.reading); err != nil {
		return 0, c.failure("read", end, err)
	}
	defer release(c.reading)
	in := &c.input
	for len(in.rest) == 0 {
		message, err := c.ws.ReadAppend(end, in.memory(p))
		if err != nil {
			return 0, c.failure("read", end, err)
		}
		in.usual = max(len(message), in.usual-in.usual/8)
		if cap(message) > 0 && unsafe.SliceData(message[:1]) == &p[0] {
			if len(message) > 0 {
				return len(message), nil
			}
			continue
		}
		in.buffer, in.rest = message, message
	}
	return in.take(p), nil
}

// memory returns the memory for the next message: p itself if the message will probably fit.
func (in *input) memory(p []byte) []byte {
	if in.usual <= len(p) {
		return p[:0:len(p)]
	}
	return in.buffer[:0]
}

// take moves bytes of rest to p.
func (in *input) take(p []byte) int {
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	if len(in.rest) == 0 && cap(in.buffer) > max(keptBuffer, 4*in.usual) {
		in.buffer = nil
	}
	return n
}
