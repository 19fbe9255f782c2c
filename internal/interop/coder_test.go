package interop

import (
	"context"
	"errors"
	"net/http"

	"github.com/coder/websocket"
)

// serveCoder serves by github.com/coder/websocket.
func serveCoder(w http.ResponseWriter, r *http.Request, h handler) ending {
	options := &websocket.AcceptOptions{
		Subprotocols:    []string{protocol},
		CompressionMode: websocket.CompressionDisabled,
	}
	if h.compress {
		options.CompressionMode = websocket.CompressionContextTakeover
	}
	conn, err := websocket.Accept(w, r, options)
	if err != nil {
		return ending{} // the client has been told
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	p := coderPeer{conn}
	h.opened(p)
	for {
		kind, data, err := conn.Read(context.Background())
		if err != nil {
			var closed websocket.CloseError
			errors.As(err, &closed)
			return ending{int(closed.Code), closed.Reason}
		}
		h.message(p, kind == websocket.MessageText, data)
	}
}

type coderPeer struct{ conn *websocket.Conn }

func (p coderPeer) send(text bool, data []byte) error {
	kind := websocket.MessageBinary
	if text {
		kind = websocket.MessageText
	}
	return p.conn.Write(context.Background(), kind, data)
}

func (p coderPeer) close(code int, reason string) {
	_ = p.conn.Close(websocket.StatusCode(code), reason) // the client sees what comes of it
}

func (p coderPeer) cut() { _ = p.conn.CloseNow() }
