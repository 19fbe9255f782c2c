// Package testserver has the servers that the tests talk to, natively and from a browser.
//
// The server's URL answers WebSocket handshakes by Accept, so that the module's two ends meet. Those below /coder are
// answered by github.com/coder/websocket, an implementation that shares no code with this module's:
//
//	/echo?compress=1&protocols=a,b&limit=N
//	                                 sends every message back; with compress, messages refer to earlier ones; one that is
//	                                 longer than limit ends the connection
//	/coder/echo?compress=1&protocols=a,b
//	                                 the same, without limit
//	/close?code=4123&reason=bye&messages=3
//	                                 sends "message 0" ... and closes; without code the Close frame is empty
//	/flood?n=10000&size=16&binary=1  sends n messages: their number, filled with dots to size
//	/count                           answers each text "?" with the [Counted] of the messages before it, in JSON
//	/coder/throttle?rate=N           receives N bytes a second
//	/status?code=404&size=N          answers without WebSocket: N bytes of body, a header X-Test, and for 3xx a Location
//	/token                           greets who has one of two tokens: internal/recipe/token
//	/peer                            (plain HTTP) starts a [Peer], which the caller controls step by step
//
// Plain answers carry CORS headers, so that pages from anywhere can read them.
package testserver

import (
	"strconv"
	"time"
)

// Peer is the answer of /peer: a separate server for the caller. It runs on raw TCP, so that it can misbehave, and does
// nothing unless it is told to. On Linux it has a loopback address of its own, because browsers open one connection at
// a time to an address.
//
// It is controlled by GET requests below Control. n is the number of a TCP connection, from 0 in the order in which
// they were accepted. An operation waits at most [Wait]; then the answer is 504.
//
//	/request?conn=n   waits for the connection and its request; answers a [Request]
//	/accept?conn=n&protocol=p&extensions=e
//	                  waits likewise and answers the handshake; answers the [Request]
//	/write?conn=n&text=T or &hex=H
//	                  writes bytes. In a text {ACCEPT} is the value of the request's Sec-WebSocket-Accept
//	/frame?conn=n&first=H&hex=H&repeat=N
//	                  writes a frame: its first byte, and its payload N times what hex says
//	/next?conn=n      reads; answers the next [Frame] that the client sent, or the end of TCP
//	/message?conn=n   likewise, the fragments of a message put together
//	/end?conn=n&how=fin|close|reset
//	                  ends the sending direction, or the connection
//	/stop             ends the peer, its connections included
type Peer struct {
	URL     string `json:"url"` // ws://...
	Control string `json:"control"`
}

// Request is what the client asked for.
type Request struct {
	Line   string              `json:"line"`
	Header map[string][]string `json:"header"`
}

// Frame is one frame of the client, unmasked, or the end of what it sent.
type Frame struct {
	First   byte   `json:"first"`             // FIN, RSV1 to RSV3 and the opcode
	Length  int    `json:"length"`            // of the payload
	Payload []byte `json:"payload,omitempty"` // at most its first KiB
	End     string `json:"end,omitempty"`     // "FIN" or "RST": there is no frame
}

// Wait is how long an operation of a [Peer] may take.
const Wait = 25 * time.Second

// Counted is the answer of /count.
type Counted struct {
	Texts    int    `json:"texts"`
	Binaries int    `json:"binaries"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"` // of the contents of all messages, one after another
}

// Numbered is message i of /flood: its number, filled with dots to size bytes.
func Numbered(i, size int) []byte {
	b := strconv.AppendInt(make([]byte, 0, size), int64(i), 10)
	for len(b) < size {
		b = append(b, '.')
	}
	return b
}
