package serving

import (
	"context"
	"net/http"

	"github.com/seed2c7e30c3/ws"
)

// wsServer has one setting: an idle connection has no buffers, and one that is busy has large ones.
type wsServer struct {
	base
	options *ws.AcceptOptions
	group   ws.Group
	read    bool // by Read, in a loop
}

func newWS(b base) Server {
	s := &wsServer{base: b}
	s.options = s.acceptOptions()
	if !b.InHandler {
		s.options.OnMessage = func(c *ws.Conn, m ws.Message) { c.Send(m) } // when it fails, OnClose is called
		s.options.OnClose = func(*ws.Conn, ws.CloseEvent) { s.closed() }
	}
	return s
}

// newReadingWS makes a server that reads in a loop.
func newReadingWS(b base) Server {
	s := &wsServer{base: b, read: true}
	s.options = s.acceptOptions()
	return s
}

func (s *wsServer) acceptOptions() *ws.AcceptOptions {
	o := new(ws.AcceptOptions)
	if s.Broadcasts {
		o.Group = &s.group
	}
	return o
}

func (s *wsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := ws.Accept(w, r, s.options)
	if err != nil {
		return // the client has been told
	}
	s.opened()
	switch {
	case s.InHandler:
		s.echo(conn)
	case s.read:
		go s.echo(conn)
	}
}

func (s *wsServer) echo(conn *ws.Conn) {
	defer s.closed()
	defer conn.CloseNow()
	for {
		m, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		if err := conn.Send(m); err != nil {
			return
		}
	}
}

func (s *wsServer) Broadcast(data []byte) error {
	if s.Deflate {
		return s.group.Send(ws.Text(data))
	}
	return s.group.Send(ws.Bytes(data))
}
