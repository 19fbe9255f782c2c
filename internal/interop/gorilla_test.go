package interop

import (
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// serveGorilla serves by github.com/gorilla/websocket.
func serveGorilla(w http.ResponseWriter, r *http.Request, h handler) ending {
	upgrader := &websocket.Upgrader{Subprotocols: []string{protocol}, EnableCompression: h.compress}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return ending{} // the client has been told
	}
	defer conn.Close()
	p := gorillaPeer{conn}
	h.opened(p)
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
				return ending{closed.Code, closed.Text}
			}
			return ending{}
		}
		h.message(p, kind == websocket.TextMessage, data)
	}
}

type gorillaPeer struct{ conn *websocket.Conn }

func (p gorillaPeer) send(text bool, data []byte) error {
	kind := websocket.BinaryMessage
	if text {
		kind = websocket.TextMessage
	}
	return p.conn.WriteMessage(kind, data)
}

func (p gorillaPeer) close(code int, reason string) {
	// The client sees what comes of it.
	_ = p.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(limit))
}

func (p gorillaPeer) cut() { _ = p.conn.NetConn().Close() }
