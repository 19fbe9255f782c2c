package token

import (
	"encoding/base64"

	"github.com/seed2c7e30c3/ws"
)

// authorize offers the token as a subprotocol, the only thing that a page may add to an opening handshake. In base64url
// the token has only characters that are allowed in the name of a subprotocol.
func authorize(opts *ws.Options, token string) {
	opts.Protocols = append(opts.Protocols, "bearer."+base64.RawURLEncoding.EncodeToString([]byte(token)))
}
