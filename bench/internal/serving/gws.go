package serving

import (
	"net/http"

	"github.com/lxzan/gws"
)

type gwsServer struct {
	gws.BuiltinEventHandler
	base
	upgrader *gws.Upgrader
	members  members[*gws.Conn]
}

// newGWS reads with a buffer of 4 KiB or, to be small, of 1 KiB.
func newGWS(b base) Server {
	s := &gwsServer{base: b}
	options := &gws.ServerOption{PermessageDeflate: gws.PermessageDeflate{Enabled: b.Deflate}}
	if b.Setting == Small {
		options.ReadBufferSize = 1 << 10
	}
	s.upgrader = gws.NewUpgrader(s, options)
	return s
}

func (s *gwsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		return // the client has been told
	}
	if s.Broadcasts {
		s.members.add(conn)
	}
	s.opened()
	if s.InHandler {
		conn.ReadLoop()
		return
	}
	go conn.ReadLoop()
}

// OnMessage echoes without a copy: gws lends the message until its Close.
func (s *gwsServer) OnMessage(conn *gws.Conn, m *gws.Message) {
	conn.WriteMessage(m.Opcode, m.Bytes()) // when it fails, OnClose is called
	m.Close()
}

func (s *gwsServer) OnClose(*gws.Conn, error) { s.closed() }

// Broadcast leaves the writing to goroutines of gws.
func (s *gwsServer) Broadcast(data []byte) error {
	opcode := gws.OpcodeBinary
	if s.Deflate {
		opcode = gws.OpcodeText
	}
	b := gws.NewBroadcaster(opcode, data)
	s.members.each(b.Broadcast)
	return b.Close()
}
