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

// Server describes a server that misbehaves, for the page.
type Server struct {
	Scenario string `json:"scenario"`
	Name     string `json:"name"`
	Sentence string `json:"sentence"`
	Limit    int    `json:"limit"` // milliseconds after which the program gives up
	Alike    bool   `json:"alike"` // the recordings of Chromium, Firefox and WebKit are the same
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

// Control is a connection to the server at ControlPath, with the contents of its Hello.
type Control struct {
	*ws.Conn
	Hello     Hello
	JSON      string // the Hello as it came
	Scenarios []*scenario.Scenario
}

// DialControl connects to the server at ControlPath below base, which in a browser may be empty for the page's own.
func DialControl(ctx context.Context, base string) (*Control, error) {
	conn, err := ws.Dial(ctx, ControlPath, &ws.Options{BaseURL: base})
	if err != nil {
		return nil, err
	}
	c := &Control{Conn: conn}
	if err := c.readHello(ctx); err != nil {
		conn.CloseNow()
		return nil, fmt.Errorf("the server's first message: %w", err)
	}
	return c, nil
}

func (c *Control) readHello(ctx context.Context) error {
	m, err := c.Read(ctx)
	if err != nil {
		return err
	}
	text, ok := m.(ws.Text)
	if !ok {
		return fmt.Errorf("it is %s", describe(m))
	}
	c.JSON = string(text)
	if err := json.Unmarshal([]byte(text), &c.Hello); err != nil {
		return err
	}
	c.Scenarios, err = scenario.Decode(c.Hello.Scenarios)
	return err
}
