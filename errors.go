package ws

import (
	"errors"
	"strconv"

	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// Exception is what the platform calls a DOMException: an argument or a call that the WebSocket standard forbids.
// Its Name is one of the standard's names.
//
// errors.Is compares names, so errors.Is(err, ws.ErrSyntax) holds for every Exception named "SyntaxError". Besides
// the four names that have a variable below there are "TypeError" (a nil Message, *Blob, *ArrayBuffer or context; a
// value that is no Blob or ArrayBuffer), "NotSupportedError" (a JavaScript host that has no WebSocket, no Blob or
// cannot read one) and the names of what else the host throws, for example "NotReadableError".
type Exception struct {
	Name    string
	Message string
}

// Error returns name and message.
func (e *Exception) Error() string {
	if e.Message == "" {
		return "ws: " + e.Name
	}
	return "ws: " + e.Name + ": " + e.Message
}

// Is reports whether target is an *Exception of the same name.
func (e *Exception) Is(target error) bool {
	t, ok := target.(*Exception)
	return ok && t != nil && t.Name == e.Name
}

// The errors of the WebSocket interface, for use with errors.Is.
var (
	// ErrSecurity: the URL's port is one that Fetch blocks.
	ErrSecurity error = &Exception{Name: "SecurityError"}

	// ErrSyntax: the URL does not parse, has a fragment or another scheme than ws, wss, http and https; a subprotocol
	// is no token or named twice; a close reason is longer than 123 bytes; text or a close reason is not valid UTF-8.
	ErrSyntax error = &Exception{Name: "SyntaxError"}

	// ErrInvalidAccess: a close code that [Conn.CloseWith] does not take: other than 1000 and 3000 to 4999.
	ErrInvalidAccess error = &Exception{Name: "InvalidAccessError"}

	// ErrInvalidState: Send while the connection is not open, or Read of a connection whose messages go to OnMessage.
	ErrInvalidState error = &Exception{Name: "InvalidStateError"}

	// ErrMessageTooBig: the peer sent a message larger than Options.MessageLimit, which failed the connection. It is
	// the Err of that connection's CloseError.
	ErrMessageTooBig = errors.New("ws: message exceeds the limit")

	// ErrClosedNow: the program has ended the connection by CloseNow, or by the end of a context that Dial or Shutdown
	// had. It is the Err of that connection's CloseError.
	ErrClosedNow = errors.New("ws: ended by CloseNow")
)

// exception makes an Exception that is errors.Is kind, which is one of the variables above. Messages are put
// together without fmt, which makes the smallest program for a browser 13 % larger; inlined at every place, this
// would add 800 bytes.
//
//go:noinline
func exception(kind error, message string) error {
	return &Exception{Name: kind.(*Exception).Name, Message: message}
}

//go:noinline
func typeError(message string) error {
	return &Exception{Name: "TypeError", Message: message}
}

// CloseError is the error of a connection that is closed: what Read, Messages, Drain, Dial and Err return from then on.
// It holds the close event and, where it is known, the cause.
type CloseError struct {
	CloseEvent

	// Err is the cause: the dialler's or TLS's error, a *HandshakeError, a *ProxyError, what the peer did wrong,
	// ErrMessageTooBig, ErrClosedNow. It is nil after a closing handshake. Browsers hide the cause: there it is nil,
	// ErrMessageTooBig or ErrClosedNow.
	Err error
}

// Error says how the connection ended and why.
func (e *CloseError) Error() string {
	s := "ws: closed with " + strconv.Itoa(int(e.Code))
	if e.Reason != "" {
		s += " " + strconv.Quote(e.Reason)
	}
	if !e.WasClean {
		s += ", not cleanly"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *CloseError) Unwrap() error { return e.Err }

// HandshakeError is a response of the server that did not open the connection: any status but 101, redirects
// included, or a 101 that breaks the rules of the opening handshake (RFC 6455, section 4.1). It is in the Err of a
// CloseError, for errors.As. Browsers hide the response: there no HandshakeError is ever returned.
type HandshakeError struct {
	// StatusCode is the response's status. With 101 the status is right and something else is wrong: see Cause.
	StatusCode int

	// Header is the response's header. Names are in the canonical form of net/http: http.Header(e.Header).Get(name)
	// finds a field.
	Header map[string][]string

	// Body has the first 1024 bytes of the response's body, or what of them came within a second.
	Body []byte

	// Cause is what is wrong with a 101. It is nil if the status says what is wrong.
	Cause error
}

// Error names the status and, if the body is plain text or has no type, its first line; or the
// cause.
func (e *HandshakeError) Error() string { return (*handshake.StatusError)(e).Error() }

// Unwrap returns Cause.
func (e *HandshakeError) Unwrap() error { return e.Cause }

// ProxyError is the failure of a proxy: it could not be reached, or did not connect to the server. It is in the Err
// of a CloseError, for errors.As, whatever the URL's scheme. Browsers hide it: there no ProxyError is ever returned.
type ProxyError struct {
	// Address is the proxy's host and port.
	Address string

	// StatusCode is the status with which an HTTP proxy answered CONNECT, for example 407 if it wants credentials. A
	// redirect is not followed. It is 0 if there was no valid answer.
	StatusCode int

	// Header is the header of that answer. Names are in the canonical form of net/http.
	Header map[string][]string

	// Cause is what failed if it is not the status: the connection to the proxy, TLS with it, an answer that is not
	// HTTP, a function of http.Transport.
	Cause error
}

// Error names the proxy, and the status or the cause.
func (e *ProxyError) Error() string { return (*handshake.ProxyError)(e).Error() }

// Unwrap returns Cause.
func (e *ProxyError) Unwrap() error { return e.Cause }
