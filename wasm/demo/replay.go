package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// operations are those of a scenario's client that a Client can do.
var operations = []string{
	"send", "sendmany", "sendmutate", "close", "closeIfBye", "closeIfOpen", "get", "set", "sample", "micro", "wait",
}

// CanReplay reports whether a Client can play the client of a scenario: its URL is that of the scenario's server, it
// does not take a minute to show anything, and it does nothing that only tests need.
func CanReplay(s *scenario.Scenario) bool {
	if url := s.URL.String(); url != "ws://{H}:{P}/s/{N}" && s.Name != "h-never-answers" {
		return false
	}
	for _, ops := range s.On {
		for _, op := range ops {
			if !slices.Contains(operations, op.Name) || op.Name == "set" && op.Property != "binaryType" {
				return false
			}
		}
	}
	return s.Name == "h-never-answers" || !s.Long
}

// A player plays the client of a scenario. Its handlers run one at a time, and what follows a wait runs between them.
type player struct {
	*track
	scenario *scenario.Scenario
	conn     *ws.Conn
	messages int
	last     ws.Message
	waits    int           // lists of operations that wait
	closed   chan struct{} // closed by the close event
	over     chan struct{} // closed when nothing can follow
}

// afterLimit is how long the close event may take after the program has given up.
const afterLimit = 10 * time.Second

// replay plays a scenario until its connection is closed and nothing is left to do, or until a.Limit.
func (c *Client) replay(ctx context.Context, t *track, a Action) {
	s := c.scenarios[a.Scenario]
	if s == nil || !CanReplay(s) {
		t.fail("the demo", fmt.Errorf("it has no scenario %q that it can replay", a.Scenario))
		return
	}
	p := &player{track: t, scenario: s, closed: make(chan struct{}), over: make(chan struct{})}
	url := ReplayPath + s.Name
	if a.Play != "" {
		url += PlayQuery + a.Play + "." + c.side
	}
	if !p.construct(url) {
		return
	}
	limit := time.NewTimer(time.Duration(a.Limit) * time.Millisecond)
	defer limit.Stop()
	select {
	case <-p.over:
		return
	case <-ctx.Done():
	case <-limit.C:
		p.locked(func() {
			p.conn.CloseNow()
			p.addLocked(p.conn, Line{Kind: Call, Text: "the program gives up: CloseNow()", stateless: true})
		})
	}
	p.conn.CloseNow()
	last := time.NewTimer(afterLimit)
	defer last.Stop()
	select {
	case <-p.over:
	case <-last.C:
	}
}

func (p *player) locked(f func()) {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	f()
}

// construct calls New while handlers wait, and reports whether there is a connection.
func (p *player) construct(url string) bool {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	what := fmt.Sprintf("New(%q)", ReplayPath+p.scenario.Name)
	if len(p.scenario.Protocols) > 0 {
		what = fmt.Sprintf("New(%q, %s)", ReplayPath+p.scenario.Name, strings.Join(p.scenario.Protocols, ", "))
	}
	conn, err := ws.New(url, &ws.Options{
		BaseURL:   p.client.base,
		Protocols: p.scenario.Protocols,
		OnOpen:    p.open,
		OnMessage: p.message,
		OnError:   p.failed,
		OnClose:   p.close,
	})
	if err != nil {
		p.addLocked(nil, result(what, err))
		return false
	}
	p.conn = conn
	if t := p.scenario.BinaryType(); t != "" {
		conn.SetBinaryType(ws.BinaryType(t))
	}
	p.addLocked(conn, result(what, nil))
	p.operateLocked(p.scenario.On["ctor"])
	return true
}

// addLocked logs a line with the bufferedAmount, which must be equal on both sides: a handler runs, so it does not
// fall. In some scenarios it depends on the system how much has left by then.
func (p *player) addLocked(conn *ws.Conn, l Line) {
	l.Shown = conn != nil
	l.Exact = conn != nil && !p.scenario.BALoose
	p.track.addLocked(conn, l)
}

func (p *player) open(c *ws.Conn) {
	p.locked(func() {
		text := "open"
		if c.Protocol() != "" {
			text += ", protocol " + quote(c.Protocol())
		}
		if c.Extensions() != "" {
			text += ", extensions " + quote(c.Extensions())
		}
		p.addLocked(c, Line{Kind: Event, Text: text})
		p.operateLocked(p.scenario.On["open"])
	})
}

