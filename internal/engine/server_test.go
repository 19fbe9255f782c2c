package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// What a server's endpoint does differently from a client's.

// startServer starts an Endpoint for a server.
func startServer(t testing.TB, owner engine.Owner, stream engine.Stream, config engine.Config) *engine.Endpoint {
	t.Helper()
	config.Role, config.Limit = frame.Server, -1
	e := engine.New(owner, stream, &config)
	stop(t, e)
	e.Start()
	return e
}

// fromClient is a frame of the peer.
func fromClient(op frame.Opcode, payload string) []byte {
	key := [4]byte{1, 2, 3, 4}
	b := frame.AppendHeader(nil, op, true, false, int64(len(payload)), key)
	at := len(b)
	b = append(b, payload...)
	frame.Mask(b[at:], b[at:], key, 0)
	return b
}

// serverSent parses what a server has written.
func serverSent(t testing.TB, written []byte) (events []frame.Event) {
	t.Helper()
	r := frame.NewReader(frame.Client, -1, nil)
	for len(written) > 0 {
		ev, n, err := r.Next(written)
		if err != nil {
			t.Fatalf("the server's frames: %v", err)
		}
		written = written[n:]
		if ev.Op != frame.Continuation {
			ev.Payload = append([]byte(nil), ev.Payload...)
			events = append(events, ev)
		}
	}
	if r.MidMessage() {
		t.Fatal("the server's last frame is not whole")
	}
	return events
}

// TestSendLimit: a Send while more than SendLimit bytes are unsent fails the connection; none before it does.
func TestSendLimit(t *testing.T) {
	const limit, size = 300 << 10, 10 << 10
	for _, tryLimit := range []int{0, 1 << 30} {
		for _, taken := range []int64{0, 5, size + 100} {
			owner, s := newRecorder(), newScript(tryLimit, taken)
			e := startServer(t, owner, s, engine.Config{SendLimit: limit})
			message := []byte(strings.Repeat("m", size))
			accepted := 0
			for {
				_, before := e.Amounts()
				result := e.Send(frame.Binary, message)
				if full := before > limit; full != (result == engine.Full) {
					// What is handed to the stream meanwhile makes it less.
					if _, after := e.Amounts(); result != engine.Accepted || after > before+size {
						t.Fatalf("with %d bytes unsent, Send: %v", before, result)
					}
				}
				if result == engine.Full {
					break
				}
				if accepted++; accepted > 1000 {
					t.Fatal("1,000 messages have been accepted")
				}
			}
			end := await(t, "end", owner.end)
			if !errors.Is(end.Err, engine.ErrSlowPeer) || !end.Failed || end.Clean || end.Code != 1006 {
				t.Errorf("ended with %+v", end)
			}
			if result := e.Send(frame.Binary, message); result != engine.Lost {
				t.Errorf("Send after the end: %v", result)
			}
			s.take(unlimited)
			s.wait(t, "Close frame", func() bool { return strings.HasSuffix(string(s.out), "receives too slowly") })
			events := serverSent(t, s.written())
			last := events[len(events)-1]
			if last.Op != frame.Close || string(last.Payload) != "\x03\xf0receives too slowly" || len(events) > accepted+1 {
				t.Errorf("%d frames were written of %d messages, the last is %+v", len(events), accepted, last)
			}
			s.arrive(fromClient(frame.Close, "\x03\xf0"))
			s.locked(func() { s.err = errEndOfScript })
			await(t, "end of the stream", s.ended)
		}
	}
}

// TestSendLimitMemory: a peer that takes nothing costs about twice SendLimit in memory, whatever is sent to it.
func TestSendLimitMemory(t *testing.T) {
	const limit = 512 << 10
	for _, size := range []int{0, 1, 20, 200, 3000, 15 << 10, 16 << 10, 20 << 10, 64<<10 + 1} {
		for _, compress := range []bool{false, true} {
			for _, shared := range []string{"none", "all", "every other"} {
				config := engine.Config{SendLimit: limit}
				if compress {
					config.Deflater = deflate.NewDeflater(15, false)
				}
				owner := newRecorder()
				e := startServer(t, owner, newScript(0, 0), config)
				message := []byte(strings.Repeat("m", size))
				most, count, result := 0, 0, engine.Accepted
				for ; result == engine.Accepted && count <= 2*limit; count++ {
					if count%4000 == 0 || size > 1000 {
						most = max(most, e.Queued())
					}
					if shared == "all" || shared == "every other" && count%2 == 0 {
						results := []engine.Result{0}
						engine.SendPrepared(engine.Prepare(frame.Binary, message), []*engine.Endpoint{e}, results)
						result = results[0]
					} else {
						result = e.Send(frame.Binary, message)
					}
				}
				if result != engine.Full || most > limit*9/4 {
					t.Errorf("messages of %d bytes, compressed %v, shared %s: %v after %d, with %d bytes of memory, want %v with "+
						"at most twice %d", size, compress, shared, result, count, most, engine.Full, limit)
				}
				e.Abort()
			}
		}
	}
}

