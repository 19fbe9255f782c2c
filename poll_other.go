//go:build !unix && !js

package ws

import "io"

// poller is for systems without the descriptors that poll_unix.go uses.
type poller struct {
	blind blindReader
}

func (p *poller) init(_ io.ReadWriteCloser, idle func()) { p.blind.idle = idle }

func (p *poller) read(conn io.Reader) (data []byte, buf *[]byte, err error) {
	return p.blind.read(conn)
}

func (p *poller) write([]byte) (n int, err error) { return 0, nil }
