package engine_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// Tests of when a connection is failed because of a ping. The test itself ends the intervals, instead of waiting for a
// timer.

// pinged is a connection whose pings are due when the test says so.
type pinged struct {
	*engine.Endpoint
	*script
	t     testing.TB
	owner *recorder
}

// newPinged returns one whose peer takes budget bytes.
func newPinged(t testing.TB, budget int64, owner *recorder) *pinged {
	s := newScript(mostTries, budget)
	return &pinged{start(t, owner, s, engine.Config{PingInterval: time.Hour}), s, t, owner}
}

// pings returns how many pings have been written in full.
func (p *pinged) pings() (n int) {
	sentFrames(bytes.NewReader(p.written()), func(f sent) bool {
		if f.op == frame.Ping {
			n++
		}
		return true
	})
	return n
}

// wantPing ends an interval after which the next ping is to leave.
func (p *pinged) wantPing() {
	p.t.Helper()
	before := p.pings()
	p.PingDue()
	if n := p.pings(); n != before+1 {
		p.t.Fatalf("%d pings have left, want %d", n, before+1)
	}
}

// wantAlive ends several intervals for which the connection is not to be failed.
func (p *pinged) wantAlive(why string) {
	p.t.Helper()
	select {
	case end := <-p.owner.end:
		p.t.Fatalf("%s, and the connection ended with %+v", why, end)
	default:
	}
}

// wantFailed ends an interval after which the connection is failed, if nothing is found at a last look.
func (p *pinged) wantFailed() {
	p.t.Helper()
	p.PingDue()
	p.wantAlive("a last look is due")
	p.PingDue()
	end := await(p.t, "end", p.owner.end)
	if !errors.Is(end.Err, engine.ErrPongTimeout) || !end.Failed || end.Clean || end.Code != 1006 {
		p.t.Errorf("the connection ended with %+v, want %v", end, engine.ErrPongTimeout)
	}
	await(p.t, "end of the stream", p.ended)
}

// receive has frames arrive and waits until they have been parsed.
func (p *pinged) receive(frames ...[]byte) {
	p.t.Helper()
	reads := 0
	p.locked(func() {
		p.arriving = append(p.arriving, frames...)
		reads = p.reads + len(frames)
	})
	p.waitReads(p.t, reads)
}

// TestPingAnswered: whatever is received after a ping keeps the connection open, and before it nothing does.
func TestPingAnswered(t *testing.T) {
	p := newPinged(t, unlimited, newRecorder())
	p.waitReads(t, 1)
	for _, answer := range [][]byte{
		serverFrame(frame.Pong, true, ""),
		serverFrame(frame.Pong, true, "of another ping"),
		serverFrame(frame.Ping, true, ""),
		serverFrame(frame.Text, false, "x"),
		serverFrame(frame.Continuation, false, "x"),
		serverFrame(frame.Continuation, true, "x"),
	} {
		p.receive(serverFrame(frame.Pong, true, "before"))
		p.wantPing()
		p.receive(answer)
	}
	p.wantPing()
	p.wantFailed()
}

// TestPingQueued: while a ping waits behind what is being written, a peer that takes bytes lives.
func TestPingQueued(t *testing.T) {
	p := newPinged(t, 1000, newRecorder())
	p.waitReads(t, 1)
	p.Send(frame.Binary, make([]byte, 1<<20))
	p.wait(t, "write that waits", func() bool { return p.budget == 0 && p.writing })
	p.PingDue()
	for range 20 {
		p.take(1)
		p.wait(t, "write", func() bool { return p.budget == 0 })
		p.PingDue()
		p.wantAlive("the peer takes bytes")
	}
	p.wantFailed()
}

// TestPingQueuedInSystem: the same for what the system still keeps: it asks for more only when it has room for a lot.
func TestPingQueuedInSystem(t *testing.T) {
	p := newPinged(t, 1000, newRecorder())
	p.waitReads(t, 1)
	p.locked(func() { p.taken = 0 })
	p.Send(frame.Binary, make([]byte, 1<<20))
	p.wait(t, "write that waits", func() bool { return p.budget == 0 && p.writing })
	p.PingDue()
	for range 20 {
		p.locked(func() { p.taken++ })
		p.PingDue()
		p.wantAlive("the peer's system takes bytes")
	}
	p.wantFailed()
}

