package ws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// How a connection ends, state by state: Shutdown, CloseNow, CloseStatus.

// endPlace is a state, and a place in the program, in which a connection is ended.
type endPlace struct {
	name   string
	before []string // the events until then

	// reach brings a connection there and calls act, in a goroutine that it does not wait for.
	reach func(t testing.TB, act func(*ws.Conn)) *endScene

	// What comes of CloseNow. over is an event that cannot be changed any more, or zero.
	failed  bool
	over    ws.CloseEvent
	lost    bool // without a closing handshake
	mayOver bool // by the time of the call the connection may have ended with over: the host waits a short time only

	// What the peer does next, so that Shutdown returns, and with which event.
	answer   func(*peerConn)
	shutdown ws.CloseEvent
}

// endScene is a connection in an endPlace.
type endScene struct {
	c      *ws.Conn
	log    *eventLog
	server *peerConn
}

// event is the text of a close event in an eventLog.
func event(ev ws.CloseEvent) string {
	return fmt.Sprintf("close %d %q %t CLOSED", ev.Code, ev.Reason, ev.WasClean)
}

var (
	theirs  = ws.CloseEvent{Code: 4001, Reason: "theirs", WasClean: true}
	mine    = ws.CloseEvent{Code: 4000, Reason: "mine", WasClean: true}
	earlier = ws.CloseEvent{Code: 4002, Reason: "earlier", WasClean: true}
)

const (
	openEvent    = "open OPEN"
	messageEvent = `message Text "a" OPEN`
	errorEvent   = "error CLOSED CloseError=true"
)

// endConn starts a connection to a peer of its own. The handler of that name, if any, calls act after it has been
// recorded.
func endConn(t testing.TB, handler string, act func(*ws.Conn)) *endScene {
	t.Helper()
	p := newPeer(t)
	opts := &ws.Options{}
	log := record(opts)
	recorded := *opts
	called := func(name string, c *ws.Conn) {
		if name == handler {
			act(c)
		}
	}
	opts.OnOpen = func(c *ws.Conn) { recorded.OnOpen(c); called("OnOpen", c) }
	opts.OnMessage = func(c *ws.Conn, m ws.Message) { recorded.OnMessage(c, m); called("OnMessage", c) }
	opts.OnError = func(c *ws.Conn, err error) { recorded.OnError(c, err); called("OnError", c) }
	// The record of OnClose ends the test, so act comes before it.
	opts.OnClose = func(c *ws.Conn, ev ws.CloseEvent) { called("OnClose", c); recorded.OnClose(c, ev) }
	return &endScene{c: construct(t, p.URL, opts), log: log, server: p.conn(0)}
}

// endOpen is endConn until the connection is open, and its message "a" has come.
func endOpen(t testing.TB, handler string, act func(*ws.Conn)) *endScene {
	t.Helper()
	s := endConn(t, handler, act)
	s.server.accept("")
	s.server.texts("a")
	s.awaitEvents(t, 2)
	return s
}

// awaitEvents waits until n events have been recorded.
func (s *endScene) awaitEvents(t testing.TB, n int) {
	t.Helper()
	until(t, fmt.Sprintf("event %d", n), func() bool {
		s.log.mu.Lock()
		defer s.log.mu.Unlock()
		return len(s.log.entries) >= n
	})
}

// until waits for a condition that no event announces.
func until(t testing.TB, what string, happened func() bool) {
	t.Helper()
	ctx := testContext(t)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !happened() {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("no %s", what)
		}
	}
}

// want checks the events. Some hosts fail a connection that is lost, others do not.
func (s *endScene) want(t testing.TB, place *endPlace, events []string) {
	t.Helper()
	got := s.log.all(t)
	last := len(events) - 1
	if runtime.GOOS == "js" && place.lost && len(got) > last && got[last] == errorEvent {
		events = append(events[:last:last], errorEvent, events[last])
	}
	s.log.want(t, events...)
}

// answerClose takes the Close frame, answers it and ends TCP.
func answerClose(server *peerConn) { server.ending() }

var openPrefix = []string{openEvent, messageEvent}

