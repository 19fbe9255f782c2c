package frame

// Offer is the Sec-WebSocket-Extensions value that a client sends, as browsers do.
const Offer = "permessage-deflate; client_max_window_bits"

// DeflateParams is what client and server agreed about permessage-deflate (RFC 7692 section 7.1).
type DeflateParams struct {
	// ServerNoContextTakeover and ClientNoContextTakeover say that each message of that side is compressed by itself.
	ServerNoContextTakeover, ClientNoContextTakeover bool
	// ServerMaxWindowBits and ClientMaxWindowBits bound the LZ77 window of that side: 8 to 15, for 256 bytes to 32 KiB.
	ServerMaxWindowBits, ClientMaxWindowBits int
}
