//go:build !js

package handshake

import (
	"fmt"

	"github.com/seed2c7e30c3/ws/internal/frame"
)

// parseExtensions reads the values of Sec-WebSocket-Extensions in a response.
func parseExtensions(values []string, offered bool) (frame.DeflateParams, bool, error) {
	p := frame.DeflateParams{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}
	switch {
	case len(values) == 0:
		return p, false, nil
	case offered && len(values) == 1 && values[0] == "permessage-deflate":
		return p, true, nil
	}
	return p, false, fmt.Errorf("Sec-WebSocket-Extensions is %q", values)
}
