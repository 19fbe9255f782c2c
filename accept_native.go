//go:build !js

package ws

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// AcceptOptions are what Accept, Serve and CheckRequest take besides the request. A nil *AcceptOptions is the zero
// value. The options may be shared by any number of connections, and the fields may be changed after the call,
// without effect.
type AcceptOptions struct {
	// Protocols are the subprotocols that the server speaks, best first. The first one that the client offers is
	// chosen; names must match exactly. Conn.Protocol returns it. A client that offers some, and none of these, is
	// refused with 400: a browser would fail the connection anyway. A client that offers none is accepted, and
	// Conn.Protocol is "".
	Protocols []string

	// Origins are the origins of web pages that may connect, besides pages from the request's own host. An element is
	// an origin with its scheme, "https://app.example.com" or "http://localhost:3000"; or one with "*." before the
	// host, "https://*.example.com", for every host below that one; or one with ":*" for any port; or "null", for pages
	// that have no origin, such as local files; or "*", for all pages. Scheme and host are compared without regard to
	// case, and the default port may be left out.
	//
	// Browsers send the page's origin and the user's cookies with every handshake, whatever page makes it. So without
	// a check any page could act in the name of a logged-in user. When Origins is empty, only pages from the
	// request's own host may connect: name and port of Origin and Host must be the same. A client that sends no
	// Origin is no page, and is accepted. Behind a proxy that changes Host, list the origins that the site has.
	// X-Forwarded-Host and similar fields are never read.
	Origins []string

	// BinaryType says whether binary messages arrive as *ArrayBuffer or as *Blob. "" is BinaryArrayBuffer.
	BinaryType BinaryType

	// OnOpen, OnMessage, OnError and OnClose are the handlers that Options has, with the same rules. OnOpen is called
	// once, before any other, with the connection that Accept returns. When OnMessage is nil, messages wait for Read.
	OnOpen    func(*Conn)
	OnMessage func(*Conn, Message)
	OnError   func(*Conn, error)
	OnClose   func(*Conn, CloseEvent)

	// MessageLimit is the largest message accepted, in bytes after decompression. A larger one fails the connection:
	// Err is then ErrMessageTooBig, and the client gets close code 1009. 0 is 1 MiB, less than Options.MessageLimit,
	// because a server does not know its clients. A negative value means no limit.
	MessageLimit int64

	// ReadBuffer is how many bytes of unread messages make the connection stop reading, between two messages. 0 is
	// 1 MiB, a negative value no bound. It is Options.ReadBuffer.
	ReadBuffer int64

	// SendBuffer bounds the memory that a client takes which receives more slowly than the server sends. A Send while
	// more than SendBuffer bytes are unsent, as Conn.BufferedAmount counts them, fails the connection: Send returns
	// ErrSlowPeer, OnError is called, and the close event has code 1006. The client gets close code 1008 if it still
	// takes what is being written, within 2 seconds. So at most SendBuffer bytes and one message are held. Use
	// Conn.Drain to wait instead. 0 is 16 MiB, a negative value no bound.
	SendBuffer int64

	// PingInterval is the time between pings. A connection on which nothing at all is received within that time after a
	// ping is failed, as with NativeOptions.PingInterval. 0 is 30 seconds, because proxies end connections on which
	// nothing happens for 60. A negative value means no pings.
	PingInterval time.Duration

	// CloseTimeout is how long a closing connection waits for the client's Close frame, from the moment the client's
	// system has the server's. 0 is 10 seconds, and so is a negative value. See Conn.Wait for the time before.
	CloseTimeout time.Duration

	// Compression says how permessage-deflate is used with a client that offers it.
	Compression Compression

	// Group is what the connection joins, after the answer has been written and before Accept returns: a client whose
	// Dial has returned may miss a message to the Group that is sent at the same moment. Once the Group has been shut
	// down, requests are answered with 503.
	Group *Group
}

// Compression is how an accepted connection uses permessage-deflate (RFC 7692), if the client offers it.
type Compression uint8

const (
	// CompressAlone compresses each message by itself, in both directions. An idle connection needs no memory for that.
	CompressAlone Compression = iota

	// CompressContext lets messages refer to earlier ones of the same direction, unless the client's offer forbids it.
	// Short similar messages become much shorter, and each connection keeps up to 160 KiB.
	CompressContext

	// NoCompression declines the client's offer.
	NoCompression
)