var endPlaces = []endPlace{
	{
		name: "Connecting",
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endConn(t, "", nil)
			s.server.request()
			go act(s.c)
			return s
		},
		failed: true, shutdown: abnormal,
	},
	{
		name: "Connecting, closed",
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endConn(t, "", nil)
			s.server.request()
			go func() { s.c.Close(); act(s.c) }()
			return s
		},
		failed: true, shutdown: abnormal,
	},
	{
		name: "Open", before: openPrefix,
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endOpen(t, "", nil)
			go act(s.c)
			return s
		},
		answer: answerClose, shutdown: mine,
	},
	{
		name: "Open, in OnOpen", before: openPrefix[:1],
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endConn(t, "OnOpen", act)
			s.server.accept("")
			return s
		},
		answer: answerClose, shutdown: mine,
	},
	{
		name: "Open, in OnMessage", before: openPrefix,
		reach:  func(t testing.TB, act func(*ws.Conn)) *endScene { return endOpen(t, "OnMessage", act) },
		answer: answerClose, shutdown: mine,
	},
	{
		name: "Closing", before: openPrefix,
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endOpen(t, "", nil)
			s.c.CloseWith(earlier.Code, earlier.Reason)
			wantState(t, s.c, ws.Closing)
			go act(s.c)
			return s
		},
		answer: answerClose, shutdown: earlier,
	},
	{
		name: "Closing, in OnMessage", before: openPrefix,
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			return endOpen(t, "OnMessage", func(c *ws.Conn) {
				c.CloseWith(earlier.Code, earlier.Reason)
				act(c)
			})
		},
		answer: answerClose, shutdown: earlier,
	},
	{
		name: "Closing by the peer", before: openPrefix,
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endOpen(t, "", nil)
			s.server.close(uint16(theirs.Code), theirs.Reason)
			until(t, "change to Closing", func() bool { return s.c.ReadyState() >= ws.Closing })
			go act(s.c)
			return s
		},
		over: theirs, mayOver: true,
		answer: func(server *peerConn) { server.wantAnswer(uint16(theirs.Code)); server.end("close") }, shutdown: theirs,
	},
	{
		name: "ended by the peer, in OnMessage", before: openPrefix,
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endOpen(t, "OnMessage", func(c *ws.Conn) {
				// It waits for the end of a connection that the peer closes.
				if err := c.Shutdown(context.Background(), theirs.Code, ""); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				act(c)
			})
			s.server.close(uint16(theirs.Code), theirs.Reason)
			s.server.wantAnswer(uint16(theirs.Code))
			s.server.end("close")
			return s
		},
		over: theirs, shutdown: theirs,
	},
	{
		name: "lost, in OnMessage", before: openPrefix,
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endOpen(t, "OnMessage", func(c *ws.Conn) {
				var closed *ws.CloseError
				if err := c.Shutdown(context.Background(), 4000, ""); !errors.As(err, &closed) || closed.CloseEvent != abnormal {
					t.Errorf("Shutdown of a lost connection: %v", err)
				}
				act(c)
			})
			s.server.end("close")
			return s
		},
		over: abnormal, lost: true, shutdown: abnormal,
	},
	{
		name: "Closed", before: openPrefix,
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endOpen(t, "", nil)
			s.server.close(uint16(theirs.Code), theirs.Reason)
			s.server.wantAnswer(uint16(theirs.Code))
			s.server.end("close")
			wait(t, s.c)
			go act(s.c)
			return s
		},
		over: theirs, shutdown: theirs,
	},
	{
		name: "Closed, in OnClose", before: openPrefix,
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endOpen(t, "OnClose", act)
			s.server.close(uint16(theirs.Code), theirs.Reason)
			s.server.wantAnswer(uint16(theirs.Code))
			s.server.end("close")
			return s
		},
		over: theirs, shutdown: theirs,
	},
	{
		name: "failed, in OnError", before: []string{errorEvent},
		reach: func(t testing.TB, act func(*ws.Conn)) *endScene {
			s := endConn(t, "OnError", act)
			s.server.request()
			s.server.answer("HTTP/1.1 404 Not Found", "Content-Length: 0", "Connection: close")
			return s
		},
		over: abnormal, shutdown: abnormal,
	},
}

