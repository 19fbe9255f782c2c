package interop

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/seed2c7e30c3/ws"
)

// serveWS serves by ws.Accept.
func serveWS(w http.ResponseWriter, r *http.Request, h handler) ending {
	options := &ws.AcceptOptions{
		Protocols:    []string{protocol},
		MessageLimit: -1,
		PingInterval: cmp.Or(h.ping, -1),
		Compression:  ws.NoCompression,
	}
	if h.compress {
		options.Compression = ws.CompressContext
	}
	c, err := ws.Accept(w, r, options)
	if err != nil {
		return ending{} // the client has been told
	}
	defer c.CloseNow()
	p := wsPeer{c}
	h.opened(p)
	for {
		m, err := c.Read(context.Background())
		switch m := m.(type) {
		case ws.Text:
			h.message(p, true, []byte(m))
		case *ws.ArrayBuffer:
			h.message(p, false, m.Bytes())
		}
		var closed *ws.CloseError
		switch {
		case errors.As(err, &closed) && closed.WasClean:
			return ending{int(closed.Code), closed.Reason}
		case err != nil:
			return ending{}
		}
	}
}

type wsPeer struct{ conn *ws.Conn }

func (p wsPeer) send(text bool, data []byte) error {
	if text {
		return p.conn.Send(ws.Text(data))
	}
	return p.conn.Send(ws.Bytes(data))
}

func (p wsPeer) close(code int, reason string) {
	_ = p.conn.CloseWith(ws.StatusCode(code), reason) // the client sees what comes of it
}

func (p wsPeer) cut() { p.conn.CloseNow() }
