//go:build !js

package ws_test

// Group exists natively only: browsers accept no connections.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// members connects n clients to a server whose connections join group, and returns the clients.
func members(t testing.TB, n int, group *ws.Group, client *ws.Options, server *ws.AcceptOptions) []*ws.Conn {
	t.Helper()
	if server == nil {
		server = new(ws.AcceptOptions)
	}
	server.Group = group
	s := serveAccept(t, server)
	clients := make([]*ws.Conn, n)
	for i := range clients {
		clients[i] = dial(t, wsURL(s.Server), client)
		accepted := await(t, "accepted connection", s.conns)
		t.Cleanup(func() { accepted.CloseNow() })
	}
	return clients
}

// waitEmpty waits until group has no members.
func waitEmpty(t testing.TB, group *ws.Group) {
	t.Helper()
	for c := range group.All() {
		wait(t, c)
	}
	if n := group.Len(); n != 0 {
		t.Errorf("%d members are left", n)
	}
}

// TestGroupSend: every member gets every message, whole and in order, however it compresses.
func TestGroupSend(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a message that can be compressed; ", 8000) // several frames
	messages := []ws.Message{
		ws.Text(""), ws.Text("hello"), ws.Text(long), ws.Bytes(pattern(100)), ws.Bytes(pattern(70_000)), ws.Text(long[:1000]),
	}
	for name, c := range compressions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var group ws.Group
			options := &ws.Options{Native: c.client}
			clients := members(t, 40, &group, options, &ws.AcceptOptions{Compression: c.server})
			for _, m := range messages {
				if err := group.Send(m); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range clients {
				for _, want := range messages {
					if got := read(t, c); string(content(t, got)) != string(content(t, want)) {
						t.Fatalf("got %s, want %s", describe(got), describe(want))
					}
				}
			}
			for c := range group.All() {
				if err := c.Drain(testContext(t), 0); err != nil {
					t.Error(err)
				}
				if n := c.BufferedAmount(); n != 0 {
					t.Errorf("BufferedAmount is %d", n)
				}
			}
		})
	}
}

// TestGroupWindow: clients that ask for short windows get messages compressed for these.
func TestGroupWindow(t *testing.T) {
	t.Parallel()
	var group ws.Group
	server := serveAccept(t, &ws.AcceptOptions{Group: &group})
	text := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 12)
	var clients []*rawClient
	for _, bits := range []int{9, 15, 9} {
		offer := fmt.Sprintf("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=%d", bits)
		clients = append(clients, openClient(t, server.Server, offer))
		await(t, "accepted connection", server.conns)
	}
	if err := group.Send(ws.Text(text)); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		f, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		if f.first != 0xc1 || len(f.payload) >= len(text)/2 {
			t.Errorf("the frame begins with %#x and has %d bytes", f.first, len(f.payload))
		}
	}
}

