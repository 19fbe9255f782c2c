//go:build !js

package handshake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/seed2c7e30c3/ws/internal/deflate"
)

// Config says which WebSocket to open, and how.
type Config struct {
	URL       *URL
	Protocols []string // subprotocols, in order of preference, each a ValidProtocol

	// Client's Transport makes the connection, with its dialler, proxy and TLS settings; its Timeout limits the whole
	// handshake; its Jar provides and stores cookies, including those of a failed handshake. CheckRedirect is not used,
	// because redirects are never followed. nil means the zero Client: http.DefaultTransport, which takes proxies from the
	// environment.
	Client *http.Client

	// Header has further fields of the request. Host sets the Host field. Fields on which the handshake itself or HTTP's
	// framing depends (Connection, Upgrade, Sec-WebSocket-*, Content-Length and such) are not taken from here.
	Header http.Header

	Compression bool // offer permessage-deflate

	// OnHandshake, if not nil, is called with the response that opens the connection, without body, before Dial
	// returns.
	OnHandshake func(*http.Response)

	// Refused and ProxyFailed, if not nil, convert these errors into the types that programs know. errors.As finds them in
	// Dial's error, however deep.
	Refused     func(*StatusError) error
	ProxyFailed func(*ProxyError) error
}

// refused returns the error of a response that does not open the connection.
func (c *Config) refused(e *StatusError) error {
	if c.Refused == nil {
		return e
	}
	return c.Refused(e)
}

// proxyFailed returns the error of a proxy that does not connect.
func (c *Config) proxyFailed(e *ProxyError) error {
	if c.ProxyFailed == nil {
		return e
	}
	return c.ProxyFailed(e)
}

// Result is an open WebSocket, on which no frame has been sent or received.
type Result struct {
	// Stream is the connection: a net.Conn (*net.TCPConn or *tls.Conn) if an http.Transport made it, otherwise the body
	// that the RoundTripper returned.
	Stream io.ReadWriteCloser
	Early  []byte // bytes that came after the response header; they precede what Stream will return

	// Local and Remote are the addresses of the TCP connection, the proxy's if there is one. They are nil if the
	// RoundTripper is not an http.Transport and does not reveal them.
	Local, Remote net.Addr

	// Finished is closed when Stream has been closed and none of its methods runs any more. It is nil if nobody needs to
	// know that.
	Finished <-chan struct{}

	Protocol   string         // the subprotocol chosen by the server, or ""
	Extensions string         // the value of Sec-WebSocket-Extensions, as browsers show it
	Deflate    deflate.Params // valid if Deflated
	Deflated   bool           // permessage-deflate is in use

	Response *http.Response // without body
}

// Dial performs the opening handshake. It blocks until the connection is open or has failed. When ctx ends the TCP
// connection is closed at once, whatever its state, and Dial returns an error that is ctx.Err(); once Dial has
// returned, ctx has no effect any more, neither on the connection nor on what functions of the caller have bound to the
// contexts that they got. A response that does not open the connection is a *StatusError in the error
// returned. Credentials in the URL are sent, by the scheme Basic, only after a 401 that asks for it, in a second
// attempt on a new connection (Fetch, "HTTP-network-or-cache fetch").
func Dial(ctx context.Context, cfg *Config) (*Result, error) {
	if cfg.Client != nil && cfg.Client.Timeout > 0 {
		timeout := fmt.Errorf("timeout of %v in http.Client exceeded", cfg.Client.Timeout)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, cfg.Client.Timeout, timeout)
		defer cancel()
	}
	first := newAttempt(ctx, cfg, "")
	result, err := first.run()
	if authorization := answer(cfg, first.refusal); authorization != "" {
		result, err = newAttempt(ctx, cfg, authorization).run()
	}
	if err != nil {
		return nil, fmt.Errorf("opening handshake with %s: %w", ShowURL(cfg.URL.Href), err)
	}
	if cfg.OnHandshake != nil {
		tell(cfg.OnHandshake, result)
	}
	return result, nil
}

// ErrExited means that a function of the caller has ended its goroutine, with runtime.Goexit or a test's Fatal.
var ErrExited = errors.New("ws: a function that the opening handshake called has ended its goroutine")

// tell calls OnHandshake. If that does not return, the connection is closed.
func tell(onHandshake func(*http.Response), result *Result) {
	returned := false
	defer func() {
		if !returned {
			// Errors no longer matter.
			_ = result.Stream.Close()
		}
	}()
	onHandshake(result.Response)
	returned = true
}

// answer returns the Authorization field with which to repeat a refused handshake, or "".
func answer(cfg *Config, refusal *StatusError) string {
	switch {
	case refusal == nil || refusal.StatusCode != http.StatusUnauthorized:
		return ""
	case cfg.URL.Username == "" && cfg.URL.Password == "":
		return ""
	case cfg.Header[spelling(cfg.Header, "Authorization")] != nil:
		return "" // the caller has set one explicitly, and it has just been refused
	case !offersBasic(http.Header(refusal.Header).Values("Www-Authenticate")):
		return ""
	}
	return basicAuth(cfg.URL.Username, cfg.URL.Password)
}