// TestPingInSystem: the interval begins when the peer's system has the ping, as far as that is known.
func TestPingInSystem(t *testing.T) {
	p := newPinged(t, unlimited, newRecorder())
	p.waitReads(t, 1)
	p.locked(func() { p.taken = 0 })
	p.Send(frame.Binary, make([]byte, 1000))
	p.wait(t, "write", func() bool { return len(p.out) > 1000 })
	p.PingDue()
	for range 20 {
		p.locked(func() { p.taken++ })
		p.PingDue()
		p.wantAlive("the peer's system takes what is before the ping")
	}
	p.wantFailed()
}

// TestPingBesideSends: once the peer's system has the ping, the bytes that follow say nothing about the peer.
func TestPingBesideSends(t *testing.T) {
	p := newPinged(t, unlimited, newRecorder())
	p.waitReads(t, 1)
	p.wantPing()
	p.Send(frame.Text, []byte("x"))
	p.PingDue()
	p.wantAlive("a last look is due")
	p.Send(frame.Text, []byte("x"))
	p.PingDue()
	if end := await(t, "end", p.owner.end); !errors.Is(end.Err, engine.ErrPongTimeout) {
		t.Errorf("ended with %+v", end)
	}
}

// TestPingPaused: while the Owner wants nothing received, the pong cannot be. Time begins when it wants something
// again, in each of the steps from one to the other.
func TestPingPaused(t *testing.T) {
	owner := newRecorder()
	entered, leave := make(chan struct{}), make(chan struct{})
	owner.next = func() engine.Next {
		entered <- struct{}{}
		<-leave
		return engine.Pause
	}
	p := newPinged(t, unlimited, owner)
	p.waitReads(t, 1)
	for range 5 {
		p.wantPing()
		p.arrive(serverFrame(frame.Text, true, "x"))
		await(t, "message", entered)
		p.PingDue() // answered by the message: this is a ping that nothing has answered
		due := func(why string) {
			t.Helper()
			for range 4 {
				p.PingDue()
				p.wantAlive(why)
			}
		}
		due("the Owner is taking a message")
		enter := make(chan struct{})
		p.locked(func() { p.enter = enter })
		leave <- struct{}{}
		for range 20 {
			p.PingDue()
			p.wantAlive("reading is about to pause")
		}
		p.Resume()
		due("reading is about to go on")
		p.locked(func() { p.enter = nil })
		close(enter)
		p.receive(serverFrame(frame.Pong, true, ""))
	}
	p.wantPing()
	p.wantFailed()
}

// TestPingQueuedPaused: a peer may take nothing while it waits for what it sends to be received, as an echo server
// does.
func TestPingQueuedPaused(t *testing.T) {
	owner := newRecorder()
	owner.next = func() engine.Next { return engine.Pause }
	p := newPinged(t, 1000, owner)
	p.waitReads(t, 1)
	p.Send(frame.Binary, make([]byte, 1<<20))
	p.wait(t, "write that waits", func() bool { return p.budget == 0 && p.writing })
	p.arrive(serverFrame(frame.Text, true, "x"))
	await(t, "message", owner.messages)
	for begin := time.Now(); !p.Paused(); runtime.Gosched() {
		if time.Since(begin) > patience {
			t.Fatal("reading goes on")
		}
	}
	for range 10 {
		p.PingDue()
		p.wantAlive("nothing is to be received")
	}
	p.Resume()
	p.PingDue()
	p.wantAlive("nothing was to be received")
	p.waitReads(t, 2)
	p.wantFailed()
}

// TestPingUnread: what has arrived and has not been looked at may be the pong.
func TestPingUnread(t *testing.T) {
	p := newPinged(t, unlimited, newRecorder())
	p.waitReads(t, 1)
	enter := make(chan struct{})
	p.locked(func() { p.enter = enter })
	p.receiveUnread(serverFrame(frame.Pong, true, ""))
	p.wantPing()
	p.arrive(serverFrame(frame.Pong, true, ""))
	for range 10 {
		p.PingDue()
		p.wantAlive("the pong is there and has not been read")
	}
	p.locked(func() { p.enter = nil })
	close(enter)
	p.wait(t, "read of the pong", func() bool { return len(p.arriving) == 0 && p.reading })
	p.wantPing()
	p.wantFailed()
}

