//go:build unix

package ws

import (
	"io"
	"net"
	"os"
	"syscall"
)

// poller uses a TCP connection through its descriptor: it waits for something to read without holding a buffer, so an idle
// connection has none, and it writes what can be written without waiting. One goroutine may read while another one writes.
type poller struct {
	raw   syscall.RawConn // nil for other connections
	in    attempt
	out   attempt
	blind blindReader
}

// attempt is one system call that RawConn makes. The function is made once, so that a call allocates nothing.
type attempt struct {
	try func(fd uintptr) bool
	buf *[]byte // read: of receiveBuffers
	p   []byte  // write
	n   int
	err error
}

func (p *poller) init(conn io.ReadWriteCloser) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	p.raw = raw
	p.in.try = p.in.read
	p.out.try = p.out.write
}

// read waits until conn is readable and reads into a buffer of receiveBuffers, which is the caller's to put back unless it
// is nil. Without data there is an error.
func (p *poller) read(conn io.Reader) (data []byte, buf *[]byte, err error) {
	if p.raw == nil {
		return p.blind.read(conn)
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
func (a *attempt) read(fd uintptr) bool {
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
	return a.err != syscall.EAGAIN
}

// write writes what the connection takes at once: nothing where that cannot be known.
func (p *poller) write(data []byte) (n int, err error) {
	if p.raw == nil {
		return 0, nil
	}
	out := &p.out
	out.p = data
	if err = p.raw.Write(out.try); err == nil {
		n, err = out.n, out.err
	}
	out.p = nil
	return n, err
}

func (a *attempt) write(fd uintptr) bool {
	for {
		a.n, a.err = syscall.Write(int(fd), a.p)
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
