package serving

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// coderServer has one setting: the buffers are net/http's.
type coderServer struct {
	base
	options *websocket.AcceptOptions
	members members[*websocket.Conn]
}

func newCoder(b base) Server {
	options := new(websocket.AcceptOptions)
	if b.Deflate {
		options.CompressionMode = websocket.CompressionNoContextTakeover
	}
	return &coderServer{base: b, options: options}
}

func (s *coderServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, s.options)
	if err != nil {
		return // the client has been told
	}
	if s.Broadcasts {
		s.members.add(conn)
	}
	s.opened()
	if s.InHandler {
		s.echo(conn)
		return
	}
	go s.echo(conn)
}

func (s *coderServer) echo(conn *websocket.Conn) {
	defer s.closed()
	defer conn.CloseNow()
	for {
		kind, data, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		if err := conn.Write(context.Background(), kind, data); err != nil {
			return
		}
	}
}

// Broadcast is a loop: coder/websocket frames and compresses for each connection.
func (s *coderServer) Broadcast(data []byte) error {
	kind := websocket.MessageBinary
	if s.Deflate {
		kind = websocket.MessageText
	}
	s.members.each(func(conn *websocket.Conn) error { return conn.Write(context.Background(), kind, data) })
	return nil
}