// TestEndCloseNow: in every state and place, alone and with others, CloseNow returns nil and makes one close event.
func TestEndCloseNow(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*ws.Conn) error{
		"once":       (*ws.Conn).CloseNow,
		"twice":      func(c *ws.Conn) error { return errors.Join(c.CloseNow(), c.CloseNow()) },
		"then Close": func(c *ws.Conn) error { return errors.Join(c.CloseNow(), c.Close(), c.CloseWith(4000, "x")) },
		"beside Close": func(c *ws.Conn) error {
			var all sync.WaitGroup
			var errs [6]error
			for i := range errs {
				all.Go(func() {
					if i%2 == 0 {
						errs[i] = c.CloseNow()
					} else {
						errs[i] = c.Close()
					}
				})
			}
			all.Wait()
			return errors.Join(errs[:]...)
		},
		"then Shutdown": func(c *ws.Conn) error {
			err := c.CloseNow()
			if err := c.Shutdown(context.Background(), 4000, ""); err != nil && ws.CloseStatus(err) == 0 {
				return fmt.Errorf("Shutdown after CloseNow: %w", err)
			}
			return err
		},
	}
	for _, place := range endPlaces {
		for name, way := range ways {
			t.Run(place.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				onHost(t, func(t testing.TB) { testCloseNow(t, &place, way) })
			})
		}
	}
}

func testCloseNow(t testing.TB, place *endPlace, way func(*ws.Conn) error) {
	called := make(chan error, 1)
	s := place.reach(t, func(c *ws.Conn) { called <- way(c) })
	if err := await(t, "end of CloseNow", called); err != nil {
		t.Errorf("CloseNow: %v", err)
	}
	got := s.log.all(t)
	want, closedNow := abnormal, !place.failed
	if place.over.Code != 0 && (!place.mayOver || got[len(got)-1] == event(place.over)) {
		want, closedNow = place.over, false
	}
	events := place.before
	if place.failed {
		events = []string{errorEvent}
	}
	s.want(t, place, append(events[:len(events):len(events)], event(want)))
	wantEnded(t, s.c, want)
	if closedNow {
		wantClosedNow(t, s.c)
	}
}

// wantEnded checks what the methods of a connection with OnMessage say that has been closed.
func wantEnded(t testing.TB, c *ws.Conn, want ws.CloseEvent) {
	t.Helper()
	wantState(t, c, ws.Closed)
	wantClosed(t, c, c.Err(), want)
	if ev := wait(t, c); ev != want {
		t.Errorf("Wait returned %+v, want %+v", ev, want)
	}
	before := c.Err()
	if err := errors.Join(c.Close(), c.CloseWith(1000, ""), c.CloseNow()); err != nil {
		t.Errorf("in state Closed: %v", err)
	}
	if c.Err() != before {
		t.Errorf("Err returned %v and then %v", before, c.Err())
	}
}

// wantClosedNow checks the cause of a connection that CloseNow has ended.
func wantClosedNow(t testing.TB, c *ws.Conn) {
	t.Helper()
	var closed *ws.CloseError
	switch err := c.Err(); {
	case !errors.As(err, &closed) || closed.Err != ws.ErrClosedNow || !errors.Is(err, ws.ErrClosedNow):
		t.Errorf("Err is %v, its cause not %v", err, ws.ErrClosedNow)
	case closed.CloseEvent != abnormal:
		t.Errorf("closed with %+v", closed.CloseEvent)
	}
}

// TestEndCloseNowLeaves: the peer sees the end of TCP. What it sends meanwhile is delivered to nobody.
func TestEndCloseNowLeaves(t *testing.T) {
	t.Parallel()
	s := endOpen(t, "", nil)
	s.c.CloseNow()
	s.server.texts("late")
	frames := s.server.ending() // a browser sends its Close frame
	if runtime.GOOS != "js" && len(frames) > 0 {
		t.Errorf("the client sent %s", showFrame(frames[0]))
	}
	s.log.want(t, openEvent, messageEvent, event(abnormal))
}

// TestEndCloseNowUnread: messages that nobody has read are dropped, and every call that waits returns.
func TestEndCloseNowUnread(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	c := construct(t, p.URL, nil)
	server := p.accept()
	server.texts("a", "b", "c")
	wantText(t, read(t, c), "a")
	c.CloseNow()
	wantClosedEverywhere(t, c, abnormal)
	wantClosedNow(t, c)
}

// TestEndCloseNowWaiting: calls that wait return at once, and BufferedAmount keeps its value.
func TestEndCloseNowWaiting(t *testing.T) {
	t.Parallel()
	for _, closing := range []bool{false, true} {
		t.Run(fmt.Sprintf("closing %t", closing), func(t *testing.T) {
			t.Parallel()
			onHost(t, func(t testing.TB) { testCloseNowWaiting(t, closing) })
		})
	}
}

