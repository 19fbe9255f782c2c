package frame

import "strconv"

// Status codes that say in a Close frame why an endpoint fails the connection (RFC 6455 section 7.4.1).
const (
	ProtocolError   uint16 = 1002
	InvalidPayload  uint16 = 1007
	PolicyViolation uint16 = 1008
	MessageTooBig   uint16 = 1009
)

// Error is a violation of the protocol by the peer, for which the connection must be failed.
type Error struct {
	// Code is the status code to send in the Close frame.
	Code uint16
	// Reason names the offending input. It is UTF-8 of at most 123 bytes, so it fits a Close frame.
	Reason string
}

// ErrTooBig is matched, with errors.Is, by the error about a message that exceeds the Reader's limit.
var ErrTooBig error = &Error{Code: MessageTooBig, Reason: "message too big"}

func (e *Error) Error() string {
	return "frame: " + e.Reason + " (" + strconv.Itoa(int(e.Code)) + ")"
}

// Is reports whether target is an *Error with the same code, whatever its reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

func protocolError(reason string) error { return &Error{Code: ProtocolError, Reason: reason} }

func tooBig(limit int64) error {
	return &Error{Code: MessageTooBig, Reason: "message exceeds the limit of " + strconv.FormatInt(limit, 10) + " bytes"}
}
