package ws

import (
	"errors"
	"strconv"

	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// Exception is the error for an argument or a call that the WebSocket standard forbids. The platform calls it a
// DOMException. Name is one of the standard's names.
//
// Compare with errors.Is, which compares names: errors.Is(err, ws.ErrSyntax) holds for every Exception named
// "SyntaxError". Four names have a variable: [ErrSecurity], [ErrSyntax], [ErrInvalidAccess] and [ErrInvalidState]. The
// others are "TypeError" (a nil Message, *Blob, *ArrayBuffer or context; a value that is no Blob or ArrayBuffer),
// "NotSupportedError" (a JavaScript host that has no WebSocket, has no Blob or cannot read one) and the names of
// whatever else the host throws, for example "NotReadableError".
type Exception struct {
	Name    string
	Message string
}

// Error returns the name and the message.
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
	// ErrSecurity means that the URL's port is one that the Fetch standard blocks.
	ErrSecurity error = &Exception{Name: "SecurityError"}

	// ErrSyntax means one of these: the URL does not parse, has a fragment, or has a scheme other than ws, wss, http and
	// https; a subprotocol is not a token or is named twice; a close reason is longer than 123 bytes; text or a close
	// reason is not valid UTF-8.
	ErrSyntax error = &Exception{Name: "SyntaxError"}

	// ErrInvalidAccess means that [Conn.CloseWith] does not take the close code: it is other than 1000 and 3000 to 4999.
	ErrInvalidAccess error = &Exception{Name: "InvalidAccessError"}

	// ErrInvalidState means Send while the connection is not open, or Read on a connection whose messages go to OnMessage.
	ErrInvalidState error = &Exception{Name: "InvalidStateError"}

	// ErrMessageTooBig means that the peer sent a message larger than Options.MessageLimit, which failed the connection.
	// It is the Err of that connection's CloseError.
	ErrMessageTooBig = errors.New("ws: message exceeds the limit")

	// ErrClosedNow means that the program ended the connection with CloseNow, or that the context passed to Dial or
	// Shutdown ended. It is the Err of that connection's CloseError.
	ErrClosedNow = errors.New("ws: ended by CloseNow")
)

// exception makes an Exception for which errors.Is reports kind, one of the variables above. Messages are put together
// without fmt, which makes the smallest program for a browser 13 % larger. Inlining it at every call would add
// 800 bytes.
//
//go:noinline
func exception(kind error, message string) error {
	return &Exception{Name: kind.(*Exception).Name, Message: message}
}

//go:noinline
func typeError(message string) error {
	return &Exception{Name: "TypeError", Message: message}
}

// CloseError is the error of a closed connection: Read, Messages, Drain, Dial and Err return it from then on. It holds
// the close event and, where it is known, the cause.
type CloseError struct {
	CloseEvent

	// Err is the cause: an error of the dialler or of TLS, a *HandshakeError, a *ProxyError, the peer's violation of the
	// protocol, ErrMessageTooBig or ErrClosedNow. After a closing handshake it is nil. Browsers hide the cause: there it
	// is nil, ErrMessageTooBig or ErrClosedNow.
	Err error
}

// Error describes how and why the connection ended.
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

// HandshakeError is a server's response that did not open the connection. Use errors.As to find it in the error of
// [Dial], where it is the Err of the CloseError, and learn why the server refused. The response has a status other than
// 101, which includes redirects, or it is a 101 that breaks the rules of the opening handshake (RFC 6455, section 4.1).
// Browsers hide the response: there no HandshakeError is ever returned.
type HandshakeError struct {
	// StatusCode is the response's status. If it is 101, the status is right and something else is wrong: see Cause.
	StatusCode int

	// Header is the response's header. Names are in the canonical form of net/http: http.Header(e.Header).Get(name) finds
	// a field.
	Header map[string][]string

	// Body has the first 1024 bytes of the response's body, or as many of them as came within a second.
	Body []byte

	// Cause is what is wrong with a 101 response. It is nil if the status already says what is wrong.
	Cause error
}

// Error returns a message with the cause, or with the status and, if the body is plain text or has no type, its first
// line.
func (e *HandshakeError) Error() string { return (*handshake.StatusError)(e).Error() }

// Unwrap returns Cause.
func (e *HandshakeError) Unwrap() error { return e.Cause }

// ProxyError is the error of a proxy that could not be reached or did not connect to the server. Use errors.As to find
// it in the error of [Dial], where it is the Err of the CloseError, whatever the URL's scheme. Browsers hide it: there
// no ProxyError is ever returned.
type ProxyError struct {
	// Address is the proxy's host and port.
	Address string

	// StatusCode is the status with which an HTTP proxy answered CONNECT, for example 407 if it requires credentials.
	// Redirects are not followed. It is 0 if there was no valid answer.
	StatusCode int

	// Header is the header of that answer. Names are in the canonical form of net/http.
	Header map[string][]string

	// Cause is what failed if it is not the status: the connection to the proxy, TLS with it, an answer that is not HTTP,
	// or a function of http.Transport.
	Cause error
}

// Error returns a message with the proxy's address, and the status or the cause.
func (e *ProxyError) Error() string { return (*handshake.ProxyError)(e).Error() }

// Unwrap returns Cause.
func (e *ProxyError) Unwrap() error { return e.Cause }