func testCloseNowWaiting(t testing.TB, closing bool) {
	c, _, n := stuffed(t, &ws.Options{})
	ctx := testContext(t)
	errs := make(chan error, 4)
	go func() { _, err := c.Read(ctx); errs <- err }()
	go func() { errs <- c.Drain(ctx, 0) }()
	go func() {
		_, err := c.Wait(ctx)
		errs <- errors.Join(err, c.Err())
	}()
	want := 3
	if closing {
		c.Close()
		go func() { errs <- c.Shutdown(ctx, 4000, "") }()
		want++
	}
	before := c.BufferedAmount()
	c.CloseNow()
	for range want {
		wantClosed(t, c, await(t, "end of Read, Drain, Wait and Shutdown", errs), abnormal)
	}
	after := c.BufferedAmount()
	if before > n || after > before || after == 0 {
		t.Errorf("BufferedAmount %d before CloseNow and %d after it", before, after)
	}
	if err := c.Send(ws.Text("12345")); !errors.Is(err, ws.ErrInvalidState) {
		t.Errorf("Send: %v", err)
	}
	if got := c.BufferedAmount(); got != after+5 {
		t.Errorf("BufferedAmount %d after a refused Send of 5 bytes, %d before", got, after)
	}
	wantClosedNow(t, c)
}

// TestEndBufferedAmountInHandler: neither CloseNow nor anything else lets it fall while a handler runs.
func TestEndBufferedAmountInHandler(t *testing.T) {
	t.Parallel()
	amounts := make(chan [3]int64, 1)
	s := endOpen(t, "OnMessage", func(c *ws.Conn) {
		send(t, c, ws.Text("12345"))
		var got [3]int64
		got[0] = c.BufferedAmount()
		c.CloseNow()
		got[1] = c.BufferedAmount()
		// It waits for the end of everything that CloseNow has begun.
		c.Shutdown(context.Background(), 4000, "")
		got[2] = c.BufferedAmount()
		amounts <- got
	})
	if got := await(t, "end of OnMessage", amounts); got != [3]int64{5, 5, 5} {
		t.Errorf("BufferedAmount in a handler was %d, want 5 each time", got)
	}
	s.log.want(t, openEvent, messageEvent, event(abnormal))
}

// TestEndShutdown: in every state and place Shutdown ends the connection, waits for that, and says how.
func TestEndShutdown(t *testing.T) {
	t.Parallel()
	ways := map[string]func(context.Context, *ws.Conn) error{
		"once": func(ctx context.Context, c *ws.Conn) error { return c.Shutdown(ctx, mine.Code, mine.Reason) },
		"twice": func(ctx context.Context, c *ws.Conn) error {
			first := c.Shutdown(ctx, mine.Code, mine.Reason)
			if second := c.Shutdown(ctx, 1000, ""); second != first {
				return fmt.Errorf("the second Shutdown returned %v, the first %v", second, first)
			}
			return first
		},
		"beside another": func(ctx context.Context, c *ws.Conn) error {
			var all sync.WaitGroup
			var errs [4]error
			for i := range errs {
				all.Go(func() { errs[i] = c.Shutdown(ctx, mine.Code, mine.Reason) })
			}
			all.Wait()
			for _, err := range errs {
				if err != errs[0] {
					return fmt.Errorf("four Shutdowns returned %v", errs)
				}
			}
			return errs[0]
		},
	}
	for _, place := range endPlaces {
		for name, way := range ways {
			t.Run(place.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				onHost(t, func(t testing.TB) {
					called := make(chan error, 1)
					s := place.reach(t, func(c *ws.Conn) { called <- way(testContext(t), c) })
					if place.answer != nil {
						place.answer(s.server)
					}
					err := await(t, "end of Shutdown", called)
					events := place.before
					if place.failed {
						events = []string{errorEvent}
					}
					s.want(t, &place, append(events[:len(events):len(events)], event(place.shutdown)))
					wantShutdown(t, s.c, err, place.shutdown)
					wantShutdown(t, s.c, s.c.Shutdown(testContext(t), 1000, ""), place.shutdown)
				})
			})
		}
	}
}

// wantShutdown checks what a Shutdown returned of a connection that has been closed with an event.
func wantShutdown(t testing.TB, c *ws.Conn, err error, want ws.CloseEvent) {
	t.Helper()
	await(t, "end of Done", c.Done())
	wantEnded(t, c, want)
	switch {
	case want.WasClean && err != nil:
		t.Errorf("Shutdown returned %v after a clean close", err)
	case !want.WasClean:
		wantClosed(t, c, err, want)
	}
}

