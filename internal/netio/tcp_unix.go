//go:build unix

package netio

import (
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
)

// tcpSocket is a TCP connection that is used through its descriptor.
type tcpSocket struct {
	raw         syscall.RawConn
	inlineLimit int         // see writable
	slow        atomic.Bool // see waited
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

func newReadAttempt(c *Conn) *readAttempt {
	a := &readAttempt{conn: c}
	a.try = a.read
	return a
}

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
	look := a.conn.look
	a.conn.look = false
	if look && a.conn.tcp.empty(fd) {
		a.buffers.Idle()
		a.conn.waiting.Store(true)
		return false
	}
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
	socket  *tcpSocket
	try     func(fd uintptr) bool
	data    [][]byte // what is left to be written
	one     [1][]byte
	wait    bool          // wait until all of data is written
	written *atomic.Int64 // counts what has been written
	waiting time.Time     // since when the descriptor has taken nothing
	n       int
	err     error
	vectors vectors
}

func newWriteAttempt(s *tcpSocket, written *atomic.Int64) *writeAttempt {
	a, ok := attempts.Get().(*writeAttempt)
	if !ok {
		a = new(writeAttempt)
		a.try = a.write
	}
	a.socket, a.written, a.n, a.err = s, written, 0, nil
	return a
}

// run makes the attempt and gives it back.
func (a *writeAttempt) run() (n int, err error) {
	if err = a.socket.raw.Write(a.try); err == nil {
		err = a.err
	}
	n = a.n
	a.socket, a.written, a.data, a.one[0], a.waiting = nil, nil, nil, nil, time.Time{}
	attempts.Put(a)
	if err != nil {
		err = os.NewSyscallError("write", err)
	}
	return n, err
}

// write returns false to wait for the descriptor.
func (a *writeAttempt) write(fd uintptr) bool {
	if !a.waiting.IsZero() {
		a.socket.waited(fd, time.Since(a.waiting))
		a.waiting = time.Time{}
	}
	for len(a.data) > 0 {
		n, err := a.vectors.write(int(fd), a.data)
		switch {
		case n > 0:
			a.took(n)
			if !a.wait {
				return true // a second try would find that nothing has been taken since
			}
		case err == syscall.EINTR:
		case err == syscall.EAGAIN && a.wait:
			a.waiting = time.Now()
			return false
		case err == syscall.EAGAIN:
			return true
		default:
			a.err = err
			return true
		}
	}
	return true
}

// took records that n bytes of data have been written.
func (a *writeAttempt) took(n int) {
	a.n += n
	a.written.Add(int64(n))
	for n > 0 {
		k := min(n, len(a.data[0]))
		a.data[0] = a.data[0][k:]
		n -= k
		if len(a.data[0]) == 0 {
			a.data = a.data[1:]
		}
	}
}

// tryWrite writes what the socket takes at once, and adds it to written.
func (s *tcpSocket) tryWrite(p []byte, written *atomic.Int64) (int, error) {
	a := newWriteAttempt(s, written)
	a.one[0] = p
	a.data, a.wait = a.one[:], false
	return a.run()
}

// writeAll writes all of the buffers, which it changes. It adds to written as the socket takes them, which may be
// long before it returns.
func (s *tcpSocket) writeAll(buffers [][]byte, written *atomic.Int64) error {
	a := newWriteAttempt(s, written)
	a.data, a.wait = buffers, true
	_, err := a.run()
	return err
}
