// Package handshake makes the opening handshake of a WebSocket. Dial is the client's part (RFC 6455 section 4.1) as
// browsers perform it: from the string given to the constructor to an upgraded stream and what was negotiated for it.
// Accept is the server's (section 4.2), from a request of net/http on.
//
// BlockedPort, ValidProtocol, the errors and how they show URLs exist on every platform, the rest only where there is
// no WebSocket object of a JavaScript host.
package handshake

// ValidProtocol reports whether s may be the name of a subprotocol: not empty, and made of the characters of a
// "token" only (RFC 6455 section 4.1 item 10, by way of RFC 2616 section 2.2), as the constructor of the WHATWG
// WebSockets standard requires for each of its protocols.
func ValidProtocol(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// tokenByte reports whether c is neither a control character, nor a separator, nor outside ASCII.
func tokenByte(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '@', ',', ';', ':', '\\', '"', '/', '[', ']', '?', '=', '{', '}':
		return false
	}
	return c > ' ' && c < 0x7f
}
