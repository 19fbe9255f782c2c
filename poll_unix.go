//go:build unix

package ws

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// poller uses a TCP connection through its descriptor: it waits for something to read without holding a buffer, so an idle
// connection has none, and it writes what can be written without waiting. One goroutine may read while another one writes.
type poller struct {
	raw   syscall.RawConn // nil for other connections
	in    readAttempt
	blind *blindReader // for other connections
}

// readAttempt and writeAttempt are system calls that RawConn makes. Each function is made once, so that a call allocates
// nothing.
type readAttempt struct {
	conn *Conn
	try  func(fd uintptr) bool
	buf  *[]byte // of receiveBuffers
	n    int
	err  error
}

type writeAttempt struct {
	try  func(fd uintptr) bool
	data []byte
	n    int
	err  error
}

// writeAttempts are only held while there is something to write.
var writeAttempts = sync.Pool{New: func() any {
	a := new(writeAttempt)
	a.try = a.write
	return a
}}

func (p *poller) init(c *Conn) {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			p.raw, p.in.conn, p.in.try = raw, c, p.in.read
			return
		}
	}
	p.blind = &blindReader{conn: c}
}

// read waits until the connection is readable and reads into a buffer of receiveBuffers, which is the caller's to put back
// unless it is nil. Without data there is an error.
func (p *poller) read() (data []byte, buf *[]byte, err error) {
	if p.raw == nil {
		return p.blind.read()
	}
	in := &p.in
	if err = p.raw.Read(in.try); err == nil {
		err = in.err
	}
	buf, in.buf = in.buf, nil
	switch {
	case buf != nil:
		return (*buf)[:in.n], buf, nil
	case err == nil:
		return nil, nil, io.EOF
	}
	return nil, nil, os.NewSyscallError("read", err)
}

// read takes a buffer only for as long as there is something for it.
func (a *readAttempt) read(fd uintptr) bool {
	buf := receiveBuffers.Get().(*[]byte)
	for {
		a.n, a.err = syscall.Read(int(fd), *buf)
		if a.err != syscall.EINTR {
			break
		}
	}
	if a.err == nil && a.n > 0 {
		a.buf = buf
		return true
	}
	receiveBuffers.Put(buf)
	if a.err == syscall.EAGAIN {
		a.conn.goingIdle()
		return false
	}
	return true
}

// write writes what the connection takes at once: nothing where that cannot be known.
func (p *poller) write(data []byte) (n int, err error) {
	if p.raw == nil {
		return 0, nil
	}
	out := writeAttempts.Get().(*writeAttempt)
	defer writeAttempts.Put(out)
	out.data = data
	if err = p.raw.Write(out.try); err == nil {
		n, err = out.n, out.err
	}
	out.data = nil
	return n, err
}

func (a *writeAttempt) write(fd uintptr) bool {
	for {
		a.n, a.err = syscall.Write(int(fd), a.data)
		if a.err != syscall.EINTR {
			break
		}
	}
	if a.err == syscall.EAGAIN {
		a.err = nil
	}
	a.n = max(a.n, 0)
	return true
}
