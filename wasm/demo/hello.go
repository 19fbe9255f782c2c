package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// Hello is the first message of the server at ControlPath. The page sends it each Action after that, in JSON, a
// File before it as a binary message; the server answers with what its own client reports, as [FromServer].
type Hello struct {
	Session   string          `json:"session"` // a name; paths may need it
	Title     string          `json:"title"`   // what the native client runs on
	Scenarios json.RawMessage `json:"scenarios"`
	Servers   []Server        `json:"servers"`
}

// Server is a server that misbehaves, for people.
type Server struct {
	Scenario string `json:"scenario"`
	Name     string `json:"name"`
	Sentence string `json:"sentence"`
	Limit    int    `json:"limit"` // milliseconds after which the program gives up
	Alike    bool   `json:"alike"` // Chromium, Firefox and WebKit were recorded to do the same
}

// FromServer is what the server sends to a page after its Hello.
type FromServer struct {
	Side string `json:"side"` // whose report it is; the server reports what it has seen of the browser, too
	Report
}

// The two sides.
const (
	Browser = "browser"
	Native  = "native"
)

// DialControl connects to the server at ControlPath and returns its Hello, also as it came, and the scenarios in it.
func DialControl(ctx context.Context, base string) (c *ws.Conn, hello Hello, raw string, list []*scenario.Scenario, err error) {
	c, err = ws.Dial(ctx, ControlPath, &ws.Options{BaseURL: base})
	if err != nil {
		return nil, Hello{}, "", nil, err
	}
	m, err := c.Read(ctx)
	if err == nil {
		text, _ := m.(ws.Text)
		raw = string(text)
		err = json.Unmarshal([]byte(raw), &hello)
	}
	if err == nil {
		list, err = scenario.Decode(hello.Scenarios)
	}
	if err != nil {
		c.CloseNow()
		return nil, Hello{}, "", nil, fmt.Errorf("the server's first message: %w", err)
	}
	return c, hello, raw, list, nil
}
