//go:build unix

package netio

import (
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/seed2c7e30c3/ws/internal/engine"
)

// tcpSocket is a TCP connection by its descriptor.
type tcpSocket struct {
	raw         syscall.RawConn
	inlineLimit int // see writable
}

// newTCPSocket returns nil if the connection has no descriptor any more.
func newTCPSocket(conn *net.TCPConn) *tcpSocket {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	s := &tcpSocket{raw: raw}
	s.init()
	return s
}

// readAttempt reads from a descriptor. Its function is made once, so that a read allocates nothing.
type readAttempt struct {
	conn    *Conn
	try     func(fd uintptr) bool
	buffers engine.Buffers
	buf     []byte
	n       int
	err     error
}

func (a *readAttempt) init(c *Conn) { a.conn, a.try = c, a.read }

func (a *readAttempt) readSome(b engine.Buffers) ([]byte, error) {
	a.buffers, a.n, a.err = b, 0, nil
	err := a.conn.tcp.raw.Read(a.try)
	buf := a.buf
	a.buffers, a.buf = nil, nil
	switch {
	case a.n > 0:
		return buf[:a.n], nil
	case err != nil:
		return nil, os.NewSyscallError("read", err)
	case a.err != nil:
		return nil, os.NewSyscallError("read", a.err)
	}
	return nil, io.EOF
}

// read takes a buffer only for as long as there is something for it. It returns false to wait for the descriptor.
func (a *readAttempt) read(fd uintptr) bool {
	a.conn.waiting.Store(false)
	a.buf = a.buffers.Get()
	for {
		a.n, a.err = syscall.Read(int(fd), a.buf)
		if a.err != syscall.EINTR {
			break
		}
	}
	if a.err == syscall.EAGAIN {
		a.buf = nil
		a.buffers.Idle()
		a.conn.waiting.Store(true)
		return false
	}
	return true
}

// writeAttempt writes to a descriptor.
type writeAttempt struct {
	try     func(fd uintptr) bool
	data    []byte
	wait    bool          // until all of data is written
	written *atomic.Int64 // counts what has been, while the attempt waits
	n       int
	err     error
}

func newWriteAttempt() *writeAttempt {
	if a, ok := attempts.Get().(*writeAttempt); ok {
		return a
	}
	a := new(writeAttempt)
	a.try = a.write
	return a
}

// run makes the attempt and gives it back.
func (a *writeAttempt) run(raw syscall.RawConn) (n int, err error) {
	if err = raw.Write(a.try); err == nil {
		err = a.err
	}
	n = a.n
	a.data, a.written, a.n, a.err = nil, nil, 0, nil
	attempts.Put(a)
	if err != nil {
		err = os.NewSyscallError("write", err)
	}
	return n, err
}

func (a *writeAttempt) write(fd uintptr) bool {
	for len(a.data) > 0 {
		n, err := syscall.Write(int(fd), a.data)
		switch {
		case n > 0:
			a.n += n
			a.data = a.data[n:]
			if a.written != nil {
				a.written.Add(int64(n))
			}
			if !a.wait {
				return true // a second try would find nothing taken since
			}
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return !a.wait
		default:
			a.err = err
			return true
		}
	}
	return true
}

// tryWrite writes what the socket takes at once.
func (s *tcpSocket) tryWrite(p []byte) (int, error) {
	a := newWriteAttempt()
	a.data, a.wait = p, false
	return a.run(s.raw)
}

// writeAll writes all of p. It adds to written as the socket takes it, which may be long before it returns.
func (s *tcpSocket) writeAll(p []byte, written *atomic.Int64) error {
	a := newWriteAttempt()
	a.data, a.wait, a.written = p, true, written
	_, err := a.run(s.raw)
	return err
}
