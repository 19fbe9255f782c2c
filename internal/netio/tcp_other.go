//go:build !unix && !js

package netio

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
)

// tcpSocket is for systems with the descriptors that tcp_unix.go uses. It does not exist here.
type tcpSocket struct {
	inlineLimit int32
}

func (*tcpSocket) init(*net.TCPConn) {}
func (*tcpSocket) known() bool       { return false }
func (*tcpSocket) limitInline()      {}
func (*tcpSocket) awaitReadable()    {}

type readAttempt struct{}

func (*Conn) initAttempt() {}

func (*Conn) readDirect(engine.Buffers) ([]byte, error) { return nil, net.ErrClosed }

func (*tcpSocket) tryWrite([]byte) (int, error)           { return 0, nil }
func (*tcpSocket) writeAll([][]byte, *atomic.Int64) error { return net.ErrClosed }
func (*tcpSocket) readable() bool                         { return false }
func (*tcpSocket) writable() bool                         { return false }
func (*tcpSocket) unacknowledged() int                    { return 0 }
func (*tcpSocket) takeMore()                              {}
func (*tcpSocket) waitedFor(time.Duration)                {}
