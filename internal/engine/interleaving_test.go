package engine

// Moments that cannot be produced from outside: two goroutines meet at a certain step of the code. They run in a
// synctest bubble, on a stream that the test plays.

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

type playedStream struct {
	in      chan []byte
	closed  chan struct{}
	once    sync.Once
	written atomic.Int64
	limit   int
	tryFn   func(p []byte) (int, error)
	writeFn func(b [][]byte) error
	waiting atomic.Bool
	log     struct {
		sync.Mutex
		b []byte
	}
}

func newPlayedStream() *playedStream {
	return &playedStream{in: make(chan []byte, 100), closed: make(chan struct{}), limit: 1 << 30}
}

func (f *playedStream) next() ([]byte, error) {
	f.waiting.Store(true)
	defer f.waiting.Store(false)
	select {
	case b, ok := <-f.in:
		if !ok {
			return nil, io.EOF
		}
		return b, nil
	case <-f.closed:
		return nil, errors.New("closed")
	}
}

func (f *playedStream) ReadSome(b Buffers) ([]byte, error) { b.Idle(); return f.next() }
func (f *playedStream) Read(p []byte) (int, error)         { d, err := f.next(); return copy(p, d), err }
func (f *playedStream) Quiet() bool                        { return f.waiting.Load() && len(f.in) == 0 }
func (f *playedStream) ExpectWait()                        {}
func (f *playedStream) Stoppable() bool                    { return false }
func (f *playedStream) SetReadDeadline(time.Time)          {}
func (f *playedStream) Write(bs [][]byte) error {
	if f.writeFn != nil {
		if err := f.writeFn(bs); err != nil {
			return err
		}
	}
	for _, b := range bs {
		f.add(b)
	}
	return nil
}

func (f *playedStream) add(b []byte) {
	f.written.Add(int64(len(b)))
	f.log.Lock()
	f.log.b = append(f.log.b, b...)
	f.log.Unlock()
}

func (f *playedStream) TryLimit() int { return f.limit }
func (f *playedStream) TryWrite(p []byte) (int, error) {
	n := len(p)
	if f.tryFn != nil {
		var err error
		n, err = f.tryFn(p)
		if err != nil {
			return n, err
		}
	}
	f.add(p[:n])
	return n, nil
}

func (f *playedStream) Written() int64    { return f.written.Load() }
func (f *playedStream) Taken() int64      { return f.written.Load() }
func (f *playedStream) TakeMore()         {}
func (f *playedStream) CloseWrite() error { return nil }
func (f *playedStream) Close() error      { f.once.Do(func() { close(f.closed) }); return nil }
func (f *playedStream) Abort() error      { return f.Close() }

type idleOwner struct {
	ended chan End
}

func (o *idleOwner) Received([]Message) Next { return ReadOn }
func (o *idleOwner) PeerClosing()            {}
func (o *idleOwner) Ended(e End)             { o.ended <- e }
func (o *idleOwner) Drained()                {}
func (o *idleOwner) Idle()                   {}
func (o *idleOwner) Deliver()                {}

// TestFailureKeepsCloseFrame: a Close frame that the stream did not take at once still leaves when the connection
// is failed.
func TestFailureKeepsCloseFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newPlayedStream(), &idleOwner{ended: make(chan End, 1)}
		e := New(o, f, &Config{Limit: -1})
		f.tryFn = func(p []byte) (int, error) { return 0, nil }
		// the state between writeInlineLocked's putBack and flush's first step
		e.mu.Lock()
		e.out.close = &closeFrame{1000, ""}
		e.setSendingLocked(closeQueued)
		e.writeInlineLocked(closeInline)
		// startFlushLocked has made its goroutine, which waits for mu behind the reader
		e.startFlushLocked()
		e.failLocked(1002, "x", errors.New("bad frame"))
		e.unlock()
		synctest.Wait()
		f.log.Lock()
		if len(f.log.b) == 0 {
			t.Errorf("no Close frame was ever written; sending %d receiving %d", e.sending, e.receiving)
		}
		f.log.Unlock()
		go e.readLoop()
		time.Sleep(3 * time.Second)
		e.Abort()
		synctest.Wait()
	})
}