// TestEndShutdownSends: what was sent before Shutdown arrives, then the Close frame.
func TestEndShutdownSends(t *testing.T) {
	t.Parallel()
	onHost(t, testEndShutdownSends)
}

func testEndShutdownSends(t testing.TB) {
	c, server, n := stuffed(t, &ws.Options{})
	ended := make(chan error, 1)
	go func() { ended <- c.Shutdown(testContext(t), 4000, "mine") }()
	receive(server, n)
	server.wantFrame(fin|closeFrame, closeBody(4000, "mine"))
	server.frame(fin|closeFrame, closeBody(4000, "mine"))
	server.end("close")
	wantShutdown(t, c, await(t, "end of Shutdown", ended), mine)
	if got := c.BufferedAmount(); got != 0 {
		t.Errorf("BufferedAmount is %d", got)
	}
}

// TestEndShutdownArguments: a bad argument is CloseWith's error, in every place, and nothing happens.
func TestEndShutdownArguments(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	check := func(t testing.TB, c *ws.Conn) {
		state := c.ReadyState()
		for _, args := range []struct {
			code   ws.StatusCode
			reason string
			kind   error
		}{
			{0, "", ws.ErrInvalidAccess}, {999, "", ws.ErrInvalidAccess}, {1001, "", ws.ErrInvalidAccess},
			{1005, "", ws.ErrInvalidAccess}, {1006, "", ws.ErrInvalidAccess}, {2999, "", ws.ErrInvalidAccess},
			{5000, "", ws.ErrInvalidAccess}, {65535, "", ws.ErrInvalidAccess},
			{1001, strings.Repeat("x", 124), ws.ErrInvalidAccess},
			{1000, strings.Repeat("x", 124), ws.ErrSyntax}, {4000, "\xff", ws.ErrSyntax}, {1000, "\xed\xa0\x80", ws.ErrSyntax},
		} {
			for what, ctx := range map[string]context.Context{"": context.Background(), " and an ended context": ended,
				" and no context": nil} {
				err := c.Shutdown(ctx, args.code, args.reason)
				wantException(t, fmt.Sprintf("Shutdown(%d, %q)%s", args.code, args.reason, what), err, args.kind)
				if other := c.CloseWith(args.code, args.reason); other == nil || err == nil || other.Error() != err.Error() {
					t.Errorf("CloseWith returns %v, Shutdown %v", other, err)
				}
			}
		}
		//lint:ignore SA1012 the test is about that
		wantException(t, "Shutdown without a context", c.Shutdown(nil, 1000, ""), typeError)
		if got := c.ReadyState(); got != state && state == ws.Open {
			t.Errorf("after Shutdowns with bad arguments the state is %v, before it was %v", got, state)
		}
	}
	for _, place := range endPlaces {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			onHost(t, func(t testing.TB) {
				called := make(chan error, 1)
				s := place.reach(t, func(c *ws.Conn) {
					check(t, c)
					called <- c.Shutdown(context.Background(), mine.Code, mine.Reason)
				})
				if place.answer != nil {
					place.answer(s.server)
				}
				wantShutdown(t, s.c, await(t, "end of Shutdown", called), place.shutdown)
			})
		})
	}
}

// TestEndShutdownCancelled: when its context ends, or has ended, Shutdown is CloseNow.
func TestEndShutdownCancelled(t *testing.T) {
	t.Parallel()
	for _, place := range endPlaces {
		for _, early := range []bool{true, false} {
			if !early && (place.over.Code != 0) {
				continue // there Shutdown does not wait
			}
			t.Run(fmt.Sprintf("%s/early %t", place.name, early), func(t *testing.T) {
				t.Parallel()
				onHost(t, func(t testing.TB) {
					ctx, cancel := context.WithCancelCause(context.Background())
					defer cancel(nil)
					cause := errors.New("the cause")
					testCloseNow(t, &place, func(c *ws.Conn) error {
						if early {
							cancel(cause)
						} else {
							// This may come before or after Shutdown starts to wait, which cannot be observed.
							go cancel(cause)
						}
						err := c.Shutdown(ctx, 4000, "mine")
						if !early && place.failed && ws.CloseStatus(err) == ws.StatusAbnormalClosure {
							return nil // the attempt ended first
						}
						if err != ctx.Err() {
							return fmt.Errorf("Shutdown returned %w, want %v", err, ctx.Err())
						}
						return nil
					})
				})
			})
		}
	}
}

