package ws

import "strconv"

// ReadyState is the state of a connection (WHATWG WebSockets, section 3.1).
type ReadyState uint16

// The states, with the values of the standard.
const (
	Connecting ReadyState = 0 // the connection has not yet been established
	Open       ReadyState = 1 // messages can be sent and received
	Closing    ReadyState = 2 // the closing handshake has begun, or Close was called
	Closed     ReadyState = 3 // the connection is closed or could not be opened
)

// String returns the standard's name of the state, for example "OPEN".
func (s ReadyState) String() string {
	switch s {
	case Connecting:
		return "CONNECTING"
	case Open:
		return "OPEN"
	case Closing:
		return "CLOSING"
	case Closed:
		return "CLOSED"
	}
	return "ReadyState(" + strconv.Itoa(int(s)) + ")"
}

// CloseEvent describes how a connection ended (WHATWG WebSockets, section 6).
type CloseEvent struct {
	// Code is the status code of the peer's Close frame. It is StatusNoStatusRcvd if that frame had no code, and
	// StatusAbnormalClosure if no Close frame came.
	Code StatusCode

	// Reason is the text of the peer's Close frame, at most 123 bytes.
	Reason string

	// WasClean reports whether both sides sent a Close frame.
	WasClean bool
}

// StatusCode is a WebSocket close code (RFC 6455, section 7.4). [Conn.CloseWith] takes StatusNormalClosure and 3000 to
// 4999. The other codes are for the protocol itself and for servers.
type StatusCode uint16

// The registered codes (RFC 6455, section 7.4.1, and the IANA registry).
const (
	StatusNormalClosure           StatusCode = 1000
	StatusGoingAway               StatusCode = 1001
	StatusProtocolError           StatusCode = 1002
	StatusUnsupportedData         StatusCode = 1003
	StatusNoStatusRcvd            StatusCode = 1005 // never on the wire: the Close frame had no code
	StatusAbnormalClosure         StatusCode = 1006 // never on the wire: there was no Close frame
	StatusInvalidFramePayloadData StatusCode = 1007
	StatusPolicyViolation         StatusCode = 1008
	StatusMessageTooBig           StatusCode = 1009
	StatusMandatoryExtension      StatusCode = 1010
	StatusInternalError           StatusCode = 1011
	StatusServiceRestart          StatusCode = 1012
	StatusTryAgainLater           StatusCode = 1013
	StatusBadGateway              StatusCode = 1014
	StatusTLSHandshake            StatusCode = 1015 // never on the wire
)

// String returns the constant's name for registered codes and "StatusCode(N)" for the others.
func (c StatusCode) String() string {
	switch c {
	case StatusNormalClosure:
		return "StatusNormalClosure"
	case StatusGoingAway:
		return "StatusGoingAway"
	case StatusProtocolError:
		return "StatusProtocolError"
	case StatusUnsupportedData:
		return "StatusUnsupportedData"
	case StatusNoStatusRcvd:
		return "StatusNoStatusRcvd"
	case StatusAbnormalClosure:
		return "StatusAbnormalClosure"
	case StatusInvalidFramePayloadData:
		return "StatusInvalidFramePayloadData"
	case StatusPolicyViolation:
		return "StatusPolicyViolation"
	case StatusMessageTooBig:
		return "StatusMessageTooBig"
	case StatusMandatoryExtension:
		return "StatusMandatoryExtension"
	case StatusInternalError:
		return "StatusInternalError"
	case StatusServiceRestart:
		return "StatusServiceRestart"
	case StatusTryAgainLater:
		return "StatusTryAgainLater"
	case StatusBadGateway:
		return "StatusBadGateway"
	case StatusTLSHandshake:
		return "StatusTLSHandshake"
	}
	return "StatusCode(" + strconv.Itoa(int(c)) + ")"
}
