// Package coderclient is github.com/coder/websocket as a contestant, on both platforms.
package coderclient

import (
	"context"

	"github.com/coder/websocket"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

func Contestant() *load.Contestant {
	return &load.Contestant{Name: load.Rival, Dial: dial, Takeover: true}
}

type client struct{ conn *websocket.Conn }

func dial(url string, deflate bool, _ load.Callbacks) (load.Client, error) {
	conn, _, err := websocket.Dial(context.Background(), url, options(deflate))
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return client{conn}, nil
}

func (c client) Send(m *load.Message) error {
	kind := websocket.MessageBinary
	if m.IsText() {
		kind = websocket.MessageText
	}
	return c.conn.Write(context.Background(), kind, m.Data)
}

func (c client) Receive() (load.Received, error) {
	_, data, err := c.conn.Read(context.Background())
	return load.Received{Data: data}, err
}
