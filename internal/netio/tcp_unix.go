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
	raw         syscall.RawConn // nil if there is no connection, or it no longer has a descriptor
	inlineLimit int32           // see writable
	slow        atomic.Bool     // see waited
}

func (s *tcpSocket) init(conn *net.TCPConn) {
	if raw, err := conn.SyscallConn(); err == nil {
		s.raw = raw
		s.limitInline()
	}
}

// known reports whether there is a descriptor.
func (s *tcpSocket) known() bool { return s.raw != nil }

// readAttempt is a read from a descriptor. Its function is made once, so that a read allocates nothing.
type readAttempt struct {
	try     func(fd uintptr) bool // Conn.tryRead
	buffers engine.Buffers
	got     []byte
	err     error
}

func (c *Conn) initAttempt() { c.attempt.try = c.tryRead }

// readDirect is ReadSome for a TCP connection.
func (c *Conn) readDirect(b engine.Buffers) ([]byte, error) {
	a := &c.attempt
	a.buffers = b
	err := c.tcp.raw.Read(a.try)
	got := a.got
	if err == nil {
		err = a.err
	}
	a.buffers, a.got, a.err = nil, nil, nil
	switch {
	case len(got) > 0:
		return got, nil
	case err != nil:
		return nil, os.NewSyscallError("read", err)
	}
	return nil, io.EOF
}

// tryRead holds a buffer only while there may be something to read. It returns false to wait for the descriptor.
func (c *Conn) tryRead(fd uintptr) bool {
	a := &c.attempt
	c.waiting.Store(false)
	look := c.look
	c.look = false
	if look && c.tcp.empty(fd) {
		a.buffers.Idle()
		c.waiting.Store(true)
		return false
	}
	buf := a.buffers.Get()
	for {
		n, err := syscall.Read(int(fd), buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			a.buffers.Idle()
			c.waiting.Store(true)
			return false
		}
		a.got, a.err = buf[:max(n, 0)], err
		return true
	}
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
