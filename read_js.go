//go:build js && wasm

package ws

import "context"

// suits reports whether a Read can have p.
func (p payload) suits(w want) bool {
	switch w {
	case anyMessage:
		return true
	case onlyText:
		return p.text
	}
	return p.blob == nil
}

// takeBytes is take of a message whose bytes are in memory. Those of a Blob it reads.
func (c *Conn) takeBytes(ctx context.Context, r request) (payload, error) {
	for {
		p, _, err := c.take(ctx, r)
		if err != errOtherKind {
			return p, err
		}
		if p, err := c.takeBlob(ctx); p.data != nil || err != nil {
			return p, err
		}
	}
}

// takeBlob reads the next message, which was a Blob a moment ago, and then takes it. It returns no data if another Read
// has taken it meanwhile.
func (c *Conn) takeBlob(ctx context.Context) (payload, error) {
	next := c.nextBlob()
	if next == nil {
		return payload{}, nil
	}
	data, err := (&Blob{blob{next.value}}).Bytes(ctx)
	if err != nil {
		return payload{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unread.len() == 0 || c.unread.first().blob != next {
		return payload{}, nil
	}
	c.messageTaken(c.unread.pop())
	if data == nil {
		data = []byte{}
	}
	return payload{data: data}, nil
}

// nextBlob returns the next message if it is a Blob.
func (c *Conn) nextBlob() *receivedBlob {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unread.len() == 0 {
		return nil
	}
	return c.unread.first().blob
}

// bytes returns the content of p, which nobody else has.
func (p payload) bytes() []byte { return p.data }

// appendTo appends the content of p to dst.
func (p payload) appendTo(dst []byte) []byte { return append(dst, p.data...) }