// TestEndShutdownInHandlers: it does not wait for the handler that it is called in, nor for others.
func TestEndShutdownInHandlers(t *testing.T) {
	t.Parallel()
	inside := make(chan struct{})
	outside := make(chan error, 1)
	handled := make(chan error, 1)
	s := endOpen(t, "OnMessage", func(c *ws.Conn) {
		close(inside)
		if err := <-outside; err != nil { // another Shutdown has returned while the handler runs
			t.Errorf("Shutdown beside a handler: %v", err)
		}
		if c.ReadyState() != ws.Closing || c.Err() != nil {
			t.Errorf("the state is %v, Err %v, before the close event", c.ReadyState(), c.Err())
		}
		select {
		case <-c.Done():
			t.Error("Done is closed while a handler runs before the close event")
		default:
		}
		handled <- c.Shutdown(context.Background(), 4000, "")
	})
	await(t, "message", inside)
	go func() { outside <- s.c.Shutdown(testContext(t), mine.Code, mine.Reason) }()
	s.server.ending()
	if err := await(t, "end of Shutdown in a handler", handled); err != nil {
		t.Error(err)
	}
	s.log.want(t, openEvent, messageEvent, event(mine))
}

// TestEndCloseStatus: the code of a *CloseError anywhere in an error.
func TestEndCloseStatus(t *testing.T) {
	t.Parallel()
	closed := &ws.CloseError{CloseEvent: ws.CloseEvent{Code: 4123}}
	for _, test := range []struct {
		err  error
		want ws.StatusCode
	}{
		{nil, 0}, {io.EOF, 0}, {context.Canceled, 0}, {ws.ErrSyntax, 0}, {ws.ErrClosedNow, 0},
		{(*ws.CloseError)(nil), 0}, {fmt.Errorf("x: %w", (*ws.CloseError)(nil)), 0}, {&ws.CloseError{}, 0},
		{closed, 4123}, {fmt.Errorf("x: %w", closed), 4123}, {errors.Join(io.EOF, fmt.Errorf("x: %w", closed)), 4123},
		{&ws.CloseError{CloseEvent: abnormal, Err: closed}, 1006},
	} {
		if got := ws.CloseStatus(test.err); got != test.want {
			t.Errorf("CloseStatus(%v) is %d, want %d", test.err, got, test.want)
		}
	}
	c := dial(t, "/close?code=4123", nil)
	_, err := c.Read(testContext(t))
	if got := ws.CloseStatus(err); got != 4123 {
		t.Errorf("CloseStatus of what Read returns, %v, is %d", err, got)
	}
	if _, err := ws.Dial(testContext(t), absolute("/status?code=404"),
		nil); ws.CloseStatus(err) != ws.StatusAbnormalClosure {
		t.Errorf("CloseStatus of what Dial returns, %v, is %d", err, ws.CloseStatus(err))
	}
}

// TestEndNilContext: it is a documented error of everything that takes a context, and nothing happens.
func TestEndNilContext(t *testing.T) {
	t.Parallel()
	var none context.Context
	want := func(what string, call func() error) {
		t.Helper()
		noPanicIn(t, what, func() { wantException(t, what, call(), typeError) })
	}
	want("Dial", func() error { c, err := ws.Dial(none, absolute("/echo"), nil); closeUnwanted(t, c); return err })
	want("Dial of a bad URL", func() error { c, err := ws.Dial(none, "%", nil); closeUnwanted(t, c); return err })
	c := dial(t, "/echo", nil)
	check := func() {
		t.Helper()
		want("Read", func() error { _, err := c.Read(none); return err })
		want("Messages", func() (err error) {
			n := 0
			for _, err = range c.Messages(none) {
				n++
			}
			if n != 1 {
				t.Errorf("Messages yielded %d times", n)
			}
			return err
		})
		want("Drain", func() error { return c.Drain(none, 0) })
		want("Drain of nothing", func() error { return c.Drain(none, 1<<40) })
		want("Wait", func() error { _, err := c.Wait(none); return err })
		want("Shutdown", func() error { return c.Shutdown(none, 1000, "") })
	}
	check()
	wantState(t, c, ws.Open)
	send(t, c, ws.Text("still open"))
	wantText(t, read(t, c), "still open")
	c.Close()
	wait(t, c)
	check()
	handled := dial(t, "/echo", &ws.Options{OnMessage: func(*ws.Conn, ws.Message) {}})
	want("Read with OnMessage", func() error { _, err := handled.Read(none); return err })

	b := blobOf(t, "", ws.Text("content"))
	want("Blob.Bytes", func() error { _, err := b.Bytes(none); return err })
	want("Blob.Text", func() error { _, err := b.Text(none); return err })
	want("Blob.ArrayBuffer", func() error { _, err := b.ArrayBuffer(none); return err })
	want("Blob.Open", func() error { _, err := b.Open(none).Read(make([]byte, 8)); return err })
}

