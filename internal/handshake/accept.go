//go:build !js

package handshake

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// AcceptConfig says what a server accepts.
type AcceptConfig struct {
	Protocols   []string // subprotocols, best first
	Origins     Origins  // origins of pages that may connect, besides those from the request's own host
	Compression bool     // permessage-deflate may be chosen
	Takeover    bool     // ... and messages may refer to earlier ones
	Stays       bool     // the handler of the request does not return before Result.Finished is closed
}

// Refusal says why a request does not open a WebSocket.
type Refusal struct {
	Status int         // of the answer
	Header http.Header // further fields of the answer
	Err    error

	// Reason is what the client is told in the body, "" for nothing.
	Reason string
}

// websocketVersion is the one version of the protocol (RFC 6455 section 4.1).
const websocketVersion = "13"

// Check is the server's part of the opening handshake (RFC 6455 section 4.2): it checks a request and returns what was
// negotiated, or why the request must be refused.
func (cfg *AcceptConfig) Check(r *http.Request) (negotiated, *Refusal) {
	check := checkHTTP1
	if isExtendedConnect(r) {
		check = checkExtendedConnect
	}
	if refusal := check(r); refusal != nil {
		return negotiated{}, refusal
	}
	if refusal := checkTarget(r); refusal != nil {
		return negotiated{}, refusal
	}
	if refusal := cfg.Origins.check(r); refusal != nil {
		return negotiated{}, refusal
	}
	return cfg.negotiate(r.Header)
}

// checkHTTP1 checks what only a handshake over HTTP/1.1 has.
func checkHTTP1(r *http.Request) *Refusal {
	if refusal := checkUpgrade(r); refusal != nil {
		return refusal
	}
	if refusal := checkVersion(r); refusal != nil {
		return refusal
	}
	return checkKey(r)
}

// checkUpgrade checks that the request asks for a WebSocket.
func checkUpgrade(r *http.Request) *Refusal {
	switch {
	case r.ProtoMajor > 1:
		refusal := upgradeRequired(fmt.Errorf("a %s request over %s does not open a WebSocket", r.Method, r.Proto))
		refusal.Header = nil // HTTP/2 has no upgrade
		return refusal
	case r.Method != http.MethodGet:
		refusal := refuse(http.StatusMethodNotAllowed, "the method is %q, not GET", r.Method)
		refusal.Header = http.Header{"Allow": {http.MethodGet}}
		return refusal
	case !r.ProtoAtLeast(1, 1):
		return upgradeRequired(fmt.Errorf("%s cannot switch protocols", r.Proto))
	case !containsToken(r.Header["Upgrade"], "websocket"):
		return upgradeRequired(fmt.Errorf(`Upgrade is %q and does not contain "websocket"`, r.Header["Upgrade"]))
	case !containsToken(r.Header["Connection"], "upgrade"):
		return upgradeRequired(fmt.Errorf(
			`Connection is %q and does not contain "Upgrade"; a proxy in between has to pass it on`,
			r.Header["Connection"]))
	}
	return nil
}

// checkTarget checks that the request names a host, and a resource by its path or by a whole URL (RFC 6455 section
// 4.2.1 items 1 and 2). net/http also lets "*" and "mailto:a@b" through.
func checkTarget(r *http.Request) *Refusal {
	switch {
	case r.Host == "":
		return refuse(http.StatusBadRequest, "Host is empty")
	case r.URL != nil && (r.URL.Opaque != "" || r.URL.Path == "*"):
		return refuse(http.StatusBadRequest, "the request is for %q, neither a path nor the URL of a host", r.URL.String())
	}
	return nil
}

func checkVersion(r *http.Request) *Refusal {
	version, err := single(r.Header, "Sec-WebSocket-Version")
	switch {
	case err != nil:
		return refuse(http.StatusBadRequest, "%w", err)
	case version != websocketVersion:
		return upgradeRequired(fmt.Errorf("Sec-WebSocket-Version is %q, not %s", version, websocketVersion))
	}
	return nil
}

// checkKey checks the nonce, and that there is no body between the request and the first frame.
func checkKey(r *http.Request) *Refusal {
	key, err := single(r.Header, "Sec-WebSocket-Key")
	if err != nil {
		return refuse(http.StatusBadRequest, "%w", err)
	}
	if nonce, err := base64.StdEncoding.DecodeString(key); err != nil || len(nonce) != 16 {
		return refuse(http.StatusBadRequest, "Sec-WebSocket-Key is %q, not 16 bytes in base64", key)
	}
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		return refuse(http.StatusBadRequest, "the request has a body")
	}
	return nil
}

