//go:build !js

package engine_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// How a connection ends when the peer does not do its part, on real connections and with short Timeouts. Native only,
// because so is what the system tells about a peer.

const (
	shortStall      = 600 * time.Millisecond
	shortReply      = 600 * time.Millisecond
	shortDisconnect = 200 * time.Millisecond
)

var shortTimeouts = engine.Timeouts{Stall: shortStall, Reply: shortReply, Disconnect: shortDisconnect}

// smallBuffer makes a system take little that the peer does not read.
const smallBuffer = 16 << 10

// closeTest is a peer that does not do its part.
type closeTest struct {
	backlog int
	peer    func(*peerEnd)

	clean   bool
	err     error         // why not, if that is always the same
	atLeast time.Duration // from StartClosing to the end
}

// peerEnd is the peer's end of a connection.
type peerEnd struct {
	*net.TCPConn
	over chan struct{} // closed at the end of the test
}

// readUntilClose reads n bytes at each tick until the client's Close frame, or the end.
func (p *peerEnd) readUntilClose(n int, pause time.Duration) {
	in, out := io.Pipe()
	go func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.CopyN(out, p.TCPConn, int64(n)); err != nil {
				out.CloseWithError(err)
				return
			}
		}
	}()
	sentFrames(in, func(f sent) bool { return f.op != frame.Close })
	go io.Copy(io.Discard, in)
}

func (p *peerEnd) sendClose() { p.Write(serverFrame(frame.Close, true, "\x0f\xa0bye")) }

var closeTests = map[string]closeTest{
	"never reads":                    {16 << 20, func(p *peerEnd) { <-p.over }, false, engine.ErrStalled, shortStall},
	"never reads, no backlog":        {0, func(p *peerEnd) { <-p.over }, false, engine.ErrReplyTimeout, shortReply},
	"has said Close and never reads": {16 << 20, func(p *peerEnd) { p.sendClose(); <-p.over }, false, nil, shortStall},
	"sends and never reads": {16 << 20, func(p *peerEnd) {
		for {
			if _, err := p.Write(serverFrame(frame.Binary, true, string(make([]byte, 100)))); err != nil {
				return
			}
			select {
			case <-time.After(time.Millisecond):
			case <-p.over:
				return
			}
		}
	}, false, engine.ErrStalled, shortStall},
	"reads a byte now and then": {16 << 20, func(p *peerEnd) { p.readUntilClose(1, 50*time.Millisecond) }, false,
		engine.ErrStalled, shortStall},
	"reads slowly": {3 << 20, func(p *peerEnd) {
		p.readUntilClose(16<<10, 10*time.Millisecond)
		p.sendClose()
		p.Close()
	}, true, nil, shortStall + shortReply},
	"has said Close and reads slowly": {3 << 20, func(p *peerEnd) {
		p.sendClose()
		p.CloseWrite()
		p.readUntilClose(16<<10, 10*time.Millisecond)
		p.Close()
	}, true, nil, shortStall + shortReply},
	"never answers": {1 << 20, func(p *peerEnd) {
		p.readUntilClose(1<<20, time.Millisecond)
		<-p.over
	}, false, engine.ErrReplyTimeout, shortReply},
	"sends for ever": {1 << 20, func(p *peerEnd) {
		go io.Copy(io.Discard, p)
		for {
			if _, err := p.Write(serverFrame(frame.Binary, true, string(make([]byte, 100)))); err != nil {
				return
			}
		}
	}, false, engine.ErrReplyTimeout, 4 * shortReply},
	"answers late, while it sends": {0, func(p *peerEnd) {
		for begin := time.Now(); time.Since(begin) < 2*shortReply; {
			p.Write(serverFrame(frame.Ping, true, ""))
			time.Sleep(20 * time.Millisecond) // a slow peer
		}
		p.sendClose()
		p.Close()
	}, true, nil, 2 * shortReply},
	"leaves TCP open": {1 << 20, func(p *peerEnd) {
		p.readUntilClose(1<<20, time.Millisecond)
		p.sendClose()
		<-p.over
	}, true, nil, shortDisconnect},
	"sends for ever behind its Close": {1 << 20, func(p *peerEnd) {
		p.readUntilClose(1<<20, time.Millisecond)
		p.sendClose()
		for {
			if _, err := p.Write(make([]byte, 1000)); err != nil {
				return
			}
		}
	}, true, nil, shortDisconnect},
	"breaks the protocol and never reads": {16 << 20, func(p *peerEnd) { p.Write([]byte{0xff, 0}); <-p.over }, false, nil,
		0},
	"ends its half": {16 << 20, func(p *peerEnd) { p.CloseWrite(); <-p.over }, false,
		io.ErrUnexpectedEOF, 0},
}

// TestClosing: after StartClosing everything ends by itself, whatever the peer does. As long as the peer takes what
// was sent, it may take its time.
func TestClosing(t *testing.T) {
	t.Parallel()
	for name, test := range closeTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A busy machine may make a peer that reads too slow for these Timeouts: one try in time will do.
			for try := 1; ; try++ {
				problem := closeOnce(t, test)
				if problem == "" {
					return
				}
				if !test.clean || try == 4 {
					t.Fatal(problem)
				}
				t.Logf("try %d: %s", try, problem)
			}
		})
	}
}

// closeOnce returns what is wrong with the end of a connection.
func closeOnce(t *testing.T, test closeTest) string {
	owner := newRecorder()
	e, conn := startTCP(t, owner, smallBuffer, engine.Config{Timeouts: shortTimeouts})
	over := make(chan struct{})
	defer close(over)
	if test.backlog > 0 {
		e.Send(frame.Binary, noise(test.backlog))
	}
	began := time.Now()
	e.StartClosing(1000, "")
	if d := time.Since(began); d > patience/10 {
		t.Errorf("StartClosing took %v", d)
	}
	go test.peer(&peerEnd{conn, over})
	end := await(t, "end", owner.end)
	took := time.Since(began)
	wantStreamEnds(t, conn)
	select {
	case end := <-owner.end:
		t.Errorf("ended once more with %+v", end)
	default:
	}
	if end.Clean != test.clean || test.err != nil && !errors.Is(end.Err, test.err) || took < test.atLeast {
		return fmt.Sprintf("ended with %+v after %v, at least %v", end, took, test.atLeast)
	}
	return ""
}

// wantStreamEnds waits until a connection has been closed by its other end.
func wantStreamEnds(t testing.TB, conn *net.TCPConn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	var timeout net.Error
	if _, err := io.Copy(io.Discard, conn); errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the stream does not end")
	}
}

// TestTrickle: a peer that takes only a byte now and then is given up, although it never stops.
func TestTrickle(t *testing.T) {
	t.Parallel()
	s, owner := newScript(mostTries, unlimited), newRecorder()
	e := start(t, owner, s, engine.Config{Timeouts: shortTimeouts})
	s.locked(func() { s.taken = 0 })
	e.Send(frame.Binary, make([]byte, 1<<20))
	began := time.Now()
	e.StartClosing(1000, "")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case end := <-owner.end:
			if end.Clean || time.Since(began) < shortStall {
				t.Errorf("ended with %+v after %v", end, time.Since(began))
			}
			return
		case <-tick.C:
			s.locked(func() { s.taken++ })
		case <-time.After(patience):
			t.Fatal("no end")
		}
		if time.Since(began) > patience {
			t.Fatal("no end")
		}
	}
}
