//go:build !js

package token

import (
	"net/http"

	"github.com/seed2c7e30c3/ws"
)

// authorize sends the token as HTTP clients do (RFC 6750, section 2.1).
func authorize(opts *ws.Options, token string) {
	opts.Native.Header = http.Header{"Authorization": {"Bearer " + token}}
}
