//go:build !js

package wstest

import (
	"errors"
	"net"
	"time"
)

// halfPipes is one end of a connection in memory. Its two directions end separately, as those of TCP do: an end that
// has failed the connection sends no more, but still reads the peer's answer. So it consists of two net.Pipes, one for
// each direction.
type halfPipes struct{ in, out net.Conn }

// newPipe returns the two ends.
func newPipe() (near, far *halfPipes) {
	nearIn, farOut := net.Pipe()
	farIn, nearOut := net.Pipe()
	return &halfPipes{nearIn, nearOut}, &halfPipes{farIn, farOut}
}

func (p *halfPipes) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p *halfPipes) Write(b []byte) (int, error) { return p.out.Write(b) }

// CloseWrite ends the direction to the peer, which has read everything by now.
func (p *halfPipes) CloseWrite() error { return p.out.Close() }

func (p *halfPipes) Close() error { return errors.Join(p.out.Close(), p.in.Close()) }

func (p *halfPipes) SetReadDeadline(t time.Time) error  { return p.in.SetReadDeadline(t) }
func (p *halfPipes) SetWriteDeadline(t time.Time) error { return p.out.SetWriteDeadline(t) }

func (p *halfPipes) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

func (p *halfPipes) LocalAddr() net.Addr  { return p.in.LocalAddr() }
func (p *halfPipes) RemoteAddr() net.Addr { return p.in.RemoteAddr() }
