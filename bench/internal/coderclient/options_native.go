//go:build !js

package coderclient

import "github.com/coder/websocket"

func options(deflate bool) *websocket.DialOptions {
	if deflate {
		return &websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover}
	}
	return nil
}

func (c client) Shut() { c.conn.CloseNow() }
