package frame

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// noStatus stands for a Close frame without a status code (RFC 6455 section 7.1.5).
const noStatus uint16 = 1005

// ParseClose returns the status code and the reason in the payload of a received Close frame (RFC 6455 section
// 5.5.1). An empty payload gives 1005 and no reason. A payload of one byte, a code that may not appear on the wire
// (below 1000, 1004, 1005, 1006, 1015 to 2999, 5000 and above; section 7.4) or a reason that is not UTF-8 give an
// *Error with code 1002.
func ParseClose(payload []byte) (code uint16, reason string, err error) {
	switch len(payload) {
	case 0:
		return noStatus, "", nil
	case 1:
		return 0, "", protocolError("Close frame with a payload of one byte")
	}
	code = binary.BigEndian.Uint16(payload)
	if !sendable(code) {
		return 0, "", protocolError("Close frame with status code " + strconv.Itoa(int(code)))
	}
	if !utf8.Valid(payload[2:]) {
		return 0, "", protocolError("Close frame with a reason that is not UTF-8")
	}
	return code, string(payload[2:]), nil
}

// AppendClose appends the payload of a Close frame to dst and returns the extended slice. Code 1005 means a Close frame
// without a status code: nothing is appended. The reason must be UTF-8 of at most 123 bytes.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	if code == noStatus {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, reason...)
}

// sendable reports whether a status code may appear in a Close frame (RFC 6455 sections 7.4.1 and 7.4.2, and the IANA
// registry for 1012 to 1014).
func sendable(code uint16) bool {
	switch {
	case code < 1000, code > 4999:
		return false
	case code < 3000:
		return code <= 1014 && (code < 1004 || code > 1006)
	}
	return true
}