// receiveUnread has a read return, while the next does not begin.
func (p *pinged) receiveUnread(frame []byte) {
	p.t.Helper()
	p.arrive(frame)
	p.wait(p.t, "read", func() bool { return len(p.arriving) == 0 && !p.reading })
}

// TestPingLate: a process that was stopped sees that an interval is over before it has looked at what has arrived
// meanwhile.
func TestPingLate(t *testing.T) {
	p := newPinged(t, unlimited, newRecorder())
	p.waitReads(t, 1)
	p.wantPing()
	for range 10 {
		p.PingDueLate()
		p.wantAlive("the process was stopped")
		p.PingDue()
		p.wantAlive("the process was stopped before the last look")
	}
	p.PingDueLate()
	p.wantFailed()
}

// TestPingClaimsReading: somebody reads when a pong is due.
func TestPingClaimsReading(t *testing.T) {
	s, owner := newScript(mostTries, unlimited), newRecorder()
	e := engine.NewUnread(owner, s, &engine.Config{Role: frame.Client, Limit: -1, PingInterval: time.Hour, ByRead: true})
	stop(t, e)
	e.StartPinging()
	if e.Right().Held {
		t.Fatal("somebody reads before")
	}
	e.PingDue()
	if !e.Right().Held {
		t.Error("nobody reads")
	}
	s.waitReads(t, 1)
}

// TestPingAfterStartClosing: pings go on until the Close frame has left.
func TestPingAfterStartClosing(t *testing.T) {
	p := newPinged(t, 1000, newRecorder())
	p.waitReads(t, 1)
	p.Send(frame.Binary, make([]byte, 1<<20))
	p.StartClosing(1000, "")
	p.wait(t, "write that waits", func() bool { return p.budget == 0 && p.writing })
	p.PingDue()
	p.take(512 << 10)
	p.wait(t, "write", func() bool { return p.budget == 0 })
	if n := p.pings(); n != 1 {
		t.Fatalf("%d pings have left", n)
	}
	p.receive(serverFrame(frame.Pong, true, ""))
	p.PingDue()
	p.take(unlimited)
	p.wait(t, "Close frame", func() bool { return len(p.out) > 1<<20 && p.budget > 0 && !p.writing })
	p.arrive(serverFrame(frame.Close, true, ""))
	await(t, "Close frame", p.owner.closing)
	for range 5 {
		p.PingDue()
	}
	p.locked(func() { p.err = errEndOfScript })
	if end := await(t, "end", p.owner.end); !end.Clean {
		t.Errorf("ended with %+v", end)
	}
	if n := p.pings(); n != 2 {
		t.Errorf("%d pings have left, want 2", n)
	}
}

// TestPongBeforeWritten: a pong may come before the write is over that the ping was a part of.
func TestPongBeforeWritten(t *testing.T) {
	p := newPinged(t, 1000, newRecorder())
	p.waitReads(t, 1)
	p.Send(frame.Binary, make([]byte, 1<<20))
	p.wait(t, "write that waits", func() bool { return p.budget == 0 && p.writing })
	p.PingDue()
	for p.pings() == 0 {
		p.take(1000)
		p.wait(t, "write", func() bool { return p.budget == 0 })
	}
	p.receive(serverFrame(frame.Pong, true, ""))
	p.take(unlimited)
	p.wait(t, "message", func() bool { return len(p.out) > 1<<20 })
	p.waitIdle()
	p.wantPing()
	p.wantFailed()
}

// waitIdle waits until nobody writes.
func (p *pinged) waitIdle() {
	p.t.Helper()
	for begin := time.Now(); p.Writing(); runtime.Gosched() {
		if time.Since(begin) > patience {
			p.t.Fatal("somebody goes on writing")
		}
	}
}