// TestPingTakenAfterEnd: a ping that is taken when the connection is over sets no timer.
func TestPingTakenAfterEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newPlayedStream(), &idleOwner{ended: make(chan End, 1)}
		f.limit = 0
		hold := make(chan struct{})
		f.writeFn = func(bs [][]byte) error { <-hold; return nil }
		e := New(o, f, &Config{Limit: -1, PingInterval: time.Hour})
		e.Start()
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		e.Abort()
		close(hold)
		synctest.Wait()
		if e.pinger.timer.Stop() {
			t.Error("the ping timer runs after the end")
		}
	})
}

// TestWriteErrorIsCause: if reading tells no reason, the error of the write is the cause.
func TestWriteErrorIsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newPlayedStream(), &idleOwner{ended: make(chan End, 1)}
		boom := errors.New("boom")
		f.tryFn = func(p []byte) (int, error) { return 0, boom }
		e := New(o, f, &Config{Limit: -1})
		e.Start()
		e.Send(frame.Text, []byte("x"))
		end := <-o.ended
		if !errors.Is(end.Err, boom) {
			t.Errorf("cause of the end is %v", end.Err)
		}
		synctest.Wait()
	})
}

// TestPingsDelayNoClose: a peer that takes slowly and goes on sending pings gets the Close frame.
func TestPingsDelayNoClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newPlayedStream(), &idleOwner{ended: make(chan End, 1)}
		f.limit = 0
		f.writeFn = func([][]byte) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-f.closed:
				return io.EOF
			}
		}
		e := New(o, f, &Config{Limit: -1})
		e.Start()
		pings := bytes.Repeat(append([]byte{0x89, 125}, make([]byte, 125)...), 20)
		go func() {
			for range 100 {
				f.in <- pings
				time.Sleep(500 * time.Millisecond)
			}
		}()
		time.Sleep(1500 * time.Millisecond)
		e.StartClosing(1000, "")
		time.Sleep(10 * time.Second)
		e.mu.Lock()
		if e.sending != closeSent {
			t.Errorf("10 s after Close, sending is %d", e.sending)
		}
		e.mu.Unlock()
		<-o.ended // the peer sends no Close frame
	})
}

// TestCloseBesideSend: a Close that comes while a Send is in its system call leaves its frame to that Send.
func TestCloseBesideSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newPlayedStream(), &idleOwner{ended: make(chan End, 1)}
		e := New(o, f, &Config{Limit: -1})
		e.Start()
		in, out := make(chan struct{}), make(chan struct{})
		var once sync.Once
		f.tryFn = func(p []byte) (int, error) {
			once.Do(func() { close(in); <-out })
			return len(p), nil
		}
		before := make(chan int, 1)
		go func() {
			e.Send(frame.Text, []byte("hello"))
			f.log.Lock() // at once: a program may end here
			before <- len(f.log.b)
			f.log.Unlock()
		}()
		<-in
		e.StartClosing(1000, "")
		close(out)
		n := <-before
		synctest.Wait()
		f.log.Lock()
		t.Logf("%d bytes written when Send returned, %d in the end", n, len(f.log.b))
		if n != len(f.log.b) {
			t.Error("the Send returned and left the Close frame to another goroutine")
		}
		f.log.Unlock()
		e.Abort()
		synctest.Wait()
	})
}

// TestOvertakenCloseTimer: a run of the close timer that waited while the stage changed does not end the next one.
func TestOvertakenCloseTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, o := newPlayedStream(), &idleOwner{ended: make(chan End, 1)}
		f.limit = 0
		f.writeFn = func(bs [][]byte) error { <-f.closed; return io.EOF }
		e := New(o, f, &Config{Limit: -1})
		e.Start()
		e.Send(frame.Text, []byte("hello"))
		e.StartClosing(1000, "")
		synctest.Wait()
		start := time.Now()
		f.in <- []byte{0x83, 0} // reserved opcode
		<-o.ended
		e.closeDue() // the tick that waited for mu
		<-f.closed
		if d := time.Since(start); d < time.Second {
			t.Errorf("aborted after %v instead of 2 s", d)
		}
		synctest.Wait()
	})
}
