package engine_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// Tests of the moments at which the right to read changes hands. Some of them cannot be produced from outside.

// aRead is a Read of the program.
type aRead struct{ woken chan struct{} }

func newRead() *aRead { return &aRead{make(chan struct{}, 1)} }

func (r *aRead) Woken() bool { return len(r.woken) > 0 }

func (r *aRead) Room() []byte { return nil }

// newUnread is a connection whose right to read is free, and claimed by no timer.
func newUnread(t testing.TB) (*engine.Endpoint, *script, *recorder) {
	s, owner := newScript(mostTries, unlimited), newRecorder()
	e := engine.NewUnread(owner, s, &engine.Config{Role: frame.Client, Limit: -1, ByRead: true})
	stop(t, e)
	return e, s, owner
}

// TestReadStopsBesideData: a Read whose context ended while it received something that was no message for it does
// not go on.
func TestReadStopsBesideData(t *testing.T) {
	for name, data := range map[string][]byte{"data": serverFrame(frame.Text, false, "a part"), "no data": nil} {
		t.Run(name, func(t *testing.T) {
			e, s, _ := newUnread(t)
			ctx, cancel := context.WithCancel(t.Context())
			returned := make(chan struct{})
			go func() { e.ReadUntil(ctx, newRead()); close(returned) }()
			s.waitReads(t, 1)
			s.locked(func() { s.late = data })
			cancel()
			await(t, "end of the Read", returned)
			right := e.Right()
			if right.Held || right.Stopped {
				t.Errorf("afterwards the right to read is %+v", right)
			}
			if !right.Watched {
				t.Error("no timer will claim the right to read")
			}
			s.wait(t, "end of the deadline", func() bool { return !s.expired })
		})
	}
}

// TestReadStopped: the next Read, and without one a goroutine, read on after one that was stopped.
func TestReadStopped(t *testing.T) {
	s, owner := newScript(mostTries, unlimited), newRecorder()
	read := newRead()
	owner.next = func() engine.Next {
		if len(read.woken) == 0 {
			read.woken <- struct{}{}
		}
		return engine.Yield
	}
	e := start(t, owner, s, engine.Config{ByRead: true})
	s.waitReads(t, 1)
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		e.ReadUntil(ctx, newRead())
		s.arrive(serverFrame(frame.Text, true, "x"))
		e.ReadUntil(t.Context(), read)
		await(t, "message", owner.messages)
		<-read.woken
	}
	// No Read comes for more.
	s.arrive(serverFrame(frame.Ping, true, "?"))
	s.wait(t, "pong", func() bool { return len(s.out) > 0 })
}

// TestStopReadingLate: the end of a context that comes when its Read has returned stops no other one.
func TestStopReadingLate(t *testing.T) {
	e, s, _ := newUnread(t)
	first, second := make(chan struct{}), make(chan struct{})
	if !e.LendReading(first) {
		t.Fatal("the right to read is held")
	}
	e.FreeReading()
	e.StopReading(first)
	if !e.LendReading(second) {
		t.Fatal("the right to read is held after it was given up")
	}
	e.StopReading(first)
	if e.Right().Stopped || s.expired {
		t.Error("the second Read was stopped")
	}
}

// TestHandlerKeepsReading: for a program with a handler nobody waits with reading on, so the right to read is
// claimed once for each call of Deliver, and a ping moves it to nobody.
func TestHandlerKeepsReading(t *testing.T) {
	s, owner := newScript(mostTries, unlimited), newRecorder()
	owner.next = func() engine.Next { return engine.Deliver }
	e := start(t, owner, s, engine.Config{})
	s.waitReads(t, 1)
	before := e.Right().Number
	const n = 50
	pongs := 0
	for range n {
		s.arrive(serverFrame(frame.Text, true, "message"))
		await(t, "message", owner.messages)
		for range 2 {
			s.arrive(serverFrame(frame.Ping, true, ""))
			pongs++
			s.wait(t, "pong", func() bool { return len(s.out) == 6*pongs })
		}
	}
	// A handler that takes long, on a busy machine, lets the timer claim the right once more.
	if claimed := e.Right().Number - before; claimed > n+n/2 {
		t.Errorf("the right to read was claimed %d times for %d messages", claimed, n)
	}
}

