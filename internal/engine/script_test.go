package engine_test

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// patience is how long something may take that takes no time.
const patience = 30 * time.Second

// await waits for a channel.
func await[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// script is a Stream whose peer the test plays: what arrives, and how much is taken.
type script struct {
	mu       sync.Mutex
	changed  *sync.Cond
	arriving [][]byte
	err      error // of reads, when all that arrives has been read
	reading  bool
	reads    int           // how many reads have begun to wait
	enter    chan struct{} // if not nil, a read waits for it before it begins
	expired  bool
	late     []byte // arrives when a read deadline is set
	tryLimit int
	budget   int64 // how many bytes are taken before writes wait
	writing  bool  // a Write waits
	out      []byte
	taken    int64 // of what is out, what the peer's system has; negative: all
	halves   int   // calls of CloseWrite
	closed   bool
	byAbort  bool
	ended    chan struct{}
}

// errEndOfScript ends a script's stream.
var errEndOfScript = io.EOF

const unlimited = int64(1) << 60

func newScript(tryLimit int, budget int64) *script {
	s := &script{tryLimit: tryLimit, budget: budget, taken: -1, ended: make(chan struct{})}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *script) locked(f func()) {
	s.mu.Lock()
	f()
	s.changed.Broadcast()
	s.mu.Unlock()
}

// arrive is what the peer sends.
func (s *script) arrive(data ...[]byte) {
	s.locked(func() { s.arriving = append(s.arriving, data...) })
}

// take takes n more bytes.
func (s *script) take(n int64) { s.locked(func() { s.budget += n }) }

// wait waits for a condition, which is called with mu.
func (s *script) wait(t testing.TB, what string, condition func() bool) {
	t.Helper()
	failed := false
	timer := time.AfterFunc(patience, func() { s.locked(func() { failed = true }) })
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !condition() {
		if failed {
			t.Fatalf("no %s", what)
		}
		s.changed.Wait()
	}
}

// waitReads waits until the nth read waits for bytes.
func (s *script) waitReads(t testing.TB, n int) {
	t.Helper()
	s.wait(t, "read", func() bool { return s.reads >= n && s.reading })
}

// written returns a copy of what has been written.
func (s *script) written() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.out...)
}

func (s *script) ReadSome(engine.Buffers) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if enter := s.enter; enter != nil {
		s.mu.Unlock()
		<-enter
		s.mu.Lock()
	}
	s.reading = true
	s.reads++
	s.changed.Broadcast()
	defer func() { s.reading = false; s.changed.Broadcast() }()
	for {
		switch {
		case s.closed:
			return nil, net.ErrClosed
		case len(s.arriving) > 0:
			data := s.arriving[0]
			s.arriving = s.arriving[1:]
			return data, nil
		case s.expired:
			return nil, os.ErrDeadlineExceeded
		case s.err != nil:
			return nil, s.err
		}
		s.changed.Wait()
	}
}

func (s *script) Read(p []byte) (int, error) {
	data, err := s.ReadSome(nil)
	n := copy(p, data)
	if n < len(data) {
		s.locked(func() { s.arriving = append([][]byte{data[n:]}, s.arriving...) })
	}
	return n, err
}

func (s *script) ExpectWait() {}

func (s *script) Quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reading && len(s.arriving) == 0
}

func (s *script) Stoppable() bool { return true }

func (s *script) SetReadDeadline(t time.Time) {
	s.locked(func() {
		s.expired = !t.IsZero()
		if s.expired && s.late != nil {
			s.arriving = append(s.arriving, s.late)
			s.late = nil
		}
	})
}

func (s *script) Write(buffers [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range buffers {
		for len(p) > 0 {
			if s.closed {
				return net.ErrClosed
			}
			if s.budget == 0 {
				s.writing = true
				s.changed.Broadcast()
				s.changed.Wait()
				s.writing = false
				continue
			}
			p = p[s.takeLocked(p):]
		}
	}
	return nil
}

func (s *script) takeLocked(p []byte) int {
	n := int(min(s.budget, int64(len(p))))
	s.budget -= int64(n)
	s.out = append(s.out, p[:n]...)
	s.changed.Broadcast()
	return n
}

func (s *script) TryLimit() int { return s.tryLimit }

func (s *script) TryWrite(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	if len(p) > s.tryLimit {
		return 0, nil
	}
	return s.takeLocked(p), nil
}

func (s *script) Written() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.out))
}