func closeUnwanted(t testing.TB, c *ws.Conn) {
	if c != nil {
		t.Error("Dial returned a connection")
		c.Close()
	}
}

// noPanicIn checks that f does not panic.
func noPanicIn(t testing.TB, what string, f func()) {
	t.Helper()
	defer func() {
		if thrown := recover(); thrown != nil {
			t.Errorf("%s panics: %v", what, thrown)
		}
	}()
	f()
}

// TestEndDialCause: Dial's error is the context's and its cause's.
func TestEndDialCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cause")
	other := fmt.Errorf("wrapped: %w", context.Canceled)
	late := errors.New("too late")
	for name, test := range map[string]struct {
		end  func() (context.Context, context.CancelFunc)
		want []error
	}{
		"cancelled": {func() (context.Context, context.CancelFunc) {
			return context.WithCancel(t.Context())
		}, []error{context.Canceled}},
		"with a cause": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(t.Context())
			return ctx, func() { cancel(cause) }
		}, []error{context.Canceled, cause}},
		"with a cause that wraps Canceled": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(t.Context())
			return ctx, func() { cancel(other) }
		}, []error{context.Canceled, other}},
		"deadline": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, late)
			return ctx, func() { <-ctx.Done(); cancel() }
		}, []error{context.DeadlineExceeded, late}},
	} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, before %t", name, before), func(t *testing.T) {
				t.Parallel()
				p := newPeer(t)
				ctx, cancel := test.end()
				defer cancel()
				opts := &ws.Options{}
				log := record(opts)
				switch {
				case before:
					cancel()
				case name != "deadline":
					go func() {
						p.conn(0).request()
						cancel()
					}()
				}
				c, err := ws.Dial(ctx, p.URL, opts)
				closeUnwanted(t, c)
				for _, want := range test.want {
					if !errors.Is(err, want) {
						t.Errorf("Dial returned %v, which is not %v", err, want)
					}
				}
				if !before && name != "deadline" {
					log.want(t, errorEvent, event(abnormal))
				}
			})
		}
	}
}

// TestEndDialRace cancels Dials before, while and just as they succeed. Each connection that the program has seen
// open is closed, and each ends.
func TestEndDialRace(t *testing.T) {
	t.Parallel()
	rounds := 300
	if runtime.GOOS == "js" {
		rounds = 40
	}
	succeeded := 0
	for i := range rounds {
		opts := &ws.Options{}
		log := record(opts)
		parent, cancel := context.WithCancel(testContext(t))
		ctx := &askedContext{Context: parent, asked: make(chan struct{})}
		if i%2 == 0 {
			// In OnOpen: Dial may have returned by then, or be about to.
			onOpen := opts.OnOpen
			opts.OnOpen = func(c *ws.Conn) { onOpen(c); cancel() }
		} else {
			go func() {
				<-ctx.asked
				time.Sleep(time.Duration(i) * 7 * time.Microsecond) // somewhere in the handshake: any moment is fine
				cancel()
			}()
		}
		c, err := ws.Dial(ctx, absolute("/echo"), opts)
		switch {
		case err == nil:
			succeeded++
			send(t, c, ws.Text("x"))
			c.CloseNow()
		case !errors.Is(err, context.Canceled) || c != nil:
			t.Fatalf("Dial returned %v, %v", c, err)
		}
		cancel()
		got := strings.Join(log.all(t), ", ")
		opened, failed := openEvent+", "+event(abnormal), errorEvent+", "+event(abnormal)
		// Dial may return before OnOpen is called, and CloseNow changes the state at once.
		got = strings.Replace(got, "open CLOSING", openEvent, 1)
		got = strings.Replace(got, `message Text "x" OPEN, `, "", 1)
		if got != opened && (got != failed || err == nil) {
			t.Fatalf("round %d: Dial returned %v, and the events were %s", i, err, got)
		}
	}
	t.Logf("%d of %d Dials succeeded", succeeded, rounds)
}

// askedContext reports that Dial has begun, which first asks for the context's error.
type askedContext struct {
	context.Context
	once  sync.Once
	asked chan struct{}
}

