package netio

import (
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	siocoutq       = 0x5411 // SIOCOUTQ: bytes written and not acknowledged
	tcpNotsentLow  = 25     // TCP_NOTSENT_LOWAT
	pollIn         = 0x1    // POLLIN
	pollOut        = 0x4    // POLLOUT
	notsentDefault = 1<<31 - 1

	// notsentLow is the number of unsent bytes that the system may keep for a slow connection. Without this limit it keeps
	// up to 4 MiB, for which a pong has to wait: 2 s at 2 MB/s.
	notsentLow = 128 << 10

	// A connection is slow from the first write that has to wait for slowWait until the first that waits less than
	// fastWait. With the limit, that is 25 MB/s. If all connections had the limit, sending to this machine would take
	// twice the processor time.
	slowWait = 30 * time.Millisecond
	fastWait = 2 * time.Millisecond
)

// limitInline asks the system how much may be written at once over TLS.
func (s *tcpSocket) limitInline() {
	if !s.known() {
		return
	}
	_ = s.raw.Control(func(fd uintptr) {
		if size, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF); err == nil {
			s.inlineLimit = int32(min(tlsInline, size/8))
		}
	})
}

// waited records how long a write has waited for the descriptor.
func (s *tcpSocket) waited(fd uintptr, d time.Duration) {
	slow := s.slow.Load()
	switch {
	case slow && d < fastWait:
		s.setSlow(fd, false)
	case !slow && d >= slowWait:
		s.setSlow(fd, true)
	}
}

// waitedFor is like waited, for a write whose descriptor is not at hand. A write that took no time at all did not wait.
func (s *tcpSocket) waitedFor(d time.Duration) {
	if slow := s.slow.Load(); slow && d < fastWait && d > fastWait/10 || !slow && d >= slowWait {
		_ = s.raw.Control(func(fd uintptr) { s.waited(fd, d) })
	}
}

func (s *tcpSocket) setSlow(fd uintptr, slow bool) {
	s.slow.Store(slow)
	low := notsentDefault
	if slow {
		low = notsentLow
	}
	// If the system does not know the option, it keeps more; nothing else depends on it.
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotsentLow, low)
}

// takeMore makes the connection count as fast, even if it is slow.
func (s *tcpSocket) takeMore() {
	if s.slow.Load() {
		_ = s.raw.Control(func(fd uintptr) { s.setSlow(fd, false) })
	}
}

// readable reports whether a read would not wait.
func (s *tcpSocket) readable() bool { return s.poll(pollIn) }

// empty reports whether it is known that a read of the descriptor would wait.
func empty(fd uintptr) bool {
	q := newQuestion()
	q.answer, q.poll.events = 0, pollIn
	n := q.doPoll(fd)
	q.give()
	return n == 0
}

// writable reports whether the socket takes inlineLimit bytes without waiting. Linux says so when a third of the
// send buffer is free, and inlineLimit is an eighth.
func (s *tcpSocket) writable() bool { return s.poll(pollOut) }

func (s *tcpSocket) poll(events int16) bool {
	q := newQuestion()
	q.poll.events = events
	q.ask(s, q.askPoll)
	return q.give() != 0
}

// unacknowledged returns how many bytes are written and not acknowledged by the peer's system; 0 of a closed
// connection.
func (s *tcpSocket) unacknowledged() int {
	q := newQuestion()
	q.ask(s, q.askQueue)
	return q.give()
}

// question is a system call that asks about a descriptor. Its functions are made once, so that asking allocates
// nothing.
type question struct {
	askPoll  func(fd uintptr)
	askQueue func(fd uintptr)
	poll     struct {
		fd      int32
		events  int16
		revents int16
	}
	now    syscall.Timespec
	queue  int32
	answer int
}

var questions = sync.Pool{New: func() any {
	q := new(question)
	q.askPoll = func(fd uintptr) { q.doPoll(fd) }
	q.askQueue = q.doQueue
	return q
}}

func newQuestion() *question { return questions.Get().(*question) }

// ask asks. Of a closed connection the answer is 0.
func (q *question) ask(s *tcpSocket, how func(fd uintptr)) {
	q.answer = 0
	_ = s.raw.Control(how)
}

// give returns the answer, and gives q back.
func (q *question) give() int {
	answer := q.answer
	questions.Put(q)
	return answer
}

// doPoll returns 1 if the descriptor has something to report, 0 if not, and -1 on failure.
func (q *question) doPoll(fd uintptr) int {
	q.poll.fd, q.poll.revents = int32(fd), 0
	n, _, errno := q.ppoll()
	for errno == syscall.EINTR { // by a signal of Go's scheduler, although the call does not wait
		n, _, errno = q.ppoll()
	}
	if errno != 0 {
		return -1
	}
	if n == 1 && q.poll.revents&q.poll.events != 0 {
		q.answer = 1
	}
	return int(n)
}

func (q *question) ppoll() (n, _ uintptr, errno syscall.Errno) {
	return syscall.RawSyscall6(syscall.SYS_PPOLL,
		uintptr(unsafe.Pointer(&q.poll)), 1, uintptr(unsafe.Pointer(&q.now)), 0, 0, 0)
}

func (q *question) doQueue(fd uintptr) {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, fd, siocoutq, uintptr(unsafe.Pointer(&q.queue))); errno == 0 {
		q.answer = int(q.queue)
	}
}

// vectors are the arguments of a system call that writes several buffers.
type vectors [4]syscall.Iovec

// write writes as much as possible from the beginning of the buffers. One system call for several buffers takes 25 %
// less time for a flood of 1 KiB messages.
func (v *vectors) write(fd int, buffers [][]byte) (int, error) {
	if len(buffers) == 1 {
		return syscall.Write(fd, buffers[0])
	}
	count := 0
	for _, p := range buffers[:min(len(buffers), len(v))] {
		if len(p) > 0 {
			v[count].Base = &p[0]
			v[count].SetLen(len(p))
			count++
		}
	}
	n, _, errno := syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&v[0])), uintptr(count))
	clear(v[:])
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