// negotiate chooses a subprotocol and extensions.
func (cfg *AcceptConfig) negotiate(h http.Header) (n negotiated, refusal *Refusal) {
	n.protocol, refusal = cfg.chooseProtocol(h["Sec-Websocket-Protocol"])
	if refusal != nil {
		return negotiated{}, refusal
	}
	var err error
	n.deflate, n.deflated, err = deflate.Choose(h["Sec-Websocket-Extensions"], cfg.Takeover)
	if err != nil {
		return negotiated{}, refuse(http.StatusBadRequest, "Sec-WebSocket-Extensions: %w", err)
	}
	if n.deflated = n.deflated && cfg.Compression; n.deflated {
		n.extensions = n.deflate.Extension()
	}
	return n, nil
}

// chooseProtocol chooses the first of the server's subprotocols that the client offers. A client that offers none need
// not speak one.
func (cfg *AcceptConfig) chooseProtocol(values []string) (string, *Refusal) {
	var offered []string
	for _, list := range values {
		for element := range strings.SplitSeq(list, ",") {
			switch name := strings.Trim(element, " \t"); {
			case name == "":
			case !ValidProtocol(name):
				return "", refuse(http.StatusBadRequest, "Sec-WebSocket-Protocol is %q, where %q is no token", values, name)
			default:
				offered = append(offered, name)
			}
		}
	}
	if len(offered) == 0 {
		return "", nil
	}
	for _, name := range cfg.Protocols {
		if slices.Contains(offered, name) {
			return name, nil
		}
	}
	refusal := refuse(http.StatusBadRequest, "the client offers the subprotocols %q, and AcceptOptions.Protocols is %q",
		offered, cfg.Protocols)
	refusal.Reason = "none of the subprotocols is spoken here"
	return "", refusal
}

// refuse makes a Refusal whose reason is sent to the client.
func refuse(status int, format string, args ...any) *Refusal {
	err := fmt.Errorf(format, args...)
	return &Refusal{Status: status, Err: err, Reason: err.Error()}
}

// upgradeRequired refuses a request that does not ask for a WebSocket, or not for this version.
func upgradeRequired(err error) *Refusal {
	return &Refusal{
		Status: http.StatusUpgradeRequired,
		Header: http.Header{
			"Connection":            {"Upgrade"},
			"Upgrade":               {"websocket"},
			"Sec-Websocket-Version": {websocketVersion},
		},
		Err:    err,
		Reason: err.Error(),
	}
}

// Answer answers a request with the refusal.
func (e *Refusal) Answer(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range e.Header {
		h[name] = values
	}
	text := http.StatusText(e.Status)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	http.Error(w, text, e.Status)
}

// acceptKey returns the value of Sec-WebSocket-Accept for a value of Sec-WebSocket-Key.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// appendAnswer appends the response that opens the connection, with further fields. Fields that describe the connection
// or frame a body are set by the handshake only.
func (n *negotiated) appendAnswer(b []byte, key string, further http.Header) []byte {
	b = append(b,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = append(b, acceptKey(key)...)
	b = append(b, "\r\n"...)
	if n.protocol != "" {
		b = append(b, "Sec-WebSocket-Protocol: "...)
		b = append(b, n.protocol...)
		b = append(b, "\r\n"...)
	}
	if n.extensions != "" {
		b = append(b, "Sec-WebSocket-Extensions: "...)
		b = append(b, n.extensions...)
		b = append(b, "\r\n"...)
	}
	return append(appendFields(b, further), "\r\n"...)
}

// appendFields appends those fields of h that are allowed in an answer.
func appendFields(b []byte, h http.Header) []byte {
	names := make([]string, 0, 8)
	for name := range h {
		if mayAnswer(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range h[name] {
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, oneLine.Replace(textproto.TrimString(value))...)
			b = append(b, "\r\n"...)
		}
	}
	return b
}

// oneLine keeps a value from ending its line, as net/http does.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// mayAnswer reports whether a field of that name is allowed in the answer, besides the handshake's own fields.
func mayAnswer(name string) bool {
	if !ValidProtocol(name) { // a token, as names of fields are
		return false
	}
	switch name := http.CanonicalHeaderKey(name); name {
	case "Connection", "Upgrade", "Keep-Alive", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Trailer":
		return false
	default:
		return !strings.HasPrefix(name, "Sec-Websocket-")
	}
}