func (c *askedContext) Err() error {
	err := c.Context.Err()
	c.once.Do(func() { close(c.asked) })
	return err
}

// TestEndGoexit: a handler that ends its goroutine, as t.FailNow does, stops no later event.
func TestEndGoexit(t *testing.T) {
	t.Parallel()
	exits := map[string]func(testing.TB){
		"Goexit":  func(testing.TB) { runtime.Goexit() },
		"FailNow": func(t testing.TB) { (&trial{TB: t}).FailNow() },
	}
	for handler, want := range map[string][]string{
		"OnOpen":    {openEvent, messageEvent, `message Text "b" OPEN`, event(theirs)},
		"OnMessage": {openEvent, messageEvent, `message Text "b" OPEN`, event(theirs)},
		"OnClose":   {openEvent, messageEvent, `message Text "b" OPEN`, event(theirs)},
		"OnError":   {errorEvent, event(abnormal)},
	} {
		for name, exit := range exits {
			t.Run(handler+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := endConn(t, handler, func(c *ws.Conn) {
					if handler == "OnClose" {
						return // ended below, when it has been recorded
					}
					exit(t)
				})
				if handler == "OnError" {
					s.server.request()
					s.server.answer("HTTP/1.1 404 Not Found", "Content-Length: 0", "Connection: close")
				} else {
					s.server.accept("")
					s.server.texts("a", "b")
					s.server.close(uint16(theirs.Code), theirs.Reason)
					s.server.wantAnswer(uint16(theirs.Code))
					s.server.end("close")
				}
				await(t, "end of Done", s.c.Done())
				s.log.want(t, want...)
				if err := s.c.Shutdown(testContext(t), 1000, ""); (handler == "OnError") != (err != nil) {
					t.Errorf("Shutdown: %v", err)
				}
			})
		}
	}
	t.Run("OnClose", func(t *testing.T) {
		t.Parallel()
		closed := make(chan struct{})
		c := dial(t, "/echo", &ws.Options{OnClose: func(*ws.Conn, ws.CloseEvent) {
			close(closed)
			runtime.Goexit()
		}})
		c.Close()
		await(t, "close event", closed)
		wantClosedEverywhere(t, c, ws.CloseEvent{Code: ws.StatusNoStatusRcvd, WasClean: true})
	})
	t.Run("OnOpen of Dial", func(t *testing.T) {
		t.Parallel()
		c := dial(t, "/echo", &ws.Options{OnOpen: func(*ws.Conn) { runtime.Goexit() }})
		send(t, c, ws.Text("hello"))
		wantText(t, read(t, c), "hello")
		if err := c.Shutdown(testContext(t), 1000, ""); err != nil {
			t.Error(err)
		}
	})
}

// TestEndWaits: calls that wait when the connection ends, in each way, return what they are documented to.
func TestEndWaits(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		do   func(*endScene)
		want ws.CloseEvent
	}{
		"Shutdown": {func(s *endScene) {
			go s.c.Shutdown(context.Background(), mine.Code,
				mine.Reason)
			s.server.ending()
		}, mine},
		"Close":    {func(s *endScene) { s.c.CloseWith(mine.Code, mine.Reason); s.server.ending() }, mine},
		"CloseNow": {func(s *endScene) { s.c.CloseNow() }, abnormal},
		"peer's Close": {func(s *endScene) {
			s.server.close(4001,
				"theirs")
			s.server.wantAnswer(4001)
			s.server.end("close")
		}, theirs},
		"peer's reset":   {func(s *endScene) { s.server.end("reset") }, abnormal},
		"cut connection": {func(s *endScene) { s.server.end("close") }, abnormal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			c := construct(t, p.URL, nil)
			s := &endScene{c: c, server: p.accept()}
			s.server.texts("a")
			wantText(t, read(t, c), "a")
			errs := make(chan error, 4)
			for range 2 {
				go func() { _, err := c.Read(testContext(t)); errs <- err }()
			}
			go func() {
				var last error
				for _, err := range c.Messages(testContext(t)) {
					last = err
				}
				errs <- last
			}()
			go func() {
				ev, err := c.Wait(testContext(t))
				if ev != end.want || err != nil {
					t.Errorf("Wait returned %+v, %v", ev, err)
				}
				errs <- c.Err()
			}()
			end.do(s)
			for range 4 {
				wantClosed(t, c, await(t, "end of Read, Messages and Wait", errs), end.want)
			}
		})
	}
}
