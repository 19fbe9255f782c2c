//go:build !unix && !js

package ws

// poller is for systems without the descriptors that poll_unix.go uses.
type poller struct {
	blind blindReader
}

func (p *poller) init(c *Conn) { p.blind.conn = c }

func (p *poller) read() (data []byte, buf *[]byte, err error) { return p.blind.read() }

func (p *poller) write([]byte) (n int, err error) { return 0, nil }
