package interop

import (
	"errors"
	"net/http"

	"github.com/lxzan/gws"
)

// serveGWS serves by github.com/lxzan/gws.
func serveGWS(w http.ResponseWriter, r *http.Request, h handler) ending {
	events := &gwsEvents{handler: h}
	var protocols []string
	if r.Header.Get("Sec-WebSocket-Protocol") != "" { // with some, it refuses clients that offer none
		protocols = []string{protocol}
	}
	upgrader := gws.NewUpgrader(events, &gws.ServerOption{
		SubProtocols:        protocols,
		ReadMaxPayloadSize:  64 << 20,
		WriteMaxPayloadSize: 64 << 20,
		CheckUtf8Enabled:    true,
		PermessageDeflate: gws.PermessageDeflate{
			Enabled: h.compress, ServerContextTakeover: true, ClientContextTakeover: true,
		},
	})
	conn, err := upgrader.Upgrade(w, r)
	if err != nil {
		return ending{} // the client has been told
	}
	conn.ReadLoop()
	return events.end
}

type gwsEvents struct {
	handler
	end ending
}

func (e *gwsEvents) OnOpen(conn *gws.Conn)                 { e.opened(gwsPeer{conn}) }
func (e *gwsEvents) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }
func (e *gwsEvents) OnPong(*gws.Conn, []byte)              {}

func (e *gwsEvents) OnMessage(conn *gws.Conn, m *gws.Message) {
	defer m.Close()
	e.message(gwsPeer{conn}, m.Opcode == gws.OpcodeText, m.Bytes())
}

func (e *gwsEvents) OnClose(_ *gws.Conn, err error) {
	var closed *gws.CloseError
	if errors.As(err, &closed) {
		e.end = ending{int(closed.Code), string(closed.Reason)}
	}
}

type gwsPeer struct{ conn *gws.Conn }

func (p gwsPeer) send(text bool, data []byte) error {
	opcode := gws.OpcodeBinary
	if text {
		opcode = gws.OpcodeText
	}
	return p.conn.WriteMessage(opcode, data)
}

func (p gwsPeer) close(code int, reason string) {
	_ = p.conn.WriteClose(uint16(code), []byte(reason)) // the client sees what comes of it
}

func (p gwsPeer) cut() { _ = p.conn.NetConn().Close() }