// TestGroupOrder: messages of several Sends, and what a member's own Send adds, come to all members in one order.
func TestGroupOrder(t *testing.T) {
	t.Parallel()
	const senders, each = 4, 50
	var group ws.Group
	clients := members(t, 33, &group, nil, nil)
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			for j := range each {
				size := []int{10, 20_000, 300}[j%3]
				text := fmt.Sprintf("%d %d %s", i, j, strings.Repeat("x", size))
				if err := group.Send(ws.Text(text)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	var first []string
	for i, c := range clients {
		var got []string
		for range senders * each {
			got = append(got, string(content(t, read(t, c))))
		}
		if i == 0 {
			first = got
		} else if !slices.Equal(got, first) {
			t.Fatal("two members got the messages in different orders")
		}
	}
}

// TestGroupSlowMember: one that reads nothing holds up nobody, takes the memory of its messages once, and is ended when
// SendBuffer is exceeded.
func TestGroupSlowMember(t *testing.T) {
	t.Parallel()
	const size, count = 1 << 20, 64
	var group ws.Group
	failed := make(chan error, 1)
	server := &ws.AcceptOptions{
		SendBuffer: 4 << 20,
		Group:      &group,
		OnError:    func(_ *ws.Conn, err error) { failed <- err },
	}
	s := serveAccept(t, server)
	openClient(t, s.Server) // reads nothing
	await(t, "accepted connection", s.conns)
	quick := dial(t, wsURL(s.Server), nil)
	await(t, "accepted connection", s.conns)
	message := ws.Bytes(pattern(size))
	for range count {
		if err := group.Send(message); err != nil {
			t.Fatal(err)
		}
		if got := read(t, quick).(*ws.ArrayBuffer); got.Len() != size {
			t.Fatalf("got %d bytes", got.Len())
		}
	}
	if err := await(t, "end of the slow member", failed); !errors.Is(err, ws.ErrSlowPeer) {
		t.Errorf("the slow member ended with %v", err)
	}
	if n := group.Len(); n != 1 {
		t.Errorf("there are %d members", n)
	}
}

// TestGroupMembership: who is a member, and who is not any more.
func TestGroupMembership(t *testing.T) {
	t.Parallel()
	var all, room ws.Group
	clients := members(t, 3, &all, nil, nil)
	accepted := slices.Collect(all.All())
	if len(accepted) != 3 || all.Len() != 3 {
		t.Fatalf("%d members", len(accepted))
	}
	for range 2 {
		if !room.Add(accepted[0]) || !room.Add(accepted[1]) || !room.Add(clients[2]) {
			t.Error("Add of an open connection returned false")
		}
	}
	if room.Len() != 3 {
		t.Errorf("the room has %d members", room.Len())
	}
	room.Remove(accepted[1])
	room.Remove(accepted[1])
	room.Remove(nil)
	// A connection of Dial can be a member too; its messages are masked.
	if err := room.Send(ws.Text("to the room")); err != nil {
		t.Fatal(err)
	}

	got := make(chan string, 4)
	for _, c := range append(slices.Clone(clients), accepted...) {
		go func() {
			if m, err := c.Read(t.Context()); err == nil {
				got <- string(content(t, m))
			}
		}()
	}
	for range 2 {
		if text := await(t, "message to the room", got); text != "to the room" {
			t.Errorf("got %q", text)
		}
	}
	accepted[0].CloseNow()
	if room.Len() != 1 || all.Len() != 2 {
		t.Errorf("after CloseNow the room has %d members, all are %d", room.Len(), all.Len())
	}
	if room.Add(accepted[0]) || room.Add(nil) {
		t.Error("Add took a connection that is not open")
	}
	for _, c := range clients {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	waitEmpty(t, &all)
	waitEmpty(t, &room)
}

// TestGroupErrors: bad messages and arguments do nothing, and a Group that has been shut down says so.
func TestGroupErrors(t *testing.T) {
	t.Parallel()
	var group ws.Group
	client := members(t, 1, &group, nil, nil)[0]
	wantException(t, "Send of nil", group.Send(nil), &ws.Exception{Name: "TypeError"})
	wantException(t, "Send of invalid UTF-8", group.Send(ws.Text("\xff")), ws.ErrSyntax)
	wantException(t, "Shutdown with code 1005", group.Shutdown(t.Context(), 1005, ""), ws.ErrInvalidAccess)
	wantException(t, "Shutdown with a long reason", group.Shutdown(t.Context(), 1000, strings.Repeat("x", 124)),
		ws.ErrSyntax)
	//lint:ignore SA1012 the error is what is tested
	wantException(t, "Shutdown without a context", group.Shutdown(nil, 0, ""), &ws.Exception{Name: "TypeError"})
	if err := group.Send(ws.Text("still there")); err != nil {
		t.Fatal(err)
	}
	wantText(t, read(t, client), "still there")
	if err := group.Shutdown(testContext(t), 0, "bye"); err != nil {
		t.Fatal(err)
	}
	if e := wait(t, client); e.Code != ws.StatusGoingAway || e.Reason != "bye" || !e.WasClean {
		t.Errorf("the member ended with %+v", e)
	}
	wantException(t, "Send after Shutdown", group.Send(ws.Text("late")), ws.ErrInvalidState)
	if group.Add(dial(t, wsURL(serveAccept(t, nil).Server), nil)) {
		t.Error("Add after Shutdown returned true")
	}
	if err := group.Shutdown(testContext(t), 0, ""); err != nil {
		t.Errorf("the second Shutdown returned %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := new(ws.Group).Shutdown(ended, 0, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown with an ended context returned %v", err)
	}
}

// TestGroupRefuses: once it is shut down, requests get 503, from Accept and CheckRequest.
func TestGroupRefuses(t *testing.T) {
	t.Parallel()
	var group ws.Group
	if err := group.Shutdown(testContext(t), 0, ""); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		opts := &ws.AcceptOptions{Group: &group}
		refused <- ws.CheckRequest(r, opts)
		_, err := ws.Accept(w, r, opts)
		refused <- err
	}))
	t.Cleanup(server.Close)
	// The second request would be refused anyway, with another status.
	for _, protocols := range [][]string{nil, {"unknown"}} {
		_, err := ws.Dial(testContext(t), wsURL(server), &ws.Options{Protocols: protocols})
		if handshake := new(ws.HandshakeError); !errors.As(err, &handshake) ||
			handshake.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("Dial with protocols %v returned %v", protocols, err)
		}
		for _, by := range []string{"CheckRequest", "Accept"} {
			err := await(t, "refusal", refused)
			if refusal := new(ws.AcceptError); !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable {
				t.Errorf("protocols %v: %s returned %v", protocols, by, err)
			}
		}
	}
}