const (
	defaultAcceptLimit  = 1 << 20
	defaultAcceptBuffer = 1 << 20
	defaultSendBuffer   = 16 << 20
	defaultPingInterval = 30 * time.Second
)

// ErrSlowPeer: a Send has failed the connection because more than AcceptOptions.SendBuffer bytes were unsent. Send
// returns it, and it is the Err of that connection's CloseError.
var ErrSlowPeer = engine.ErrSlowPeer

// AcceptError is the error of Accept, Serve and CheckRequest: why a request was not accepted.
type AcceptError struct {
	// Status is the HTTP status of the answer:
	//
	//	400  not a valid opening handshake, or no subprotocol in common
	//	403  a page of an origin that AcceptOptions.Origins does not allow
	//	405  another method than GET
	//	426  not a request for a WebSocket, or not for version 13, or by a version of HTTP that has none
	//	503  AcceptOptions.Group has been shut down
	//	500  the connection cannot be taken from w, or an option or the request is not valid
	//
	// 0 means that nothing was answered, because nothing could be: w is nil, its connection has been taken before, or
	// it was lost while the answer was written.
	Status int

	// Err says what is wrong, for the server's log. The client is told less.
	Err error
}

// Error says why the request was not accepted.
func (e *AcceptError) Error() string {
	s := "ws: request not accepted"
	if e.Status != 0 {
		s += ", answered " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *AcceptError) Unwrap() error { return e.Err }

// Accept answers a request to open a WebSocket (RFC 6455, section 4.2) and returns the connection, which is Open. It is
// to an HTTP server what Dial is to a client, and both ends are the same Conn:
//
//	http.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
//		ws.Accept(w, r, &ws.AcceptOptions{
//			OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) },
//		})
//	})
//
// Authenticate, limit and route before Accept, which answers w in every case. It must be the first to do so: what was
// written to w before spoils the handshake. The fields of w.Header, Set-Cookie among them, go out with the answer,
// except for those of the handshake itself and those about a body.
//
// Accept takes the connection from net/http, as http.Hijacker does, also through middleware that has a method Unwrap
// (see http.ResponseController). The server's timeouts then mean nothing to it, and http.Server.Shutdown neither
// closes it nor waits for it. r.Context ends when the handler returns, and not with the connection, which Conn.Done is
// for.
//
// The handler may return, and should: as long as it runs, net/http keeps some 16 KB for the request. With OnMessage
// there is nothing left to do; otherwise start a goroutine that calls Read. An idle connection takes about 4 KB, and
// one goroutine.
//
// # HTTP/2
//
// A browser that has an HTTP/2 connection to the server opens its WebSockets there (RFC 8441), if the server says
// that it may. net/http says so only when the environment variable GODEBUG has http2xconnect=1 as the program starts.
// Accept then takes those requests too. They have the method CONNECT, so a pattern of http.ServeMux must not say "GET
// /chat". Every handler of the process is sent such requests then, other packages for WebSockets included, which
// refuse them; and the browser does not try again over HTTP/1.1.
//
// The connection is part of its request there: the handler must not return before Conn.Done is closed, or the
// connection is lost. Serve waits for that. http.Server.Shutdown waits for the handler, and so for the connection: end
// it before, for example by a [Group]. A connection takes some 18 KB, and OnError, OnClose and Done come when nothing
// more is being written.
//
// # Differences from Dial
//
// What differs from a connection of Dial: URL is what the request was for, with "ws" or "wss" as r.TLS tells.
// CloseWith and Shutdown also take the codes 1001, 1002, 1003, 1007 to 1009, and 1011 to 1014. After the Close frames
// the server ends the TCP connection. The defaults of limits, pings and compression are a server's: see AcceptOptions.
//
// The error is an *AcceptError, and w has been answered with its Status. Nothing is left to do but to log it.
// CheckRequest tells beforehand.
func Accept(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) (*Conn, error) {
	if w == nil {
		return nil, &AcceptError{Err: typeError("the http.ResponseWriter is nil")}
	}
	config, refusal := acceptConfig(r, opts)
	if refusal != nil {
		refusal.Answer(w)
		return nil, acceptError(refusal)
	}
	group := opts.group()
	if !group.expect() {
		refusal = shuttingDown()
		refusal.Answer(w)
		return nil, acceptError(refusal)
	}
	result, refusal := handshake.Accept(w, r, config)
	if refusal != nil {
		group.giveUp()
		return nil, acceptError(refusal)
	}
	return openAccepted(result, handshake.RequestURL(r), opts), nil
}

// Serve is Accept for connections that only have handlers. It returns when the handler of the request may return: over
// HTTP/1.1 at once, over HTTP/2 when the connection has ended. The error is that of Accept.
func Serve(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) error {
	c, err := Accept(w, r, opts)
	if err == nil && c.finished != nil {
		<-c.Done()
	}
	return err
}

// CheckRequest returns the *AcceptError with which Accept would refuse the request, or nil. It answers nothing. Use it
// to answer a bad request otherwise than Accept does, or before work that is only worth it for a good one. It cannot
// tell whether the connection can be taken from an http.ResponseWriter.
func CheckRequest(r *http.Request, opts *AcceptOptions) error {
	config, refusal := acceptConfig(r, opts)
	if refusal == nil {
		_, refusal = config.Check(r)
	}
	if refusal == nil && !opts.group().open() {
		refusal = shuttingDown()
	}
	if refusal != nil {
		return acceptError(refusal)
	}
	return nil
}

func acceptError(refusal *handshake.Refusal) *AcceptError {
	return &AcceptError{Status: refusal.Status, Err: refusal.Err}
}

// group is the Group that connections join, or nil.
func (opts *AcceptOptions) group() *Group {
	if opts == nil {
		return nil
	}
	return opts.Group
}

func shuttingDown() *handshake.Refusal {
	return &handshake.Refusal{
		Status: http.StatusServiceUnavailable,
		Err:    exception(ErrInvalidState, "AcceptOptions.Group has been shut down"),
	}
}

// acceptConfig checks the arguments of Accept. Those that are wrong are the program's fault: 500.
func acceptConfig(r *http.Request, opts *AcceptOptions) (*handshake.AcceptConfig, *handshake.Refusal) {
	if opts == nil {
		opts = new(AcceptOptions)
	}
	fault := func(err error) *handshake.Refusal {
		return &handshake.Refusal{Status: http.StatusInternalServerError, Err: err}
	}
	switch {
	case r == nil:
		return nil, fault(typeError("the *http.Request is nil"))
	case opts.BinaryType != "" && !opts.BinaryType.valid():
		return nil, fault(typeError("AcceptOptions.BinaryType is " + strconv.Quote(string(opts.BinaryType)) +
			`, neither "arraybuffer" nor "blob"`))
	case opts.Compression > NoCompression:
		return nil, fault(typeError("AcceptOptions.Compression is " + strconv.Itoa(int(opts.Compression)) +
			", which is none of the constants"))
	}
	origins, err := handshake.ParseOrigins(opts.Origins)
	if err != nil {
		return nil, fault(exception(ErrSyntax, "AcceptOptions.Origins: "+err.Error()))
	}
	return &handshake.AcceptConfig{
		Protocols:   opts.Protocols,
		Origins:     origins,
		Compression: opts.Compression != NoCompression,
		Takeover:    opts.Compression == CompressContext,
	}, nil
}

// openAccepted returns an Open connection on top of a stream on which the server's part of the opening handshake is
// complete. It reads, writes and calls handlers from now on.
func openAccepted(result *handshake.Result, url string, opts *AcceptOptions) *Conn {
	if opts == nil {
		opts = new(AcceptOptions)
	}
	c := &Conn{
		onOpen:     opts.OnOpen,
		onMessage:  opts.OnMessage,
		onError:    opts.OnError,
		onClose:    opts.OnClose,
		blobs:      opts.BinaryType == BinaryBlob,
		readBuffer: cmp.Or(opts.ReadBuffer, defaultAcceptBuffer),
		url:        url,
	}
	c.server, c.finished = true, result.Finished
	c.setAddresses(result)
	endpoint := c.newEndpoint(result, &engine.Config{
		Role:         frame.Server,
		Limit:        cmp.Or(opts.MessageLimit, defaultAcceptLimit),
		SendLimit:    max(0, cmp.Or(opts.SendBuffer, defaultSendBuffer)),
		PingInterval: cmp.Or(opts.PingInterval, defaultPingInterval),
		Timeouts:     engine.Timeouts{Reply: max(0, opts.CloseTimeout)},
	})
	c.endpoint.Store(endpoint)
	c.opened(result.Protocol, result.Extensions) // nobody can have closed it yet
	opts.Group.join(c)
	endpoint.Start()
	if c.onOpen != nil {
		go c.deliver()
	}
	return c
}
