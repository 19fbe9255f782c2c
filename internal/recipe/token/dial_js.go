package token

import (
	"encoding/base64"

	"github.com/seed2c7e30c3/ws"
)

// authorize offers the token as a subprotocol, which is all that a page may say in an opening handshake. In base64url
// it has no character that the name of a subprotocol must not have.
func authorize(opts *ws.Options, token string) {
	opts.Protocols = append(opts.Protocols, "bearer."+base64.RawURLEncoding.EncodeToString([]byte(token)))
}
