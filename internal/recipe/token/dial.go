// Package token is the code of docs/authentication.md: a program on both platforms that says by a token who it is.
package token

import (
	"context"

	"github.com/seed2c7e30c3/ws"
)

// protocol is the subprotocol that client and server speak. There must be one: see docs/authentication.md.
const protocol = "chat.v1"

// Dial opens a connection to url for the user whose token that is.
func Dial(ctx context.Context, url, token string) (*ws.Conn, error) {
	opts := &ws.Options{Protocols: []string{protocol}}
	authorize(opts, token)
	return ws.Dial(ctx, url, opts)
}
