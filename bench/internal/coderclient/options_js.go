package coderclient

import "github.com/coder/websocket"

func options(bool) *websocket.DialOptions { return nil }

// Shut does not wait for the server, and does not use CloseNow, because browsers refuse its code.
func (c client) Shut() { go c.conn.Close(websocket.StatusNormalClosure, "") }
