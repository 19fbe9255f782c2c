//go:build unix

package ws

import (
	"io"
	"net"
	"os"
	"syscall"
)

// readiness waits for something to read without holding a buffer: an idle connection has none.
type readiness struct {
	raw    syscall.RawConn
	try    func(fd uintptr) bool // made once, so that reading allocates nothing
	buf    *[]byte
	n      int
	err    error
	blind  blindReader
	direct bool
}

func (r *readiness) init(conn io.ReadWriteCloser) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			r.raw, r.direct = raw, true
			r.try = r.tryRead
		}
	}
}

// read waits until conn is readable and reads into a buffer of receiveBuffers, which is returned unless n is 0.
func (r *readiness) read(conn io.Reader) (data []byte, buf *[]byte, err error) {
	if !r.direct {
		return r.blind.read(conn)
	}
	err = r.raw.Read(r.try)
	buf, r.buf = r.buf, nil
	switch {
	case err != nil:
	case r.err != nil:
		err = os.NewSyscallError("read", r.err)
	case r.n == 0:
		err = io.EOF
	default:
		return (*buf)[:r.n], buf, nil
	}
	return nil, nil, err
}

func (r *readiness) tryRead(fd uintptr) bool {
	buf := receiveBuffers.Get().(*[]byte)
	for {
		r.n, r.err = syscall.Read(int(fd), *buf)
		if r.err != syscall.EINTR {
			break
		}
	}
	if r.err == nil && r.n > 0 {
		r.buf = buf
		return true
	}
	receiveBuffers.Put(buf)
	return r.err != syscall.EAGAIN
}
