// Package token is the code of docs/authentication.md: a program on both platforms that says by a token who it is.
package token

import "github.com/seed2c7e30c3/ws"

// protocol is the subprotocol that client and server speak. There must be one: see docs/authentication.md.
const protocol = "chat.v1"

// Options are what ws.Dial takes to open connections for the user whose token that is.
func Options(token string) *ws.Options {
	opts := &ws.Options{Protocols: []string{protocol}}
	authorize(opts, token)
	return opts
}
