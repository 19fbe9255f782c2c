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

// AcceptOptions configure [Accept], [Serve] and [CheckRequest]. A nil *AcceptOptions means the zero value. Any number
// of connections may share the options. Changing the fields after the call has no effect.
type AcceptOptions struct {
	// Protocols are the subprotocols that the server speaks, best first. The first of them that the client offers is
	// chosen; names must match exactly. Conn.Protocol returns it. A client that offers subprotocols, but none of these, is
	// refused with 400: a browser would fail the connection anyway. A client that offers none is accepted, and
	// Conn.Protocol is "".
	Protocols []string

	// Origins are the origins of the web pages that may connect, besides pages from the request's own host. Each element
	// is one of these:
	//
	//	"https://app.example.com"  an origin with its scheme and, if it has one, its port
	//	"https://*.example.com"    every host below that one
	//	"http://localhost:*"       any port
	//	"null"                     pages that have no origin, such as local files
	//	"*"                        all pages
	//
	// Scheme and host are compared without regard to case, and the default port may be left out.
	//
	// With every handshake, browsers send the origin of the page and the user's cookies, whatever page makes it. Without a
	// check, any page could therefore act in the name of a logged-in user. If Origins is empty, only pages from the
	// request's own host may connect: the names and ports in Origin and Host must be the same. A client that sends no
	// Origin is not a page, and is accepted. Behind a proxy that changes Host, list the origins that the site has.
	// X-Forwarded-Host and similar fields are never read.
	Origins []string

	// BinaryType says whether binary messages arrive as *ArrayBuffer or as *Blob. "" means BinaryArrayBuffer.
	BinaryType BinaryType

	// OnOpen, OnMessage, OnError and OnClose are the same handlers as in Options, with the same rules. OnOpen is called
	// once, before any other, with the connection that Accept returns. If OnMessage is nil, messages wait for Read.
	OnOpen    func(*Conn)
	OnMessage func(*Conn, Message)
	OnError   func(*Conn, error)
	OnClose   func(*Conn, CloseEvent)

	// MessageLimit is the size of the largest message accepted, in bytes after decompression. A larger message fails the
	// connection: Err then returns a *CloseError with ErrMessageTooBig, and the client gets close code 1009. 0 means
	// 1 MiB, less than for Options.MessageLimit, because a server does not know its clients. A negative value means no
	// limit.
	MessageLimit int64

	// ReadBuffer is the number of bytes of unread messages at which the connection stops reading, between two messages, as
	// with Options.ReadBuffer. 0 means 1 MiB, a negative value means no limit.
	ReadBuffer int64

	// SendBuffer limits the memory that a client can take up by receiving more slowly than the server sends. If more than
	// SendBuffer bytes are unsent, as Conn.BufferedAmount counts them, the next Send fails the connection: Send returns
	// ErrSlowPeer, OnError is called, and the close event has code 1006. The client gets close code 1008 if it takes what
	// is being written within 2 seconds. So at most SendBuffer bytes and one message are held. To wait for the client
	// instead, use Conn.Drain. 0 means 16 MiB, a negative value means no limit.
	//
	// The memory that messages take besides their bytes has the same limit, but at least 64 KiB and at most 1 GiB. It
	// counts 80 bytes for each message of Group.Send, and a few for each of Conn.Send, or about 80 after one of
	// Group.Send. Only very many short messages reach it first.
	SendBuffer int64

	// PingInterval is the time between pings. If nothing at all is received within that time after a ping, the connection
	// is failed, as with NativeOptions.PingInterval. 0 means 30 seconds, because proxies end connections that are silent
	// for 60 seconds. A negative value means no pings.
	PingInterval time.Duration

	// CloseTimeout is how long a closing connection waits for the client's Close frame, from the moment when the client's
	// system has received the server's. 0 means 10 seconds, and so does a negative value. See Conn.Wait for the limits
	// before that moment.
	CloseTimeout time.Duration

	// Compression says how permessage-deflate is used with a client that offers it.
	Compression Compression

	// Group is the Group that the connection joins, after the answer has been written and before Accept returns. A client
	// whose Dial has returned may therefore miss a message that is sent to the Group at the same moment. Once the Group
	// has been shut down, requests are answered with 503.
	Group *Group
}

