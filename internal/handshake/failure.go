package handshake

import (
	"strconv"
	"strings"
)

// StatusError is a response of the server that does not open a WebSocket. The package above has a type of its own for
// programs, with the same fields: see Config.Refused.
type StatusError struct {
	StatusCode int // 101 if the status is right and something else is not
	Header     map[string][]string
	Body       []byte // the first KiB at most
	Cause      error  // what is wrong with a 101; nil if the status says it
}

func (e *StatusError) Error() string {
	if e.Cause != nil {
		return "server's handshake response refused: " + e.Cause.Error()
	}
	s := "server answered " + status(e.StatusCode) + " instead of 101"
	if line := e.line(); line != "" {
		s += ": " + strconv.Quote(line)
	}
	return s
}

// line returns the first line of a body that is plain text or has no type, "" for any other. There servers say why they
// refuse. The body without a type is for example net/http's, when an HTTPS server gets HTTP.
func (e *StatusError) line() string {
	const longest = 200 // bytes
	if kind := e.Header["Content-Type"]; len(kind) > 0 && !strings.HasPrefix(kind[0], "text/plain") {
		return ""
	}
	line, _, _ := strings.Cut(string(e.Body), "\n")
	return strings.TrimSpace(line[:min(len(line), longest)])
}

func (e *StatusError) Unwrap() error { return e.Cause }

// ProxyError is the failure of a proxy. The package above has a type of its own for programs, with the same fields:
// see Config.ProxyFailed.
type ProxyError struct {
	Address    string // host and port
	StatusCode int    // of the answer to CONNECT, 0 if there is none
	Header     map[string][]string
	Cause      error // nil if the status says it
}

func (e *ProxyError) Error() string {
	s := "proxy " + e.Address
	if e.StatusCode != 0 {
		s += " answered " + status(e.StatusCode)
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *ProxyError) Unwrap() error { return e.Cause }

// status returns a status code with its name, if that is known.
func status(code int) string {
	s := strconv.Itoa(code)
	if name := statusText(code); name != "" {
		s += " " + name
	}
	return s
}
