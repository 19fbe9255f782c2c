//go:build unix

package netio

import (
	"io"
	"net"
	"os"
	"sync"
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
	expectWait := c.expectWait
	c.expectWait = false
	if expectWait && empty(fd) {
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

// These pools are of structs for writes that are under way.
var inlineWrites, writeAttempts sync.Pool

// awaitReadable waits until a read need not wait. If the connection has been closed or its read deadline has passed, a
// read need not wait either.
func (s *tcpSocket) awaitReadable() { _ = s.raw.Read(notEmpty) }

func notEmpty(fd uintptr) bool { return !empty(fd) }

// inlineWrite writes once to a descriptor. Its function is made once, so that a write allocates nothing.
type inlineWrite struct {
	try  func(fd uintptr)
	data []byte
	n    int
	err  error
}

// tryWrite writes what the socket takes at once. It never waits, so it asks for the descriptor alone: RawConn.Write
// would prepare the runtime's poller for a wait.
func (s *tcpSocket) tryWrite(p []byte) (n int, err error) {
	w, ok := inlineWrites.Get().(*inlineWrite)
	if !ok {
		w = new(inlineWrite)
		w.try = w.write
	}
	w.data = p
	if err = s.raw.Control(w.try); err == nil {
		n, err = w.n, w.err
	}
	w.data, w.n, w.err = nil, 0, nil
	inlineWrites.Put(w)
	if err != nil {
		err = os.NewSyscallError("write", err)
	}
	return n, err
}

func (w *inlineWrite) write(fd uintptr) {
	for {
		n, err := syscall.Write(int(fd), w.data)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
		default:
			w.err = err
		}
		w.n = max(n, 0)
		return
	}
}

// writeAttempt writes to a descriptor until everything is written.
type writeAttempt struct {
	socket  *tcpSocket
	try     func(fd uintptr) bool
	data    [][]byte      // what is left to be written
	written *atomic.Int64 // counts what has been written
	waiting time.Time     // since when the descriptor has taken nothing
	err     error
	vectors vectors
}

// writeAll writes all of the buffers, which it changes. It adds to written as the socket takes them, which may be
// long before it returns.
func (s *tcpSocket) writeAll(buffers [][]byte, written *atomic.Int64) error {
	a, ok := writeAttempts.Get().(*writeAttempt)
	if !ok {
		a = new(writeAttempt)
		a.try = a.write
	}
	a.socket, a.data, a.written = s, buffers, written
	err := s.raw.Write(a.try)
	if err == nil {
		err = a.err
	}
	a.socket, a.data, a.written, a.waiting, a.err = nil, nil, nil, time.Time{}, nil
	writeAttempts.Put(a)
	if err != nil {
		err = os.NewSyscallError("write", err)
	}
	return err
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
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			a.waiting = time.Now()
			return false
		default:
			a.err = err
			return true
		}
	}
	return true
}

// took records that n bytes of data have been written.
func (a *writeAttempt) took(n int) {
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
