package netio

import (
	"syscall"
	"unsafe"
)

const (
	siocoutq       = 0x5411 // SIOCOUTQ: bytes written and not acknowledged
	tcpNotsentLow  = 25     // TCP_NOTSENT_LOWAT
	pollIn         = 0x1    // POLLIN
	pollOut        = 0x4    // POLLOUT
	notsentDefault = 1<<31 - 1

	// notsentLow is how many bytes the system keeps that it has not sent yet. Without a bound it is up to 4 MiB, which a pong has
	// to wait for on a slow line: 2 s at 2 MB/s. Of fast connections it takes no throughput.
	notsentLow = 256 << 10
)

// init bounds what the system keeps unsent, and asks how much a write over TLS may have.
func (s *tcpSocket) init() {
	_ = s.raw.Control(func(fd uintptr) {
		// A system that does not know the option takes more; nothing else depends on it.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotsentLow, notsentLow)
		if size, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF); err == nil {
			s.inlineLimit = min(tlsInline, size/8)
		}
	})
}

func (s *tcpSocket) takeMore() {
	_ = s.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotsentLow, notsentDefault)
	})
}

// readable reports whether a read would not wait.
func (s *tcpSocket) readable() bool { return s.poll(pollIn) }

// writable reports whether the socket takes inlineLimit bytes without waiting. Linux says so when a third of the send buffer is
// free, of which the limit is an eighth.
func (s *tcpSocket) writable() bool { return s.poll(pollOut) }

func (s *tcpSocket) poll(events int16) (ready bool) {
	_ = s.raw.Control(func(fd uintptr) {
		p := struct {
			fd      int32
			events  int16
			revents int16
		}{fd: int32(fd), events: events}
		var now syscall.Timespec
		n, _, _ := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		ready = n == 1 && p.revents&events != 0
	})
	return ready
}

// unacknowledged returns how many bytes are written and not acknowledged by the peer's system; 0 of a closed connection.
func (s *tcpSocket) unacknowledged() (n int) {
	_ = s.raw.Control(func(fd uintptr) {
		var value int32
		if _, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, fd, siocoutq, uintptr(unsafe.Pointer(&value))); errno == 0 {
			n = int(value)
		}
	})
	return n
}
