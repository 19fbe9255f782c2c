//go:build !js

package room

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/seed2c7e30c3/ws"
)

// Room is an http.Handler: a request with "?name=NAME" opens a WebSocket for somebody in the room.
type Room struct {
	// Origins are the origins of pages that may connect, besides pages of the server's own host: see ws.AcceptOptions.
	Origins []string

	members ws.Group
}

// maxName and maxText are in bytes.
const (
	maxName = 40
	maxText = 4096
)

// ServeHTTP lets somebody in and returns. Everything else happens in the handlers of the connection.
func (r *Room) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	name := strings.TrimSpace(request.URL.Query().Get("name"))
	if name == "" || len(name) > maxName {
		http.Error(w, "a name of at most 40 bytes is needed", http.StatusBadRequest)
		return
	}
	// Ignore the error: the client has been told.
	ws.Accept(w, request, &ws.AcceptOptions{
		Origins:      r.Origins,
		Group:        &r.members,
		MessageLimit: maxText,
		OnOpen:       func(*ws.Conn) { r.send(Message{Text: name + " has joined"}) },
		OnMessage: func(c *ws.Conn, m ws.Message) {
			if text, ok := m.(ws.Text); ok {
				r.send(Message{From: name, Text: string(text)})
			} else {
				c.CloseWith(ws.StatusUnsupportedData, "text, please")
			}
		},
		OnClose: func(*ws.Conn, ws.CloseEvent) { r.send(Message{Text: name + " has left"}) },
	})
}

// send sends m to everybody without waiting: whoever receives too slowly loses the connection. Once the room is closed,
// it does nothing.
func (r *Room) send(m Message) {
	text, _ := json.Marshal(m) // two strings can always be encoded
	r.members.Send(ws.Text(text))
}

// Shutdown closes the room: nobody gets in any more, and everybody gets a Close frame with code 1001. It returns when
// all connections have ended. When ctx ends before, it cuts them off and returns ctx.Err().
func (r *Room) Shutdown(ctx context.Context) error {
	return r.members.Shutdown(ctx, ws.StatusGoingAway, "the room is closed")
}
