//go:build !unix && !js

package ws

import "io"

type readiness struct {
	blind blindReader
}

func (r *readiness) init(io.ReadWriteCloser) {}

func (r *readiness) read(conn io.Reader) (data []byte, buf *[]byte, err error) {
	return r.blind.read(conn)
}
