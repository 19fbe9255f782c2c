// Package token is the code of docs/authentication.md: a program for both platforms that authenticates with a token.
package token

import "github.com/seed2c7e30c3/ws"

// protocol is the subprotocol that client and server speak. There must be one: see docs/authentication.md.
const protocol = "chat.v1"

// Options returns the options with which ws.Dial opens connections for the user who has the token.
func Options(token string) *ws.Options {
	opts := &ws.Options{Protocols: []string{protocol}}
	authorize(opts, token)
	return opts
}
