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
	echo    func(*wsServer, *ws.Conn) // the loop that reads; nil with a handler
}

func newWS(b base) Server {
	s := &wsServer{base: b}
	s.options = s.acceptOptions()
	if b.InHandler {
		s.echo = (*wsServer).echoRead
	} else {
		s.options.OnMessage = func(c *ws.Conn, m ws.Message) { c.Send(m) } // when it fails, OnClose is called
		s.options.OnClose = func(*ws.Conn, ws.CloseEvent) { s.closed() }
	}
	return s
}

// newReadingWS makes a server that reads in a loop.
func newReadingWS(b base) Server {
	s := &wsServer{base: b, echo: (*wsServer).echoRead}
	s.options = s.acceptOptions()
	return s
}

// newAppendingWS makes a server that reads in a loop, into memory that it uses again.
func newAppendingWS(b base) Server {
	s := &wsServer{base: b, echo: (*wsServer).echoAppend}
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
		s.echo(s, conn)
	case s.echo != nil:
		go s.echo(s, conn)
	}
}

func (s *wsServer) echoAppend(conn *ws.Conn) {
	defer s.closed()
	defer conn.CloseNow()
	var data []byte
	for {
		var err error
		if data, err = conn.ReadAppend(context.Background(), data[:0]); err != nil {
			return
		}
		var m ws.Message = ws.Bytes(data)
		if s.Deflate {
			m = ws.Text(data)
		}
		if err := conn.Send(m); err != nil {
			return
		}
	}
}

func (s *wsServer) echoRead(conn *ws.Conn) {
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
