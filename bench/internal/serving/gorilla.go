package serving

import (
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

type gorillaServer struct {
	base
	upgrader websocket.Upgrader
	members  members[*websocket.Conn]
}

// newGorilla uses net/http's buffers of 4 KiB, or, to be small, one of 1 KiB for reading and a pool for writing.
func newGorilla(b base) Server {
	s := &gorillaServer{base: b, upgrader: websocket.Upgrader{EnableCompression: b.Deflate}}
	if b.Setting == Small {
		s.upgrader.ReadBufferSize = 1 << 10
		s.upgrader.WriteBufferSize = 1 << 10
		s.upgrader.WriteBufferPool = new(sync.Pool)
	}
	return s
}

func (s *gorillaServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := s.upgrader.Upgrade(w, r, nil)
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

func (s *gorillaServer) echo(conn *websocket.Conn) {
	defer s.closed()
	defer conn.Close()
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, data); err != nil {
			return
		}
	}
}

func (s *gorillaServer) Broadcast(data []byte) error {
	kind := websocket.BinaryMessage
	if s.Deflate {
		kind = websocket.TextMessage
	}
	message, err := websocket.NewPreparedMessage(kind, data)
	if err != nil {
		return err
	}
	s.members.each(func(conn *websocket.Conn) error { return conn.WritePreparedMessage(message) })
	return nil
}