// TestDrainKeepsReading: while a Drain waits, somebody reads, although the program takes messages by Read: a peer
// may take nothing until what it sends has been read.
func TestDrainKeepsReading(t *testing.T) {
	e, s, owner := newUnread(t)
	owner.next = func() engine.Next { return engine.Yield }
	s.locked(func() { s.budget = 0 })
	e.HoldReading()
	if !e.YieldReading() {
		t.Fatal("without a Drain the right to read was kept")
	}
	for range 100 {
		e.Send(frame.Binary, make([]byte, 10<<10))
	}
	e.AwaitBuffered(0)
	s.waitReads(t, 1)
	s.arrive(serverFrame(frame.Text, true, "x"))
	await(t, "message", owner.messages)
	s.waitReads(t, 2)
	if !e.Right().Held {
		t.Error("with a Drain the right to read was given up")
	}
	s.take(unlimited)
	await(t, "report", owner.drained)
	s.arrive(serverFrame(frame.Text, true, "x"))
	await(t, "message", owner.messages)
	for begin := time.Now(); e.Right().Held; runtime.Gosched() {
		if time.Since(begin) > patience {
			t.Fatal("after the Drain the right to read was kept")
		}
	}
}

// TestWantedReading: the right to read is kept from a program whose Read has asked for it in vain, because it waits
// now. The message that comes next is for that Read.
func TestWantedReading(t *testing.T) {
	e, s, owner := newUnread(t)
	e.HoldReading()
	e.WantReading()
	for range 2 {
		if e.YieldReading() {
			t.Fatal("the right to read was given up although a Read waits")
		}
	}
	e.FreeReading()
	read := newRead()
	owner.next = func() engine.Next {
		read.woken <- struct{}{}
		return engine.ReadOn
	}
	s.arrive(serverFrame(frame.Text, true, "message"))
	e.ReadUntil(t.Context(), read)
	await(t, "message", owner.messages)
	e.HoldReading()
	if !e.YieldReading() {
		t.Error("the right to read was kept although the Read has its message")
	}
}

// TestReadWhileClosing: when the program closes, a Read that holds the right to read gives it to a goroutine, and
// others do not get it.
func TestReadWhileClosing(t *testing.T) {
	e, s, owner := newUnread(t)
	returned := make(chan struct{})
	go func() { e.ReadUntil(t.Context(), newRead()); close(returned) }()
	s.waitReads(t, 1)
	e.StartClosing(1000, "")
	s.arrive(serverFrame(frame.Ping, true, ""))
	await(t, "end of ReadUntil", returned)
	s.waitReads(t, 2)
	begin := time.Now()
	e.ReadUntil(t.Context(), newRead())
	if d := time.Since(begin); d > patience {
		t.Errorf("ReadUntil took %v", d)
	}
	s.arrive(serverFrame(frame.Close, true, ""))
	await(t, "Close frame", owner.closing)
	s.locked(func() { s.err = errEndOfScript })
	if end := await(t, "end", owner.end); !end.Clean {
		t.Errorf("ended with %+v", end)
	}
}

// TestReaderRests: some time after a server's handlers have run, another goroutine reads on, and whatever comes at the
// moment of the change arrives.
func TestReaderRests(t *testing.T) {
	for name, late := range map[string][]byte{"nothing": nil, "message": clientFrame("at the change")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, owner := newScript(mostTries, unlimited), newRecorder()
			owner.next = func() engine.Next { return engine.Deliver }
			e := engine.New(owner, s, &engine.Config{Role: frame.Server, Limit: -1})
			stop(t, e)
			e.Start()
			s.waitReads(t, 1)
			s.locked(func() { s.late = late })
			want := []string{"first", "second"}
			reads := 3 // for the first message, until the change, and after it
			if late != nil {
				want = []string{"first", "at the change", "second"}
				reads++
			}
			s.arrive(clientFrame("first"))
			s.waitReads(t, reads)
			s.wait(t, "end of the deadline", func() bool { return !s.expired })
			s.arrive(clientFrame("second"))
			for _, text := range want {
				if got := await(t, "message", owner.messages); got != text {
					t.Errorf("%q has come instead of %q", got, text)
				}
			}
			// That of the second message, which has begun to wait again, changes hands once more.
			s.waitReads(t, reads+2)
			if right := e.Right(); !right.Held || right.Stopped {
				t.Errorf("afterwards the right to read is %+v", right)
			}
		})
	}
}

// clientFrame is a text that a client sends, with a key of zeros.
func clientFrame(text string) []byte {
	return append(frame.AppendHeader(nil, frame.Text, true, false, int64(len(text)), [4]byte{}), text...)
}
