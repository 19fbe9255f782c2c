package load

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
)

// Pieces receives a flood as a stream, in pieces of 64 KiB and unparsed: it knows beforehand where messages begin and
// end.
type Pieces struct {
	from    io.Reader
	size    int // bytes of a message
	wire    int // bytes that it takes in the stream
	have    int // bytes that have come
	piece   []byte
	message []byte // stands for a message, but does not have its bytes
}

// NewPieces returns the Pieces of a stream of messages of size bytes, which take wire bytes in it.
func NewPieces(from io.Reader, size, wire int) Pieces {
	return Pieces{from: from, size: size, wire: wire, piece: make([]byte, 64<<10), message: make([]byte, size)}
}

func (p *Pieces) Receive() (Received, error) {
	for p.have < p.wire {
		n, err := p.from.Read(p.piece)
		if err != nil {
			return Received{}, err
		}
		p.have += n
	}
	p.have -= p.wire
	return Received{Data: p.message}, nil
}

// SizeOf returns the size of the messages that a URL requests from a server.
func SizeOf(target string) (int, error) {
	u, err := url.Parse(target)
	if err != nil {
		return 0, err
	}
	size, err := strconv.Atoi(u.Query().Get("size"))
	if err != nil {
		return 0, fmt.Errorf("the size in %s: %w", target, err)
	}
	return size, nil
}