// TestGroupShutdown: with messages that wait, members that are silent and members that close, and from a handler of a
// member.
func TestGroupShutdown(t *testing.T) {
	t.Parallel()
	t.Run("messages", func(t *testing.T) {
		t.Parallel()
		var group ws.Group
		clients := members(t, 20, &group, nil, nil)
		message := ws.Bytes(pattern(1 << 20))
		ended := make(chan error, 1)
		for range 4 {
			if err := group.Send(message); err != nil {
				t.Fatal(err)
			}
		}
		go func() { ended <- group.Shutdown(testContext(t), 0, "") }()
		for _, c := range clients {
			for range 4 {
				if got := read(t, c).(*ws.ArrayBuffer); got.Len() != len(message) {
					t.Fatalf("got %d bytes", got.Len())
				}
			}
			if e := wait(t, c); e.Code != ws.StatusGoingAway || !e.WasClean {
				t.Errorf("the member ended with %+v", e)
			}
		}
		if err := await(t, "return of Shutdown", ended); err != nil {
			t.Error(err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		var group ws.Group
		server := serveAccept(t, &ws.AcceptOptions{Group: &group})
		openClient(t, server.Server)
		accepted := await(t, "connection", server.conns)
		good := dial(t, wsURL(server.Server), nil)
		await(t, "connection", server.conns)
		ctx, cancel := context.WithCancel(testContext(t))
		ended := make(chan error, 1)
		go func() { ended <- group.Shutdown(ctx, 4000, "stop") }()
		if e := wait(t, good); e.Code != 4000 || e.Reason != "stop" {
			t.Errorf("the good member ended with %+v", e)
		}
		cancel()
		if err := await(t, "return of Shutdown", ended); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown returned %v", err)
		}
		if wait(t, accepted); !errors.Is(accepted.Err(), ws.ErrClosedNow) {
			t.Errorf("the silent member ended with %v", accepted.Err())
		}
		if group.Len() != 0 {
			t.Errorf("%d members are left", group.Len())
		}
	})
	t.Run("context has ended", func(t *testing.T) {
		t.Parallel()
		var group ws.Group
		clients := members(t, 3, &group, nil, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := group.Shutdown(ctx, 0, "late"); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown returned %v", err)
		}
		if group.Len() != 0 {
			t.Errorf("%d members are left", group.Len())
		}
		for _, c := range clients {
			if e := wait(t, c); e.Code != ws.StatusGoingAway || e.Reason != "late" {
				t.Errorf("the client of a member ended with %+v", e)
			}
		}
	})
	t.Run("handler", func(t *testing.T) {
		t.Parallel()
		var group ws.Group
		ended := make(chan error, 1)
		clients := members(t, 3, &group, nil, &ws.AcceptOptions{
			OnMessage: func(*ws.Conn, ws.Message) { ended <- group.Shutdown(testContext(t), 0, "") },
		})
		send(t, clients[0], ws.Text("stop"))
		if err := await(t, "return of Shutdown", ended); err != nil {
			t.Error(err)
		}
		for _, c := range clients {
			if e := wait(t, c); e.Code != ws.StatusGoingAway {
				t.Errorf("a member ended with %+v", e)
			}
		}
	})
	t.Run("client", func(t *testing.T) {
		t.Parallel()
		var group ws.Group
		dialled, accepted := pair(t, nil, nil)
		group.Add(dialled)
		if err := group.Shutdown(testContext(t), 0, ""); err != nil {
			t.Error(err)
		}
		if e := wait(t, accepted); e.Code != ws.StatusNoStatusRcvd {
			t.Errorf("the peer of a member that may not send 1001 ended with %+v", e)
		}
	})
}

// TestGroupShutdownTwice: of several Shutdowns at once, the code and reason of the first go to all members.
func TestGroupShutdownTwice(t *testing.T) {
	t.Parallel()
	for range 10 {
		var group ws.Group
		clients := members(t, 40, &group, nil, nil)
		var running sync.WaitGroup
		begin := make(chan struct{})
		for _, code := range []ws.StatusCode{1001, 1011, 1012, 1013} {
			running.Go(func() {
				<-begin
				if err := group.Shutdown(testContext(t), code, code.String()); err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		running.Wait()
		first := wait(t, clients[0])
		for _, c := range clients {
			if e := wait(t, c); e != first || e.Reason != e.Code.String() {
				t.Fatalf("a member ended with %+v, another with %+v", first, e)
			}
		}
	}
}

// panics is middleware with a defect.
type panics struct{ http.ResponseWriter }

func (panics) Unwrap() http.ResponseWriter { panic(http.ErrAbortHandler) }

// TestGroupPanic: Shutdown does not wait for a connection that Accept was opening when middleware panicked.
func TestGroupPanic(t *testing.T) {
	t.Parallel()
	var group ws.Group
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := ws.Accept(panics{w}, r, &ws.AcceptOptions{Group: &group})
		t.Errorf("Accept returned %v", err)
	}))
	t.Cleanup(server.Close)
	if _, err := ws.Dial(testContext(t), wsURL(server), nil); err == nil {
		t.Error("Dial succeeded")
	}
	if err := group.Shutdown(testContext(t), 0, ""); err != nil {
		t.Error(err)
	}
}

// TestGroupHTTPServer: the two lines of the manual that stop a server.
func TestGroupHTTPServer(t *testing.T) {
	t.Parallel()
	var group ws.Group
	server := serveAccept(t, &ws.AcceptOptions{Group: &group})
	var clients []*ws.Conn
	for range 5 {
		clients = append(clients, dial(t, wsURL(server.Server), nil))
	}
	ctx := testContext(t)
	server.Config.RegisterOnShutdown(func() { go group.Shutdown(ctx, 0, "") })
	if err := errors.Join(server.Config.Shutdown(ctx), group.Shutdown(ctx, 0, "")); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		if e := wait(t, c); e.Code != ws.StatusGoingAway || !e.WasClean {
			t.Errorf("a member ended with %+v", e)
		}
	}
}