// TestSendLimitNone: 0 is no limit, and what is at the limit is not above it.
func TestSendLimitNone(t *testing.T) {
	owner, s := newRecorder(), newScript(0, 0)
	e := startServer(t, owner, s, engine.Config{})
	for range 100 {
		if result := e.Send(frame.Binary, make([]byte, 10<<10)); result != engine.Accepted {
			t.Fatalf("Send: %v", result)
		}
	}
}

// TestServerLeavesReading: where the program reads, no goroutine stands in its way at the beginning.
func TestServerLeavesReading(t *testing.T) {
	for _, byRead := range []bool{true, false} {
		owner, s := newRecorder(), newScript(1<<30, unlimited)
		e := startServer(t, owner, s, engine.Config{ByRead: byRead})
		// The timer, which may have been faster, would have made a claim.
		if right := e.Right(); byRead == (right.Held && right.Number == 0) {
			t.Errorf("by Read %v: %+v", byRead, right)
		}
		// And if nobody reads, a goroutine does.
		s.arrive(fromClient(frame.Ping, "p"), fromClient(frame.Text, "m"))
		if got := await(t, "message", owner.messages); got != "m" {
			t.Errorf("message %q", got)
		}
		s.wait(t, "pong", func() bool { return string(s.out) == "\x8a\x01p" })
	}
}

// TestServerReplyNotExtended: a peer that goes on sending does not make a server wait longer for its Close frame.
func TestServerReplyNotExtended(t *testing.T) {
	owner, s := newRecorder(), newScript(1<<30, unlimited)
	e := startServer(t, owner, s, engine.Config{Timeouts: engine.Timeouts{Reply: 200 * time.Millisecond}})
	e.StartClosing(1001, "")
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case end := <-owner.end:
			if !errors.Is(end.Err, engine.ErrReplyTimeout) || end.Code != 1006 || e.ReplyExtensions() != 0 {
				t.Errorf("ended with %+v after %d extensions", end, e.ReplyExtensions())
			}
			await(t, "end of the stream", s.ended)
			return
		case <-tick.C:
			s.arrive(fromClient(frame.Text, "more"))
		}
	}
}

// TestServerEndsStream: a server ends its half of the stream as soon as both Close frames are through, whoever began,
// and then reads until the client has ended the other half.
func TestServerEndsStream(t *testing.T) {
	for _, serverBegins := range []bool{true, false} {
		owner, s := newRecorder(), newScript(1<<30, unlimited)
		e := startServer(t, owner, s, engine.Config{})
		if serverBegins {
			e.StartClosing(1001, "bye")
		}
		s.arrive(fromClient(frame.Close, "\x0f\xa0"))
		s.wait(t, "end of the server's half", func() bool { return s.halves > 0 })
		if end := await(t, "end", owner.end); end.Code != 4000 || !end.Clean || end.Failed || end.Err != nil {
			t.Errorf("ended with %+v", end)
		}
		s.arrive(fromClient(frame.Pong, "late"))
		s.wait(t, "read behind that", func() bool { return len(s.arriving) == 0 && s.reading && !s.closed })
		s.locked(func() { s.err = errEndOfScript })
		await(t, "end of the stream", s.ended)
		if s.byAbort || s.halves != 1 {
			t.Errorf("the stream was ended by an abort: %v; after %d calls of CloseWrite", s.byAbort, s.halves)
		}
		want := "\x88\x02\x0f\xa0"
		if serverBegins {
			want = "\x88\x05\x03\xe9bye"
		}
		if got := string(s.written()); got != want {
			t.Errorf("the server wrote %q, want %q", got, want)
		}
	}
}

// TestServerEndsStreamOfIdler: a client that does not end its half is not waited for longer than Timeouts.Disconnect.
func TestServerEndsStreamOfIdler(t *testing.T) {
	owner, s := newRecorder(), newScript(1<<30, unlimited)
	startServer(t, owner, s, engine.Config{Timeouts: engine.Timeouts{Disconnect: time.Millisecond}})
	s.arrive(fromClient(frame.Close, "\x0f\xa0"))
	if end := await(t, "end", owner.end); end.Code != 4000 || !end.Clean || end.Failed || end.Err != nil {
		t.Errorf("ended with %+v", end)
	}
	await(t, "end of the stream", s.ended)
}
