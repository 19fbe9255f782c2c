package demo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// The paths of the demo's servers.
const (
	EchoPath    = "/echo"    // sends everything back; speaks demo.v1
	MeasurePath = "/measure" // the same, without compression
	SlowPath    = "/slow"    // reads about 10 MB a second
	SilentPath  = "/silent/" // never answers the opening handshake; a name may follow
	ReplayPath  = "/s/"      // and the name of a scenario
	PlayQuery   = "?play="   // and Action.Play, after that
	ControlPath = "/control" // the other half of the page
)

// Protocol is the subprotocol that the server at EchoPath speaks.
const Protocol = "demo.v1"

// Client does actions, with one connection at a time.
//
// Its log, including the readyState of a line, is written with mu held: so what a call has done is logged before the
// events that follow from it.
type Client struct {
	side      string // Browser or Native
	base      string // URL that relative ones are resolved against; in a browser it may be empty for the page's own
	scenarios map[string]*scenario.Scenario
	report    func(Report)

	mu     sync.Mutex
	conn   *ws.Conn           // the last one that Dial has returned
	cancel context.CancelFunc // of the Dial that waits, or nil
}

// NewClient returns a Client whose relative URLs are resolved against base, which in a browser may be empty for the
// page's own. It calls report for everything that happens, from one goroutine at a time; report must not block.
func NewClient(side, base string, scenarios []*scenario.Scenario, report func(Report)) *Client {
	c := &Client{side: side, base: base, scenarios: make(map[string]*scenario.Scenario, len(scenarios)), report: report}
	for _, s := range scenarios {
		c.scenarios[s.Name] = s
	}
	return c
}

// Do begins an action and returns. An action that takes time goes on until it is over or ctx ends. Every action ends
// with a Report that says so.
func (c *Client) Do(ctx context.Context, a Action) {
	t := &track{client: c, id: a.ID, begun: time.Now()}
	wait := c.begin(ctx, t, a)
	if wait == nil {
		c.now(t, a)
		c.tell(Report{Ended: a.ID})
		return
	}
	go func() {
		wait(ctx, t, a)
		c.tell(Report{Ended: a.ID})
	}()
}

// begin returns a function that does an action that takes time, or nil.
func (c *Client) begin(ctx context.Context, t *track, a Action) func(context.Context, *track, Action) {
	switch a.Do {
	case Connect:
		d := c.beginDial(ctx, t) // here, so that the next action may cancel it
		return func(_ context.Context, _ *track, a Action) {
			if d != nil {
				c.dial(d, a)
			}
		}
	case Shutdown:
		return c.shutdown
	case Tour:
		return c.tour
	case Replay:
		return c.replay
	case Flood:
		return c.flood
	case RoundTrips:
		return c.roundTrips
	case Rate:
		return c.rate
	}
	return nil
}

// now does an action that does not wait.
func (c *Client) now(t *track, a Action) {
	switch a.Do {
	case CancelDial:
		c.cancelDial(t)
	case SendText:
		c.send(t, ws.Text(a.Text))
	case SendBytes:
		data, err := hex.DecodeString(strings.Join(strings.Fields(a.Text), ""))
		if err != nil {
			t.fail("the bytes are not hexadecimal", err)
			return
		}
		c.send(t, ws.Bytes(data))
	case SendBlob:
		blob, err := ws.NewBlob("text/plain", ws.Text(a.Text))
		if err != nil {
			t.fail("NewBlob", err)
			return
		}
		c.send(t, blob)
	case SendFile:
		c.send(t, a.File)
	case SetBinaryType:
		c.call(t, fmt.Sprintf("SetBinaryType(%q)", a.BinaryType), func(conn *ws.Conn) error {
			conn.SetBinaryType(a.BinaryType)
			return nil
		})
	case Close:
		if a.Code == 0 {
			c.close(t, "Close()", (*ws.Conn).Close)
			return
		}
		c.close(t, fmt.Sprintf("CloseWith(%d, %q)", a.Code, a.Reason), func(conn *ws.Conn) error {
			return conn.CloseWith(a.Code, a.Reason)
		})
	case CloseNow:
		c.close(t, "CloseNow()", (*ws.Conn).CloseNow)
	default:
		t.fail("the demo", fmt.Errorf("%q is no action", a.Do))
	}
}

// call logs what a method of the connection returns, before what follows from it.
func (c *Client) call(t *track, what string, method func(*ws.Conn) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callLocked(t, what, method, false)
}

// close is like call, for the methods that close. Their lines have no readyState, because it may already be CLOSED.
func (c *Client) close(t *track, what string, method func(*ws.Conn) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callLocked(t, what, method, true)
}

func (c *Client) callLocked(t *track, what string, method func(*ws.Conn) error, closes bool) {
	if c.conn == nil {
		t.addLocked(nil, Line{Kind: Call, Text: what + " has no connection: Dial has returned none yet", Failed: true})
		return
	}
	line := result(what, method(c.conn))
	line.stateless = closes
	t.addLocked(c.conn, line)
}

func (c *Client) send(t *track, m ws.Message) {
	c.call(t, "Send("+describe(m)+")", func(conn *ws.Conn) error { return conn.Send(m) })
}

// shutdownLimit is how long a Shutdown of the demo waits for the peer.
const shutdownLimit = 5 * time.Second

func (c *Client) shutdown(ctx context.Context, t *track, a Action) {
	ctx, cancel := context.WithTimeout(ctx, shutdownLimit)
	defer cancel()
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	what := fmt.Sprintf("Shutdown(ctx, %d, %q)", a.Code, a.Reason)
	if conn == nil {
		t.fail(what, errors.New("there is no connection: Dial has returned none yet"))
		return
	}
	err := conn.Shutdown(ctx, a.Code, a.Reason)
	if err == nil {
		// Shutdown does not wait for handlers, and readyState changes right before the handler of the close event.
		conn.Wait(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.addLocked(conn, result(what, err))
}

// End ends the connection, if there is one, and the Dial that waits.
func (c *Client) End() {
	c.mu.Lock()
	conn, cancel := c.conn, c.cancel
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if conn != nil {
		conn.CloseNow()
	}
}

func (c *Client) tell(r Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report(r)
}

// A track is the log of one action.
type track struct {
	client *Client
	id     int
	begun  time.Time
	rows   map[Kind]int // how many lines there are
}

// addLocked logs a line; conn, unless nil, is the connection that it is about.
func (t *track) addLocked(conn *ws.Conn, l Line) {
	if t.rows == nil {
		t.rows = make(map[Kind]int)
	}
	l.ID = t.id
	l.Row = fmt.Sprintf("%d.%s%d", t.id, l.Kind, t.rows[l.Kind])
	t.rows[l.Kind]++
	l.At = float64(time.Since(t.begun).Microseconds()) / 1000
	if conn != nil {
		if !l.stateless {
			l.State = stateText(conn.ReadyState())
		}
		l.Buffered = strconv.FormatInt(conn.BufferedAmount(), 10)
		l.Protocol, l.Extensions = conn.Protocol(), conn.Extensions()
	}
	t.client.report(Report{Line: &l})
}

func stateText(s ws.ReadyState) string { return fmt.Sprintf("%d %v", s, s) }

// add logs a line.
func (t *track) add(conn *ws.Conn, l Line) {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	t.addLocked(conn, l)
}

// fail logs that the program cannot do something.
func (t *track) fail(what string, err error) { t.add(nil, result(what, err)) }