// Compression says how an accepted connection uses permessage-deflate (RFC 7692), if the client offers it.
type Compression uint8

const (
	// CompressAlone compresses each message by itself, in both directions. An idle connection needs no memory for it.
	CompressAlone Compression = iota

	// CompressContext lets messages refer to earlier ones in the same direction, unless the client's offer forbids it.
	// Short similar messages become much shorter, but each connection keeps up to 160 KiB.
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

// ErrSlowPeer means that a Send has failed the connection because more than AcceptOptions.SendBuffer bytes were unsent.
// Send returns it, and it is the Err of that connection's CloseError.
var ErrSlowPeer = engine.ErrSlowPeer

// AcceptError is the error of [Accept], [Serve] and [CheckRequest]. It says why a request was not accepted.
type AcceptError struct {
	// Status is the HTTP status of the answer, or after CheckRequest of the answer that Accept would give:
	//
	//	400  not a valid opening handshake, or no subprotocol in common
	//	403  a page of an origin that AcceptOptions.Origins does not allow
	//	405  a method other than GET
	//	426  not a request for a WebSocket, or not for version 13, or by a version of HTTP that has none
	//	501  over HTTP/2: a CONNECT for another protocol
	//	503  AcceptOptions.Group has been shut down
	//	500  the connection cannot be taken from w, or an option or the request is not valid
	//
	// 0 means that nothing could be answered: w is nil, its connection has been taken before, or the connection was lost
	// while the answer was written.
	Status int

	// Err says what is wrong, for the server's log. The client is told less.
	Err error
}

// Error returns a message with the status and the cause.
func (e *AcceptError) Error() string {
	s := "ws: request not accepted"
	if e.Status != 0 {
		s += ": " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *AcceptError) Unwrap() error { return e.Err }

// Accept answers a request to open a WebSocket (RFC 6455, section 4.2) and returns the connection, which is Open. Call
// it in the handler of an HTTP server; opts may be nil:
//
//	http.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
//		ws.Accept(w, r, &ws.AcceptOptions{
//			OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) },
//		})
//	})
//
// By default a web page may connect only if it comes from the request's own host. AcceptOptions.Origins allows other
// pages.
//
// Accept writes the response in every case, so authenticate, limit and route before it. Nothing may have been written
// to w earlier: that would spoil the handshake. The fields of w.Header, including Set-Cookie, go out with the response,
// except for those of the handshake itself and those about a body.
//
// The handler may return, and should: as long as it runs, net/http keeps about 16 KB for the request. With OnMessage
// there is nothing left to do; otherwise start a goroutine that calls Read. An idle connection takes about 4 KB and one
// goroutine.
//
// Accept takes over the connection from net/http, as http.Hijacker does. This also works through middleware that has a
// method Unwrap (see http.ResponseController). The server's timeouts then no longer apply, and http.Server.Shutdown
// neither closes the connection nor waits for it. r.Context ends when the handler returns; use [Conn.Done] to learn
// when the connection has ended.
//
// The error is an *AcceptError, and w has been answered with its Status. All that is left to do is to log it. Use
// [CheckRequest] to learn of it before anything is answered.
//
// # Differences from Dial
//
// A connection of Accept differs from one of [Dial] in this: URL is the one that was requested, with the scheme "ws" or
// "wss" depending on r.TLS. CloseWith and Shutdown also take the codes 1001, 1002, 1003, 1007 to 1009, and 1011 to
// 1014. After the Close frames the server ends its half of the TCP connection, and drops what still arrives until the
// client ends the other half, for at most 2 seconds. The close event does not wait for that. The defaults for limits,
// pings and compression suit a server: see [AcceptOptions].
//
// # HTTP/2
//
// A browser that has an HTTP/2 connection to the server opens its WebSockets on that connection (RFC 8441), if the
// server says that it may. net/http says so only if the environment variable GODEBUG has http2xconnect=1 when the
// program starts. Accept then takes those requests too. Their method is CONNECT, so a pattern of http.ServeMux must not
// say "GET /chat". Every handler of the process then gets such requests, including those of other WebSocket packages,
// which refuse them; and the browser does not try again over HTTP/1.1.
//
// There the connection is part of its request: the handler must not return before Conn.Done is closed. If it does, the
// connection is lost, and bytes that are being written at that moment may end up in the response to another request,
// because net/http uses the memory of a response again. Nor may r.Context end before: middleware that limits the time
// of requests ends the connection too, and so does an http.Server.BaseContext that ends when the program is to stop.
// Use [Serve], which waits for Done and does not depend on the context. http.Server.Shutdown waits for the handler, and
// so for the connection: end it before that, for example with a [Group]. A connection takes about 18 KB, and OnError,
// OnClose and Done come only when nothing more is being written. What is received passes through r.Body, so middleware
// that limits that, such as [http.MaxBytesHandler], ends the connection when so many bytes have been received in all.
func Accept(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) (*Conn, error) {
	return accept(w, r, opts, false)
}

// accept is Accept. stays says that the HTTP handler does not return before Conn.Done is closed.
func accept(w http.ResponseWriter, r *http.Request, opts *AcceptOptions, stays bool) (*Conn, error) {
	if w == nil {
		return nil, &AcceptError{Err: typeError("the http.ResponseWriter is nil")}
	}
	config, refusal := acceptConfig(r, opts)
	if refusal != nil {
		refusal.Answer(w)
		return nil, acceptError(refusal)
	}
	config.Stays = stays
	group := opts.group()
	if !group.expect() {
		refusal = shuttingDown()
		refusal.Answer(w)
		return nil, acceptError(refusal)
	}
	opened := false
	defer func() {
		if !opened { // it was refused, or a method of w has panicked
			group.giveUp()
		}
	}()
	result, refusal := handshake.Accept(w, r, config)
	if refusal != nil {
		return nil, acceptError(refusal)
	}
	opened = true
	return openAccepted(result, handshake.RequestURL(r), opts), nil
}

// Serve is like [Accept], for connections that are used only in their handlers. It returns when the HTTP handler may
// return: over HTTP/1.1 at once, over HTTP/2 when the connection has ended, even if r.Context ends before. It returns
// the same errors as Accept.
func Serve(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) error {
	c, err := accept(w, r, opts, true)
	if err == nil && c.finished != nil {
		<-c.Done()
	}
	return err
}

// CheckRequest returns the *AcceptError with which [Accept] would refuse the request, or nil. It answers nothing. Use
// it to send your own response to a bad request, or to do expensive work only for good ones. It cannot tell
// whether the connection can be taken from an http.ResponseWriter.
func CheckRequest(r *http.Request, opts *AcceptOptions) error {
	config, refusal := acceptConfig(r, opts)
	if refusal == nil && !opts.group().open() {
		refusal = shuttingDown()
	}
	if refusal == nil {
		_, refusal = config.Check(r)
	}
	if refusal != nil {
		return acceptError(refusal)
	}
	return nil
}

func acceptError(refusal *handshake.Refusal) *AcceptError {
	return &AcceptError{Status: refusal.Status, Err: refusal.Err}
}

// group returns the Group that connections join, or nil.
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

// acceptConfig checks the arguments of Accept. Bad ones are the program's fault: 500.
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

// openAccepted returns an Open connection on a stream on which the server's part of the opening handshake is complete.
// From now on it reads, writes and calls handlers.
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
	c.opened(result.Protocol, result.Extensions) // it cannot have been closed yet
	opts.Group.join(c)
	endpoint.Start()
	if c.onOpen != nil {
		go c.deliver()
	}
	return c
}
