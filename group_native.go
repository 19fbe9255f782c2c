//go:build !js

package ws

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed2c7e30c3/ws/internal/engine"
)

// Group is a set of connections: all those of a server, or those in a room. Use it to send a message to all of them,
// and to end them when the server stops. The zero value is an empty Group. A Group must not be copied after its first
// use. Its methods may be called from several goroutines, and in handlers of its members.
//
// A connection joins through AcceptOptions.Group or [Group.Add], and leaves when it ends or through [Group.Remove]. It
// may be in several Groups.
type Group struct {
	// sending is held by a Send, so that all members get the messages of several Sends in the same order. It is locked
	// before any Conn.mu.
	sending sync.Mutex

	// mu guards everything below. It is locked after any Conn.mu.
	mu      sync.Mutex
	state   groupState
	members []*Conn
	places  map[*Conn]int // index of each in members
	joining int           // calls of Accept whose connection will join
	farewell
	empty chan struct{} // closed when no member is left; nil until Shutdown waits for that
}

type groupState uint8

const (
	groupOpen groupState = iota
	groupDown            // Shutdown has been called: no connection may join any more
	groupCut             // its context has ended as well: a connection that still joins is cut
)

// farewell is the close code and reason that Shutdown sends to the members.
type farewell struct {
	code   StatusCode
	reason string
}

// Add makes c a member. It reports false, and does nothing, if c is not Open or if the Group has been shut down. Adding
// a member again changes nothing.
func (g *Group) Add(c *Conn) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readyState() != Open || c.end != nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != groupOpen {
		return false
	}
	g.addLocked(c)
	return true
}

// addLocked requires that c.mu is held, too.
func (g *Group) addLocked(c *Conn) {
	if _, member := g.places[c]; member {
		return
	}
	if g.places == nil {
		g.places = make(map[*Conn]int)
	}
	g.places[c] = len(g.members)
	g.members = append(g.members, c)
	c.groups = &membership{g, c.groups}
}

// Remove takes c out of the Group and leaves the connection open. It does nothing if c is not a member.
func (g *Group) Remove(c *Conn) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := &c.groups; *at != nil; at = &(*at).next {
		if (*at).group == g {
			*at = (*at).next
			break
		}
	}
	g.forget(c)
}

// membership is a list of the Groups of a connection. Most connections are in few, or none.
type membership struct {
	group *Group
	next  *membership
}

// leaveGroups takes a connection that has ended out of its Groups. It needs mu.
func (c *Conn) leaveGroups() {
	for m := c.groups; m != nil; m = m.next {
		m.group.forget(c)
	}
	c.groups = nil
}

// forget takes c out of the members.
func (g *Group) forget(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	place, member := g.places[c]
	if !member {
		return
	}
	last := len(g.members) - 1
	g.members[place] = g.members[last]
	g.places[g.members[place]] = place
	g.members[last] = nil
	g.members = g.members[:last]
	delete(g.places, c)
	if last == 0 {
		g.members, g.places = nil, nil // a map keeps the memory of deleted entries
	}
	g.emptyLocked()
}

// emptyLocked tells Shutdown if no member is left.
func (g *Group) emptyLocked() {
	if g.empty != nil && len(g.members) == 0 && g.joining == 0 {
		close(g.empty)
		g.empty = nil
	}
}

// expect announces a connection that Accept is opening and that will join, and reports whether it may. After each call
// that returned true, join or giveUp must be called. A nil Group accepts every connection.
func (g *Group) expect() bool {
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != groupOpen {
		return false
	}
	g.joining++
	return true
}

// giveUp says that an expected connection will not come.
func (g *Group) giveUp() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.joining--
	g.emptyLocked()
}

// join makes an expected connection a member. If the Group has been shut down since, the connection is closed as the
// others were.
func (g *Group) join(c *Conn) {
	if g == nil {
		return
	}
	c.mu.Lock()
	g.mu.Lock()
	g.addLocked(c)
	g.joining--
	state, farewell := g.state, g.farewell
	g.mu.Unlock()
	c.mu.Unlock()
	switch state {
	case groupDown:
		c.leaveWith(farewell)
	case groupCut:
		c.CloseNow()
	}
}

// open reports whether connections may join. A nil Group accepts every connection.
func (g *Group) open() bool {
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state == groupOpen
}

// Len returns the number of members.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.members)
}

// All returns an iterator over the connections that are members when the iteration begins.
func (g *Group) All() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		for _, c := range g.snapshot() {
			if !yield(c) {
				return
			}
		}
	}
}

func (g *Group) snapshot() []*Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.members)
}