// TestGroupAtOnce: members that come, send, close and are cut, while messages go to all and at last Shutdown is called.
// Nobody is left, and no goroutine.
func TestGroupAtOnce(t *testing.T) {
	t.Parallel()
	n := 200
	if testing.Short() {
		n = 50
	}
	var group ws.Group
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = ws.Accept(w, r,
			&ws.AcceptOptions{Group: &group, OnMessage: func(c *ws.Conn, m ws.Message) { _ = group.Send(m) }})
	}))
	t.Cleanup(server.Close)
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			for j := range n {
				c, err := ws.Dial(testContext(t), wsURL(server), nil)
				if err != nil {
					var refusal *ws.HandshakeError
					if !errors.As(err, &refusal) || refusal.StatusCode != http.StatusServiceUnavailable {
						t.Errorf("Dial: %v", err)
					}
					return
				}
				_ = c.Send(ws.Text("to all"))
				switch (i + j) % 3 {
				case 0:
					_ = c.CloseNow()
				case 1:
					_ = c.Shutdown(testContext(t), 1000, "")
				default:
					_, _ = c.Read(testContext(t))
					_ = c.Close()
				}
				if i == 0 && j == n/2 {
					if err := group.Shutdown(testContext(t), 0, ""); err != nil {
						t.Errorf("Shutdown: %v", err)
					}
				}
			}
		})
	}
	for range 4 {
		running.Go(func() {
			for {
				if group.Send(ws.Text("hello")) != nil {
					return
				}
				runtime.Gosched()
			}
		})
	}
	running.Wait()
	if group.Len() != 0 {
		t.Errorf("%d members are left", group.Len())
	}
}

// endsMeanwhile is a context that ends when it has been asked for the first time whether it has.
type endsMeanwhile struct {
	context.Context
	asked bool
}

func (c *endsMeanwhile) Err() error {
	if !c.asked {
		c.asked = true
		return nil
	}
	return c.Context.Err()
}

// TestGroupShutdownEmpty: when nobody is left, it does not matter that the context ends too.
func TestGroupShutdownEmpty(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		if err := new(ws.Group).Shutdown(&endsMeanwhile{Context: ended}, 0, ""); err != nil {
			t.Fatalf("Shutdown of a Group without members: %v", err)
		}
	}
}