func (s *script) Taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken >= 0 {
		return s.taken
	}
	return int64(len(s.out))
}

func (s *script) TakeMore() {}

func (s *script) CloseWrite() error { s.locked(func() { s.halves++ }); return nil }
func (s *script) Close() error      { s.close(false); return nil }
func (s *script) Abort() error      { s.close(true); return nil }

func (s *script) close(byAbort bool) {
	s.locked(func() {
		if !s.closed {
			s.closed, s.byAbort = true, byAbort
			close(s.ended)
		}
	})
}

// recorder is an Owner that keeps what is reported.
type recorder struct {
	next     func() engine.Next // what Received returns; nil: ReadOn
	deliver  func()
	messages chan string
	closing  chan struct{}
	end      chan engine.End
	drained  chan struct{}
}

func newRecorder() *recorder {
	return &recorder{
		messages: make(chan string, 1<<16),
		closing:  make(chan struct{}, 16),
		end:      make(chan engine.End, 16),
		drained:  make(chan struct{}, 1<<10),
	}
}

func (r *recorder) Received(batch []engine.Message) engine.Next {
	for _, m := range batch {
		select {
		case r.messages <- string(m.Payload):
		default: // of a flood, which nobody counts
		}
	}
	if r.next != nil {
		return r.next()
	}
	return engine.ReadOn
}

func (r *recorder) PeerClosing()         { r.closing <- struct{}{} }
func (r *recorder) Ended(end engine.End) { r.end <- end }
func (r *recorder) Drained()             { r.drained <- struct{}{} }
func (r *recorder) Idle()                {}
func (r *recorder) Deliver() {
	if r.deliver != nil {
		r.deliver()
	}
}

// stop ends an Endpoint at the end of a test.
func stop(t testing.TB, e *engine.Endpoint) { t.Cleanup(e.Abort) }

// start starts an Endpoint for a client.
func start(t testing.TB, owner engine.Owner, stream engine.Stream, config engine.Config) *engine.Endpoint {
	t.Helper()
	config.Role = frame.Client
	if config.Limit == 0 {
		config.Limit = -1
	}
	e := engine.New(owner, stream, &config)
	stop(t, e)
	e.Start()
	return e
}

// sent is a frame that a client has sent, with the number of bytes before it.
type sent struct {
	op     frame.Opcode
	fin    bool
	at     int64
	length int64
	data   []byte // of a control frame
}

// sentFrames reads the frames of a client until the end of r, or until a function returns false.
func sentFrames(r io.Reader, each func(sent) bool) error {
	at := int64(0)
	for {
		var h [14]byte
		if _, err := io.ReadFull(r, h[:2]); err != nil {
			return err
		}
		n, size := int64(h[1]&0x7f), 2
		switch n {
		case 126:
			size = 4
		case 127:
			size = 10
		}
		size += 4 // the masking key
		if _, err := io.ReadFull(r, h[2:size]); err != nil {
			return err
		}
		switch n {
		case 126:
			n = int64(binary.BigEndian.Uint16(h[2:]))
		case 127:
			n = int64(binary.BigEndian.Uint64(h[2:]))
		}
		f := sent{op: frame.Opcode(h[0] & 0xf), fin: h[0]&0x80 != 0, at: at, length: n}
		at += int64(size) + n
		if f.op < frame.Close {
			if _, err := io.CopyN(io.Discard, r, n); err != nil {
				return err
			}
		} else {
			f.data = make([]byte, n)
			if _, err := io.ReadFull(r, f.data); err != nil {
				return err
			}
			for i := range f.data {
				f.data[i] ^= h[size-4+i%4]
			}
		}
		if !each(f) {
			return nil
		}
	}
}

// serverFrame is a frame of a server.
func serverFrame(op frame.Opcode, fin bool, payload string) []byte {
	return append(frame.AppendUnmaskedHeader(nil, op, fin, false, int64(len(payload))), payload...)
}
