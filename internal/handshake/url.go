//go:build !js

package handshake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	parsererrors "github.com/nlnwa/whatwg-url/errors"
	whatwg "github.com/nlnwa/whatwg-url/url"
)

// URL is the address of a WebSocket, parsed as the constructor of the WHATWG WebSockets standard does.
type URL struct {
	Href     string // the serialisation: what WebSocket.url shows
	Secure   bool   // wss
	Host     string // host, and port unless it is the default of the scheme: the Host header
	Target   string // path and query as they are serialised: the request target
	Username string // percent-decoded
	Password string // percent-decoded

	port uint16
}

// Port returns the port to connect to: the one in the URL, or the default of the scheme, 80 or 443.
func (u *URL) Port() uint16 { return u.port }

// Origin returns the URL without credentials, path and query, for use in errors.
func (u *URL) Origin() string {
	if u.Secure {
		return "wss://" + u.Host
	}
	return "ws://" + u.Host
}

// ParseURL does the URL part of `new WebSocket(raw)` (WHATWG WebSockets 3.1, on top of the URL standard) with base as
// the document's base URL; with "", raw must be absolute. http and https become ws and wss. Any other scheme is an
// error, and so are any fragment, even an empty one, and whatever the URL standard cannot parse. Every error
// is a SyntaxError of the standard. What is not UTF-8 in raw becomes U+FFFD.
//
// Where browsers differ, the URL standard's current text decides: "|" in a path stays unchanged, "^" is encoded. A
// few domains that the standard allows are errors: those that combine letters outside ASCII, or Punycode, with
// punctuation other than "-" and ".", such as "a_b.bücher.example", and those that end in a signed number or in one
// beyond 64 bits.
func ParseURL(raw, base string) (*URL, error) {
	parsed, err := parse(raw, base)
	if err != nil {
		return nil, err
	}
	if parsed.Href(false) != parsed.Href(true) {
		return nil, fmt.Errorf("URL %s: a WebSocket URL must have no fragment", ShowInput(raw))
	}
	u := &URL{
		Host:     parsed.Host(),
		Username: percentDecode(parsed.Username()),
		Password: percentDecode(parsed.Password()),
	}
	scheme := parsed.Scheme()
	switch scheme {
	case "ws", "http":
		u.port = 80
	case "wss", "https":
		u.port, u.Secure = 443, true
	default:
		return nil, fmt.Errorf("URL %s: scheme %q is none of ws, wss, http and https", ShowInput(raw), scheme)
	}
	if p := parsed.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("URL %s: the port is not a number: %w", ShowInput(raw), errors.Unwrap(err))
		}
		u.port = uint16(n)
	}
	_, rest, _ := strings.Cut(parsed.Href(true), "://")
	origin, _, _ := strings.Cut(u.Origin(), "://")
	u.Href = origin + "://" + rest
	// What follows the authority, which cannot hold a slash: Search() would lose the "?" of an empty query.
	u.Target = rest[strings.IndexByte(rest, '/'):]
	return u, nil
}

// pathEncodeSet is the URL standard's path percent-encode set, which has gained "^" since the parser was written.
var pathEncodeSet = whatwg.PathPercentEncodeSet.Set('^')

// parse runs the basic URL parser and refuses what that lets pass although the standard's host parser does not.
func parse(raw, base string) (*whatwg.Url, error) {
	var host string
	parser := whatwg.NewParser(
		whatwg.WithPathPercentEncodeSet(pathEncodeSet),
		whatwg.WithPreParseHostFunc(func(_ *whatwg.Url, h string) string {
			host = h
			return h
		}),
	)
	parsed, err := parser.ParseRef(ScalarValues(base), ScalarValues(raw))
	switch {
	case base == "" && parsererrors.Type(err) == parsererrors.MissingSchemeNonRelativeURL:
		err = errors.New("it has no scheme, such as ws://, and Options.BaseURL, to which it could be relative, is empty")
	case err != nil:
		err = reason(err)
	case parsed.IsIPv6() && strings.Count(host, "[")+strings.Count(host, "]") != 2:
		err = fmt.Errorf("brackets inside the IPv6 address %s", host)
	case parsed.IsIPv4() && strings.ContainsAny(percentDecode(host), signs):
		// By the standard this is a domain, whose name no resolver knows; it must not become an address.
		err = fmt.Errorf("sign in the IPv4 address %s", host)
	case aceLabels(parsed.Hostname()) < aceLabels(percentDecode(host)):
		// The parser would name a different host: "xn--a-" encodes only the ASCII that it shows (UTS #46 section 4).
		err = fmt.Errorf("a label of the host %s is not valid Punycode", host)
	}
	if err != nil && base != "" {
		return nil, fmt.Errorf("URL %s relative to %s: %w", ShowInput(raw), ShowInput(base), err)
	}
	if err != nil {
		return nil, fmt.Errorf("URL %s: %w", ShowInput(raw), err)
	}
	return parsed, nil
}

// reason returns what the parser has found wrong, without what it quotes of the URL.
func reason(err error) error {
	if kind := parsererrors.Type(err); kind != "" {
		return errors.New(string(kind))
	}
	return errors.New("it does not parse")
}

// signs are plus and minus and the characters that IDNA maps to them.
const signs = "+-\uff0b\ufe62\u207a\u208a\uff0d\ufe63"

// aceLabels counts the labels of a domain that claim to be Punycode.
func aceLabels(domain string) int {
	n := 0
	for label := range strings.SplitSeq(strings.ToLower(domain), ".") {
		if strings.HasPrefix(label, "xn--") {
			n++
		}
	}
	return n
}

// percentDecode replaces every %XX by its byte; other percent signs stay, as in the URL standard.
func percentDecode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(v))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
