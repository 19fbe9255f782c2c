//go:build !js

package handshake

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// negotiated is what the server has chosen in a handshake response.
type negotiated struct {
	protocol   string
	extensions string
	deflate    deflate.Params
	deflated   bool
}

// check checks a response as browsers do (RFC 6455 section 4.1, WHATWG WebSockets "establish a WebSocket
// connection"), except for the value of Sec-WebSocket-Accept, which coder/websocket compares. It is stricter than
// coder/websocket where browsers are (in parentheses, names of recorded scenarios):
//   - HTTP/1.0 cannot switch protocols (h-status-http10);
//   - Upgrade is one value, not a list (h-upgrade-list);
//   - no field that has one value may be repeated (h-proto-two-headers-same);
//   - a subprotocol was asked for and must be there (h-proto-none), and compares case-sensitively;
//   - extensions are parsed by their grammar (h-ext-empty, h-ext-garbage, h-ext-smwb-7 and others).
func check(resp *http.Response, protocols []string, compression bool) (negotiated, error) {
	var n negotiated
	if !resp.ProtoAtLeast(1, 1) {
		return n, fmt.Errorf("%s cannot switch protocols", resp.Proto)
	}
	upgrade, err := single(resp.Header, "Upgrade")
	if err != nil {
		return n, err
	}
	if asciiLower(upgrade) != "websocket" {
		return n, fmt.Errorf(`Upgrade is %q, not "websocket"`, upgrade)
	}
	if connection := resp.Header["Connection"]; !containsToken(connection, "upgrade") {
		if len(connection) == 0 && resp.Close {
			// net/http has removed it: only transport leaves it there.
			return n, errors.New(`Connection contains "close", and the RoundTripper does not tell whether "Upgrade" too`)
		}
		return n, fmt.Errorf(`Connection is %q and does not contain "Upgrade"`, connection)
	}
	if _, err := single(resp.Header, "Sec-WebSocket-Accept"); err != nil {
		return n, err
	}
	if n.protocol, err = subprotocol(resp.Header, protocols); err != nil {
		return n, err
	}
	values := resp.Header.Values("Sec-WebSocket-Extensions")
	n.extensions = strings.Join(values, ", ")
	n.deflate, n.deflated, err = deflate.Parse(values, compression)
	if err == nil && len(values) > 0 && !n.deflated {
		err = fmt.Errorf("Sec-WebSocket-Extensions is %q, an empty list", n.extensions)
	}
	return n, err
}

// single returns the value of a field that must occur once.
func single(h http.Header, name string) (string, error) {
	switch values := h.Values(name); len(values) {
	case 0:
		return "", fmt.Errorf("%s is missing", name)
	case 1:
		return values[0], nil
	default:
		return "", fmt.Errorf("%s is repeated: %q", name, values)
	}
}

// subprotocol returns the subprotocol that the server chose: one of protocols, or "" if there are none.
func subprotocol(h http.Header, protocols []string) (string, error) {
	const name = "Sec-WebSocket-Protocol"
	if len(protocols) == 0 {
		if values := h.Values(name); len(values) > 0 {
			return "", fmt.Errorf("%s is %q though no subprotocol was requested", name, values)
		}
		return "", nil
	}
	protocol, err := single(h, name)
	if err != nil {
		return "", err
	}
	if !slices.Contains(protocols, protocol) {
		return "", fmt.Errorf("%s is %q, which was not requested: %q", name, protocol, protocols)
	}
	return protocol, nil
}

// containsToken reports whether token, in lower case, is an element of the lists in values, in any case of ASCII.
func containsToken(values []string, token string) bool {
	for _, list := range values {
		for element := range strings.SplitSeq(list, ",") {
			if asciiLower(strings.Trim(element, " \t")) == token {
				return true
			}
		}
	}
	return false
}