func (p *player) message(c *ws.Conn, m ws.Message) {
	p.locked(func() {
		p.messages++
		p.last = m
		p.addLocked(c, Line{Kind: Event, Text: "message " + describe(m)})
		p.operateLocked(p.scenario.On[fmt.Sprintf("message%d", p.messages)])
		p.operateLocked(p.scenario.On["message"])
	})
}

func (p *player) failed(c *ws.Conn, _ error) {
	p.locked(func() {
		p.addLocked(c, Line{Kind: Event, Text: "error", Failed: true})
		p.operateLocked(p.scenario.On["error"])
	})
}

func (p *player) close(c *ws.Conn, e ws.CloseEvent) {
	p.locked(func() {
		p.addLocked(c, closeLine(e))
		close(p.closed)
		p.operateLocked(p.scenario.On["close"])
		p.endLocked()
	})
}

// endLocked ends the replay after the close event, when no list of operations waits any more.
func (p *player) endLocked() {
	select {
	case <-p.closed:
		if p.waits == 0 {
			close(p.over)
		}
	default:
	}
}

// operateLocked does operations. Those that follow a wait come when that is over, unless the connection is closed
// meanwhile.
func (p *player) operateLocked(ops []scenario.ClientOp) {
	for i, op := range ops {
		if op.Name != "wait" {
			p.operationLocked(&op)
			continue
		}
		p.waits++
		go func() {
			timer := time.NewTimer(op.Wait)
			defer timer.Stop()
			follow := true
			select {
			case <-timer.C:
			case <-p.closed:
				follow = false
			}
			p.locked(func() {
				p.waits--
				if follow {
					p.operateLocked(ops[i+1:])
				}
				p.endLocked()
			})
		}()
		return
	}
}

// operationLocked does one operation that does not wait.
func (p *player) operationLocked(op *scenario.ClientOp) {
	c := p.conn
	switch op.Name {
	case "send":
		m, err := operand(op.Data)
		if err == nil {
			err = c.Send(m)
		}
		p.addLocked(c, result(op.String(), err))
	case "sendmany":
		var err error
		for i := range op.N {
			err = errors.Join(err, c.Send(ws.Text(fmt.Sprintf("msg %d", i))))
		}
		p.addLocked(c, result(fmt.Sprintf("send %d messages", op.N), err))
	case "sendmutate":
		b := scenario.CountingBytes(op.N)
		err := c.Send(ws.Bytes(b))
		clear(b)
		p.addLocked(c, result("send bytes, then change them", err))
	case "close":
		p.addLocked(c, result(op.String(), closeConn(c, op)))
	case "closeIfBye":
		if p.last == ws.Text("bye") {
			p.addLocked(c, result("close(1000)", c.CloseWith(ws.StatusNormalClosure, "")))
		}
	case "closeIfOpen":
		if c.ReadyState() == ws.Open {
			p.addLocked(c, result("close(1000)", c.CloseWith(ws.StatusNormalClosure, "")))
		}
	case "set":
		c.SetBinaryType(ws.BinaryType(strings.Trim(op.Value, `"`)))
		p.addLocked(c, Line{Kind: Call, Text: "SetBinaryType(" + op.Value + ")"})
	case "get", "sample":
		p.addLocked(c, Line{Kind: Call, Text: "readyState, bufferedAmount"})
	}
}

// operand returns the message that an operation sends.
func operand(d *scenario.Data) (ws.Message, error) {
	switch d.Kind {
	case "text":
		return ws.Text(d.String()), nil
	case "arraybuffer":
		return ws.NewArrayBuffer(d.Bytes()), nil
	}
	return ws.NewBlob("", ws.Bytes(d.Bytes()))
}

func closeConn(c *ws.Conn, op *scenario.ClientOp) error {
	if op.Code == nil {
		return c.Close()
	}
	reason := ""
	if op.Reason != nil {
		reason = op.Reason.String()
	}
	return c.CloseWith(ws.StatusCode(op.Code.Clamp()), reason)
}