// Send sends a message to all members, each of which gets it as by [Conn.Send]. It does not wait for any of them,
// however slowly they receive; use AcceptOptions.SendBuffer to limit how much one of them may leave unsent. All members
// get the messages of several Sends in the same order.
//
// The message is framed once for all members and compressed once for all members that use CompressAlone, and the bytes
// that slow members have yet to be sent are in memory once. Send therefore costs less than a loop of Conn.Send, and it
// uses all processors. For members with CompressContext and connections of Dial, each compresses or masks by itself.
//
// If Send returns an error, nothing has been sent. It is an *Exception: one that [Conn.Send] returns for a bad message,
// or ErrInvalidState after Shutdown. Members that are not Open do not get the message. If a member fails meanwhile, its
// own events report it.
func (g *Group) Send(m Message) error {
	if err := checkMessage(m); err != nil {
		return err
	}
	op, data := frameContent(m)
	prepared := engine.Prepare(op, data)
	g.sending.Lock()
	defer g.sending.Unlock()
	if !g.open() {
		return exception(ErrInvalidState, "Send to a Group that has been shut down")
	}
	spread(g.snapshot(), func(members []*Conn) { sendPrepared(prepared, members, len(data)) })
	return nil
}

// sendPrepared sends to some members, at most spreadBlock. It looks at all of them first, as the engine does.
func sendPrepared(p *engine.Prepared, members []*Conn, size int) {
	var endpoints [spreadBlock]*engine.Endpoint
	var results [spreadBlock]engine.Result
	for i, c := range members {
		if c.readyState() == Open {
			if endpoints[i] = c.endpoint.Load(); endpoints[i] == nil {
				results[i] = engine.Lost
			}
		}
	}
	engine.SendPrepared(p, endpoints[:len(members)], results[:])
	for i, c := range members {
		if results[i] != engine.Accepted { // which is the zero value, of members that are not Open
			_, _ = c.transmitted(results[i], size) // the member's own events report it
		}
	}
}

// Shutdown ends all members, for example when the server stops. It sends each member a Close frame with the code and
// reason, after everything that was sent before, and waits until all have ended. Code 0 means 1001, going away, which
// tells browsers that the server stops. From now on no connection can join, Accept answers 503, and Send returns an
// error: a Group can be shut down only once. Further calls only wait; the code and reason are those of the first.
//
// Shutdown returns nil when no member is left. If ctx ends first, or has already ended, it ends the remaining members
// with [Conn.CloseNow] and returns ctx.Err(); of the Close frames, those that the network takes at once still go out.
// Give it a ctx that ends: a member that does not answer takes 10 seconds, one that takes no data 2 minutes. A bad
// argument is an *Exception as from [Conn.Shutdown], and then nothing has happened. Connections of Dial are closed
// without a code if a client may not send it.
//
// Shutdown may be called in a handler of a member, because it does not wait for handlers.
//
// http.Server.Shutdown neither ends accepted connections nor waits for them. To stop a server, call both:
//
//	server.RegisterOnShutdown(func() { go group.Shutdown(ctx, 0, "") })
//	err := errors.Join(server.Shutdown(ctx), group.Shutdown(ctx, 0, ""))
func (g *Group) Shutdown(ctx context.Context, code StatusCode, reason string) error {
	if code == 0 {
		code = StatusGoingAway
	}
	if err := checkClose(code, reason, true); err != nil {
		return err
	}
	err := checkContext(ctx)
	if ctx == nil {
		return err
	}
	first, empty := g.shutDown(farewell{code, reason})
	// Even if ctx has ended: what the network takes at once still goes out.
	spread(g.snapshot(), each(func(c *Conn) { c.leaveWith(first) }))
	if err == nil {
		select {
		case <-empty:
			return nil
		case <-ctx.Done():
			select {
			case <-empty:
				return nil
			default:
				err = ctx.Err()
			}
		}
	}
	g.cut()
	return err
}

// shutDown keeps connections from joining. It returns the farewell of the first call, and a channel that is closed when
// no member is left.
func (g *Group) shutDown(f farewell) (farewell, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == groupOpen {
		g.state, g.farewell = groupDown, f
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	empty := g.empty
	g.emptyLocked()
	return g.farewell, empty
}

func (g *Group) cut() {
	g.mu.Lock()
	g.state = groupCut
	g.mu.Unlock()
	spread(g.snapshot(), each(func(c *Conn) { c.CloseNow() }))
}

// leaveWith closes a member.
func (c *Conn) leaveWith(f farewell) {
	if c.CloseWith(f.code, f.reason) != nil {
		c.Close() // c is a client and may not send this code
	}
}

// spreadBlock is the number of connections that one goroutine takes at a time. Fewer than two blocks are not worth
// another goroutine.
const spreadBlock = 16

// spread calls f for all connections, at most spreadBlock at a time, on as many goroutines as there are processors. It
// returns when all are done.
func spread(conns []*Conn, f func([]*Conn)) {
	var taken atomic.Int64
	work := func() {
		for {
			end := int(taken.Add(spreadBlock))
			if end-spreadBlock >= len(conns) {
				return
			}
			f(conns[end-spreadBlock : min(end, len(conns))])
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(conns)/spreadBlock) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// each makes a function for spread of one for a single connection.
func each(f func(*Conn)) func([]*Conn) {
	return func(conns []*Conn) {
		for _, c := range conns {
			f(c)
		}
	}
}
