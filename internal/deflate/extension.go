package deflate

import (
	"errors"
	"strconv"
	"strings"
)

// Offer is the Sec-WebSocket-Extensions value that a client sends, as browsers do.
const Offer = "permessage-deflate; client_max_window_bits"

const (
	minWindowBits = 8
	maxWindowBits = 15
)

// Params are the parameters of permessage-deflate that client and server agreed on (RFC 7692 section 7.1).
type Params struct {
	// ServerNoContextTakeover and ClientNoContextTakeover say that each message of that side is compressed by itself.
	ServerNoContextTakeover, ClientNoContextTakeover bool
	// ServerMaxWindowBits and ClientMaxWindowBits limit the LZ77 window of that side: 8 to 15, for 256 bytes to 32 KiB.
	// Other values, including 0, mean 15.
	ServerMaxWindowBits, ClientMaxWindowBits int
}

// Parse checks the values of the Sec-WebSocket-Extensions headers in a server's response, several headers being one
// list (RFC 6455 section 9.1). offered says whether the request carried Offer. ok says whether permessage-deflate
// is in use.
//
// With an error the handshake has failed. The error is for a value that does not match the grammar (even an empty one),
// an extension other than permessage-deflate, which is compared exactly, or one that was not offered, an extension or a
// parameter twice, and a parameter that is unknown, or has a value that RFC 7692 section 7.1 does not allow in a
// response.
//
// The extensions property of browsers shows the header as it came: strings.Join(values, ", ").
func Parse(values []string, offered bool) (p Params, ok bool, err error) {
	p = Params{ServerMaxWindowBits: maxWindowBits, ClientMaxWindowBits: maxWindowBits}
	for _, value := range values {
		s := extensionScanner{rest: value}
		for {
			name := s.token()
			switch {
			case name == "":
				return Params{}, false, refused(value, s.fault("extension name"))
			case name != "permessage-deflate" || !offered:
				return Params{}, false, refused(value, errors.New(strconv.Quote(name)+" was not offered"))
			case ok:
				return Params{}, false, refused(strings.Join(values, ", "), errors.New(name+" twice"))
			}
			ok = true
			if err := s.params(&p); err != nil {
				return Params{}, false, refused(value, err)
			}
			if s.rest == "" {
				break
			}
			if !s.skip(',') {
				return Params{}, false, refused(value, s.fault("comma"))
			}
		}
	}
	return p, ok, nil
}

// refused returns the error about a list of extensions.
func refused(list string, cause error) error {
	return errors.New("deflate: extensions " + strconv.Quote(list) + ": " + cause.Error())
}

// extensionScanner takes a header value apart. It skips optional whitespace before each piece and after the last.
type extensionScanner struct {
	rest string
}

// params reads the parameters of a permessage-deflate.
func (s *extensionScanner) params(p *Params) error {
	seen := map[string]bool{}
	for s.skip(';') {
		name, value, hasValue, err := s.param()
		if err != nil {
			return err
		}
		if seen[name] {
			return errors.New("parameter " + name + " twice")
		}
		seen[name] = true
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if hasValue {
				return errors.New("parameter " + name + " with value " + strconv.Quote(value))
			}
			if name[0] == 's' {
				p.ServerNoContextTakeover = true
			} else {
				p.ClientNoContextTakeover = true
			}
		case "server_max_window_bits", "client_max_window_bits":
			bits, ok := windowBits(value)
			if !ok {
				return errors.New("parameter " + name + " with value " + strconv.Quote(value) + ", not 8 to 15")
			}
			if name[0] == 's' {
				p.ServerMaxWindowBits = bits
			} else {
				p.ClientMaxWindowBits = bits
			}
		default:
			return errors.New("unknown parameter " + strconv.Quote(name))
		}
	}
	return nil
}

// param reads a parameter of any extension.
func (s *extensionScanner) param() (name, value string, hasValue bool, err error) {
	if name = s.token(); name == "" {
		return "", "", false, s.fault("parameter name")
	}
	if hasValue = s.skip('='); hasValue {
		value, err = s.value()
	}
	return name, value, hasValue, err
}

// windowBits reads a decimal number from 8 to 15 without leading zeros.
func windowBits(s string) (bits int, ok bool) {
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		if s == strconv.Itoa(bits) {
			return bits, true
		}
	}
	return 0, false
}

func (s *extensionScanner) space() { s.rest = strings.TrimLeft(s.rest, " \t") }

func (s *extensionScanner) skip(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	s.space()
	return true
}

// token takes a token (RFC 9110 section 5.6.2), which is empty if there is none.
func (s *extensionScanner) token() string {
	s.space()
	n := 0
	for n < len(s.rest) && isTokenByte(s.rest[n]) {
		n++
	}
	t := s.rest[:n]
	s.rest = s.rest[n:]
	s.space()
	return t
}

// value takes a token, or a quoted string that contains one.
func (s *extensionScanner) value() (string, error) {
	if s.rest == "" || s.rest[0] != '"' {
		if t := s.token(); t != "" {
			return t, nil
		}
		return "", s.fault("parameter value")
	}
	var t []byte
	for i := 1; i < len(s.rest); i++ {
		c := s.rest[i]
		if c == '"' {
			if len(t) == 0 {
				break
			}
			s.rest = s.rest[i+1:]
			s.space()
			return string(t), nil
		}
		if c == '\\' && i+1 < len(s.rest) {
			i++
			c = s.rest[i]
		}
		if !isTokenByte(c) {
			break
		}
		t = append(t, c)
	}
	return "", s.fault("quoted token")
}

func (s *extensionScanner) fault(want string) error {
	if s.rest == "" {
		return errors.New("ends where there should be a " + want)
	}
	return errors.New(strconv.Quote(s.rest) + " where there should be a " + want)
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
