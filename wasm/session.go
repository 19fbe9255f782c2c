//go:build !js

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wasm/demo"
)

// A session is the other half of a page: a native client that does what the page says, and tells the page what
// happened.
type session struct {
	name string
	conn *ws.Conn
	ctx  context.Context // ends with the connection

	mu    sync.Mutex
	plays map[string]context.CancelFunc // ends what misbehaving servers do for the page, by name
}

const (
	fileLimit = 64 << 20 // bytes of a message of the page

	// finishLimit is how long a server may go on when both clients are done: some servers wait for something that never
	// comes.
	finishLimit = 2 * time.Second

	// silentPlay is the name of what the silent server does, which is ended at once.
	silentPlay = "silent"
)

// control serves a session. If the page does not read, the session ends: see AcceptOptions.SendBuffer.
func (s *server) control(w http.ResponseWriter, r *http.Request) {
	conn, err := s.accept(w, r, &ws.AcceptOptions{Compression: ws.CompressContext, MessageLimit: fileLimit})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	one := &session{name: rand.Text(), conn: conn, ctx: ctx, plays: map[string]context.CancelFunc{}}
	s.sessions.add(one)
	defer s.sessions.remove(one)
	one.send(demo.Hello{
		Session:   one.name,
		Title:     "native, " + platform(),
		Scenarios: s.catalogue.raw,
		Servers:   s.catalogue.servers,
	})
	client := demo.NewClient(demo.Native, "http://"+r.Host, s.catalogue.list(), func(r demo.Report) {
		one.send(demo.FromServer{Side: demo.Native, Report: r})
	})
	defer client.End()
	one.read(client)
}

// read does what the page says, until the page is gone.
func (s *session) read(client *demo.Client) {
	var file ws.Message
	for m, err := range s.conn.Messages(s.ctx) {
		if err != nil {
			return
		}
		text, ok := m.(ws.Text)
		if !ok {
			file = m
			continue
		}
		var a demo.Action
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			s.conn.CloseWith(ws.StatusUnsupportedData, "no action")
			return
		}
		if a.Do == demo.Finish {
			s.finish(a.Play)
			continue
		}
		if a.Do == demo.SendFile {
			if a.File, err = ws.NewBlob(a.Type, file); err != nil {
				s.conn.CloseWith(ws.StatusUnsupportedData, "no file before the action")
				return
			}
		}
		file = nil
		client.Do(s.ctx, a)
	}
}

// send sends something to the page. It does not wait; errors are reported by the connection.
func (s *session) send(v any) {
	message, err := json.Marshal(v)
	if err != nil {
		panic(err) // all of these types can be marshalled
	}
	s.conn.Send(ws.Text(message))
}

// finish ends what servers do under names that begin with prefix, unless it ends by itself.
func (s *session) finish(prefix string) {
	limit := finishLimit
	if prefix == silentPlay {
		limit = 0
	}
	time.AfterFunc(limit, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for name, cancel := range s.plays {
			if strings.HasPrefix(name, prefix) {
				cancel()
			}
		}
	})
}

// sessions are the sessions of all pages, by name.
type sessions struct {
	mu     sync.Mutex
	byName map[string]*session
	number int // of the last play
}

func (s *sessions) add(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName == nil {
		s.byName = map[string]*session{}
	}
	s.byName[one.name] = one
}

func (s *sessions) remove(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byName, one.name)
}

func (s *sessions) get(name string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byName[name]
}

// play returns a context for what a server does for a page. It ends with the session, or when the page wants it to.
// Without a session it is the server's own. The caller must call done at the end.
func (s *sessions) play(parent context.Context, session, name string) (ctx context.Context, done context.CancelFunc) {
	one := s.get(session)
	if one == nil {
		return context.WithCancel(parent)
	}
	s.mu.Lock()
	s.number++
	name += "." + strconv.Itoa(s.number) // a page may have several with one name
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(one.ctx)
	one.mu.Lock()
	one.plays[name] = cancel
	one.mu.Unlock()
	return ctx, func() {
		cancel()
		one.mu.Lock()
		delete(one.plays, name)
		one.mu.Unlock()
	}
}

// splitPlay returns the parts of "SESSION.ID.SIDE": the session, and the name of the play in it.
func splitPlay(play string) (session, name string) {
	session, name, _ = strings.Cut(play, ".")
	return session, name
}

// tell sends a page what a server has seen in the play "ID.SIDE".
func (s *sessions) tell(session, name string, wire []string) {
	one := s.get(session)
	number, side, ok := strings.Cut(name, ".")
	id, err := strconv.Atoi(number)
	if one == nil || !ok || err != nil {
		return // nobody wants it
	}
	if len(wire) == 0 {
		wire = []string{"(nothing)"}
	}
	for i, entry := range wire {
		one.send(demo.FromServer{Side: side, Report: demo.Report{Line: &demo.Line{
			ID: id, Row: fmt.Sprintf("%d.%s%d", id, demo.Wire, i), Kind: demo.Wire, Text: entry,
		}}})
	}
}
