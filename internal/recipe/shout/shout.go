// Package shout is the code of docs/testing.md: a server that answers in capitals, and its tests.
package shout

import (
	"context"
	"strings"

	"github.com/seed2c7e30c3/ws"
)

// Serve answers texts until the client closes the connection.
func Serve(ctx context.Context, c *ws.Conn) error {
	for {
		text, err := c.ReadText(ctx)
		if err != nil {
			return err
		}
		if err := c.Send(ws.Text(strings.ToUpper(text))); err != nil {
			return err
		}
	}
}
