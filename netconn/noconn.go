package netconn

import (
	"net"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// noConn is the net.Conn of a nil *ws.Conn.
type noConn struct{}

func (noConn) fail(op string) error {
	return &net.OpError{Op: op, Net: network, Err: &ws.Exception{Name: "TypeError", Message: "the *ws.Conn is nil"}}
}

func (c noConn) Read([]byte) (int, error)         { return 0, c.fail("read") }
func (c noConn) Write([]byte) (int, error)        { return 0, c.fail("write") }
func (c noConn) Close() error                     { return c.fail("close") }
func (noConn) LocalAddr() net.Addr                { return addr("unknown") }
func (noConn) RemoteAddr() net.Addr               { return addr("unknown") }
func (c noConn) SetDeadline(time.Time) error      { return c.fail("set") }
func (c noConn) SetReadDeadline(time.Time) error  { return c.fail("set") }
func (c noConn) SetWriteDeadline(time.Time) error { return c.fail("set") }
func (noConn) WebSocket() *ws.Conn                { return nil }
