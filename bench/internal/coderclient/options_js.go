package coderclient

import "github.com/coder/websocket"

func options(bool) *websocket.DialOptions { return nil }

// Shut does not use CloseNow, whose code browsers refuse, and does not wait for the server.
func (c client) Shut() { go c.conn.Close(websocket.StatusNormalClosure, "") }
