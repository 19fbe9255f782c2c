//go:build unix && !linux

package netio

import (
	"syscall"
	"time"
)

// What only Linux can tell. Here a write over TLS is never made inline, and what has been written counts as taken.

func (*tcpSocket) limitInline()        {}
func (*tcpSocket) takeMore()           {}
func (*tcpSocket) readable() bool      { return false }
func (*tcpSocket) writable() bool      { return false }
func (*tcpSocket) unacknowledged() int { return 0 }

func empty(uintptr) bool { return false }

func (*tcpSocket) waited(uintptr, time.Duration) {}
func (*tcpSocket) waitedFor(time.Duration)       {}

// vectors stands in for the arguments of a system call that writes several buffers.
type vectors struct{}

func (*vectors) write(fd int, buffers [][]byte) (int, error) { return syscall.Write(fd, buffers[0]) }
