// Package ws is the WebSocket object of the web platform for Go: one Dial for programs in a browser and for the same
// programs on a server.
//
// Under GOOS=js a Conn is the host's own WebSocket object, driven through syscall/js; everywhere else it is written
// in Go and does what browsers do, event for event. The names and rules are those of the WHATWG WebSockets
// standard:
//
//	c, err := ws.Dial(ctx, "wss://example.com/chat", &ws.Options{Protocols: []string{"chat.v2"}})
//	if err != nil {
//		return err
//	}
//	defer c.CloseNow() // for the error returns; the good end is Shutdown
//	if err := c.Send(ws.Text("hello")); err != nil {
//		return err
//	}
//	msg, err := c.Read(ctx)
//
// Natively, Accept gives the handler of an HTTP server the other end, as a Conn too.
//
// # Two ways to receive
//
// Without Options.OnMessage messages wait for Read or Messages. With it they go to the handler. The other handlers,
// OnOpen, OnError and OnClose, work either way.
//
// Events of one connection are delivered one at a time and in order. A handler runs on a goroutine of the package,
// never inside a JavaScript callback, and may block, Send, Close, or Read from another connection; while it runs,
// later events of the same connection wait, but control frames are answered, natively up to 30 ms late. A handler
// must not wait for a later event of its own connection, by calling Read or Wait for example, except that Wait and
// Read return at once in OnError and OnClose.
//
// # In a function that JavaScript calls
//
// A function made by js.FuncOf holds up the host's event loop until it returns, so nothing can arrive meanwhile. What
// waits for the connection deadlocks there: Dial, Read, Messages, Drain, Wait, Shutdown, and reading a Blob. Call these
// in a goroutine. Everything else does not wait and may be called there: New, Send, Close, CloseWith, CloseNow, and the
// methods that only tell something.
//
// # Sending
//
// Send never blocks: it queues, and BufferedAmount says how much. A program that sends more than the network takes uses
// Drain between messages.
//
// # Unread messages
//
// A browser cannot pause a connection: there, messages that nobody reads queue without bound. Natively the
// connection stops reading when Options.ReadBuffer bytes are unread, and TCP then holds the peer back; until it
// reads again it also answers no pings and does not notice the peer's Close frame.
//
// # Where Go differs from the browser's object, on every platform
//
//   - BinaryType starts as BinaryArrayBuffer. The browser's default is "blob".
//   - A blocked port is ErrSecurity from New and Dial. Browsers construct and then fail the connection.
//   - Text and close reasons that are not valid UTF-8 are ErrSyntax, and nothing is sent or counted. Browsers send U+FFFD.
//   - Send in Closing and Closed returns ErrInvalidState. Browsers stay silent; BufferedAmount grows in both.
//   - A received message larger than Options.MessageLimit fails the connection with ErrMessageTooBig.
//   - Handshakes to one host are not serialised natively; browsers do that themselves.
//   - Protocols may hold names that differ only in case, as in every browser. The server's choice must match exactly.
package ws

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// Options are what New and Dial take besides the URL. A nil *Options is the zero value. The fields may be changed
// after New or Dial has been called, without effect.
type Options struct {
	// Protocols are the subprotocols to offer, in order of preference. Each must be a token of HTTP and occur once.
	// If the server selects one, Conn.Protocol names it. A server that selects none or another, although any was
	// offered, fails the connection; Firefox, WebKit and Deno let some of that pass.
	Protocols []string

	// BinaryType says whether binary messages arrive as *ArrayBuffer or as *Blob. "" is BinaryArrayBuffer.
	BinaryType BinaryType

	// BaseURL is what a relative URL is resolved against. When it is empty, a browser uses the URL of its page or
	// worker, and anywhere else a relative URL is ErrSyntax.
	BaseURL string

	// OnOpen is called when the connection has been established.
	OnOpen func(*Conn)

	// OnMessage is called with each message. When it is nil, messages wait for Read.
	OnMessage func(*Conn, Message)

	// OnError is called at most once, before OnClose, when the connection is failed: it could not be established, or
	// the peer broke the protocol. The error is the *CloseError that Conn.Err returns. Losing the TCP connection is
	// not a failure in this sense: only OnClose is called.
	OnError func(*Conn, error)

	// OnClose is called once, as the last event, when the connection is closed; Conn.Done is closed by then.
	OnClose func(*Conn, CloseEvent)

	// MessageLimit is the largest message accepted, in bytes after decompression. A larger one fails the connection:
	// Err is then ErrMessageTooBig, and natively the peer gets close code 1009. 0 is 128 MiB, a negative value no
	// limit.
	MessageLimit int64

	// ReadBuffer is how many bytes of unread messages make a native connection stop reading, between two messages.
	// Each message counts a few bytes more than it has. 0 is 16 MiB, a negative value no bound. Browsers cannot stop
	// reading.
	ReadBuffer int64

	// Native is what only the native implementation can do: TLS settings, proxy, request headers, compression, pings.
	// Under GOOS=js it has no fields.
	Native NativeOptions
}

const (
	defaultMessageLimit = 128 << 20
	defaultReadBuffer   = 16 << 20

	// messageOverhead is what an unread message counts besides its bytes: about what a small one takes in memory.
	messageOverhead = 80
)

// Dial opens a connection to url and waits until it is open. When ctx ends first, the attempt is abandoned at once,
// TCP connection included; if OnOpen has been called by then, OnClose is called too. ctx has no effect once Dial
// has returned. Natively its values and its deadline reach what NativeOptions.HTTPClient calls.
//
// Dial returns an *Exception for a bad argument, as New does, and a *CloseError if the attempt fails; natively its
// Err is the cause, for example a *HandshakeError or a *ProxyError. Browsers hide the cause: there the error names the
// URL, without a password, and wraps the *CloseError. When ctx ends, the error holds for errors.Is with ctx.Err() and
// context.Cause(ctx). After an error there is nothing to close.
//
// Dial must not be called inside a js.FuncOf, where it deadlocks. Call New there, or start a goroutine.
func Dial(ctx context.Context, url string, opts *Options) (*Conn, error) {
	switch err := checkContext(ctx); {
	case ctx == nil:
		return nil, err
	case err != nil:
		return nil, contextError(ctx)
	}
	c, settled, err := newConn(ctx, url, opts)
	if err != nil {
		return nil, err
	}
	select {
	case <-settled:
	case <-ctx.Done():
		c.CloseNow()
		return nil, contextError(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.established {
		return nil, c.dialError(c.end)
	}
	return c, nil
}

// New begins to connect to url and returns at once, as the constructor of the browser's object does
// (WHATWG WebSockets, section 3.1). The connection is Connecting; handlers may run before New has returned. New may be
// called inside a js.FuncOf.
//
// url has the scheme ws or wss, or http or https, which mean the same; or it is relative to Options.BaseURL. It is
// parsed by the URL standard: in a browser by the browser.
//
// The error is an *Exception: ErrSyntax for the URL or a subprotocol, ErrSecurity for a blocked port, "TypeError"
// for an unknown BinaryType, "NotSupportedError" in a JavaScript host without WebSocket. Everything else that can
// go wrong comes as an event, and as the *CloseError of Err.
//
// A connection holds resources until it is closed, by either side. In a JavaScript host a program that ends with a
// connection open leaves the page with an uncaught error for each event that still comes: end connections by
// Shutdown or CloseNow before main returns.
func New(url string, opts *Options) (*Conn, error) {
	//lint:ignore SA1012 nil says that nobody waits
	c, _, err := newConn(nil, url, opts)
	return c, err
}

// newConn is New, and Dial up to the point where it waits; ctx is Dial's, or nil. settled is closed when the connection
// becomes Open, or Closed without that.
func newConn(ctx context.Context, url string, opts *Options) (c *Conn, settled <-chan struct{}, err error) {
	if opts == nil {
		opts = new(Options)
	}
	connecting := make(chan struct{})
	c = &Conn{
		onOpen:     opts.OnOpen,
		onMessage:  opts.OnMessage,
		onError:    opts.OnError,
		onClose:    opts.OnClose,
		blobs:      opts.BinaryType == BinaryBlob,
		readBuffer: cmp.Or(opts.ReadBuffer, defaultReadBuffer),
		connecting: connecting,
	}
	if t := opts.BinaryType; t != "" && !t.valid() {
		return nil, nil, typeError("the BinaryType " + strconv.Quote(string(t)) + ` is neither "arraybuffer" nor "blob"`)
	}
	target, err := resolveURL(url, opts.BaseURL)
	if err != nil {
		return nil, nil, err
	}
	if err := checkProtocols(opts.Protocols); err != nil {
		return nil, nil, err
	}
	if port := target.Port(); handshake.BlockedPort(port) {
		return nil, nil, exception(ErrSecurity, "port "+strconv.Itoa(int(port))+" of "+handshake.ShowInput(url)+" is blocked")
	}
	if err := c.connect(ctx, target, opts); err != nil {
		return nil, nil, err
	}
	return c, connecting, nil
}

// messageLimit is the length in bytes of the longest message accepted; negative means that there is no limit.
func (o *Options) messageLimit() int64 { return cmp.Or(o.MessageLimit, defaultMessageLimit) }

// checkProtocols is step 11 of the constructor, except that names may differ in case only.
func checkProtocols(protocols []string) error {
	for i, p := range protocols {
		if !handshake.ValidProtocol(p) {
			return exception(ErrSyntax, "the subprotocol "+strconv.Quote(p)+" is not a token")
		}
		if slices.Contains(protocols[:i], p) {
			return exception(ErrSyntax, "the subprotocol "+strconv.Quote(p)+" occurs twice")
		}
	}
	return nil
}

func (t BinaryType) valid() bool { return t == BinaryArrayBuffer || t == BinaryBlob }

// Conn is a WebSocket connection. Its methods may be called from several goroutines.
type Conn struct {
	onOpen     func(*Conn)
	onMessage  func(*Conn, Message)
	onError    func(*Conn, error)
	onClose    func(*Conn, CloseEvent)
	readBuffer int64 // negative: none
	url        string

	state atomic.Uint32 // a ReadyState; setState changes it, with mu

	// mu guards everything below. It is never held while a handler or a function of the host runs or the network is
	// waited for.
	mu           sync.Mutex
	established  bool          // it has been Open
	delivering   bool          // a goroutine is in deliver
	handling     bool          // a handler runs
	tookMessage  bool          // Read or a handler has got one since messages last arrived
	connecting   chan struct{} // closed and forgotten when that is over
	protocol     string
	extensions   string
	end          *CloseError   // how the connection has ended; Err returns it when the state is Closed
	endedChan    chan struct{} // closed when end is set; nil until somebody waits for that
	done         chan struct{} // closed when the state becomes Closed; nil until Done is called
	posted       posted
	handedBefore int64          // what handed was when its call began
	unread       queue[payload] // messages for Read
	unreadBytes  int64          // of posted and unread ones, overhead included
	server       bool           // a server has accepted it; set before it is used
	paused       bool           // ReadBuffer is exceeded, which the platform's half knows
	blobs        bool           // binary messages become Blobs
	dropping     bool           // the program has closed the connection: nobody gets messages any more
	waiting      *waiting       // nil until somebody waits
	refused      int64          // bytes of messages that Send refused in Closing and Closed; BufferedAmount counts them

	platform
}

// URL returns the connection's absolute URL as the URL standard serialises it. On a server it is what was asked for.
func (c *Conn) URL() string { return c.url }

// ReadyState returns the connection's state. It changes right before the handler of its event is called. Close and
// CloseWith change it to Closing at once, and it stays so until the close event. The peer's Close frame makes it
// Closing after the events before it.
func (c *Conn) ReadyState() ReadyState {
	c.observe()
	return c.readyState()
}

// BufferedAmount returns how many bytes of application data (UTF-8 text and binary, before compression and framing)
// were given to Send and not yet to the network. It does not fall while a handler of the connection runs, whoever
// drains. Closing does not reset it, and messages that Send refused in Closing and Closed count for good, as in
// browsers.
//
// Outside of handlers there is no task, as a page has it, at whose end the value could fall: natively it may be 0
// right after Send.
func (c *Conn) BufferedAmount() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handling {
		return c.accepted() - c.handedBefore + c.refused
	}
	return c.buffered()
}

// buffered is BufferedAmount outside of handlers.
func (c *Conn) buffered() int64 {
	handed := c.handed() // first: a Send in between makes both larger
	return c.accepted() - handed + c.refused
}

// Extensions returns the extensions that the server selected, "" before the connection is open and if there are none.
func (c *Conn) Extensions() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extensions
}

// Protocol returns the subprotocol that the server selected, "" before the connection is open and if there is none.
func (c *Conn) Protocol() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.protocol
}

// BinaryType reports whether binary messages arrive as *ArrayBuffer or as *Blob.
func (c *Conn) BinaryType() BinaryType {
	c.mu.Lock()
	defer c.mu.Unlock()
	return binaryTypeOf(c.blobs)
}

func binaryTypeOf(blobs bool) BinaryType {
	if blobs {
		return BinaryBlob
	}
	return BinaryArrayBuffer
}

// SetBinaryType says how binary messages arrive from now on, including those that wait for Read or a handler. Other
// values than BinaryArrayBuffer and BinaryBlob are ignored, as in browsers.
func (c *Conn) SetBinaryType(t BinaryType) {
	if !t.valid() {
		return
	}
	c.mu.Lock()
	c.blobs = t == BinaryBlob
	c.mu.Unlock()
	c.binaryTypeChanged(t)
}

// Send queues a message and returns without waiting for the network (WHATWG WebSockets, section 3.1, send). The data is
// copied before it returns; a *Blob is immutable anyway. Messages leave in the order of the calls, and before the Close
// frame of a later Close. What happens to them on the way is unknown: a lost connection is seen by Read and OnClose.
// Send may be called inside a js.FuncOf.
//
// The error is an *Exception, and then nothing has been sent: "TypeError" for a nil Message, *ArrayBuffer or *Blob;
// ErrSyntax for a Text that is not valid UTF-8, in every state; ErrInvalidState unless the state is Open, and in
// Closing and Closed BufferedAmount grows all the same.
func (c *Conn) Send(m Message) error {
	if err := checkMessage(m); err != nil {
		return err
	}
	c.observe()
	state := c.readyState()
	if state == Open {
		if accepted, err := c.transmit(m); accepted || err != nil {
			return err
		}
		state = Closing // Close has come first
	}
	if state != Connecting {
		size := messageSize(m)
		c.mu.Lock()
		c.refused += size
		c.mu.Unlock()
	}
	return exception(ErrInvalidState, "Send in state "+state.String())
}

// Drain waits until BufferedAmount is at most max, which counts as 0 if negative. In a handler, where
// BufferedAmount does not fall, it waits for what BufferedAmount would be outside. It returns ctx.Err() if ctx ends
// first, which leaves the connection as it was, and the *CloseError if the connection closes before.
//
// After [Conn.Close], Drain with a max of 0 also waits, natively, until the Close frame has been given to the network:
// a program may end then without having lost anything.
//
// A browser has no event for this: there Drain looks every few milliseconds while it waits. WebKit counts bytes as
// sent when its network process has them, so there Drain does not hold back a program whose peer does not read.
// Drain must not be called inside a js.FuncOf, where it deadlocks.
func (c *Conn) Drain(ctx context.Context, max int64) error {
	if err := checkContext(ctx); err != nil {
		return err
	}
	if max < 0 {
		max = 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if drainedTo(c, max, c.buffered()) {
			return nil
		}
		if c.end != nil {
			return c.end
		}
		if err := c.awaitDrain(ctx, max); err != nil {
			return err
		}
	}
}

// Read returns the next message, waiting for it if necessary. Messages that arrived before the peer closed are returned
// before the *CloseError is; those that were not read when Close was called are dropped. After an error of the latter
// kind every Read returns the same.
//
// A Read whose ctx ends returns ctx.Err() and leaves the connection as it was. With Options.OnMessage set, Read returns
// ErrInvalidState. Several Reads at once each get different messages, in the order in which they began to wait.
//
// Read must not be called inside a js.FuncOf, where it deadlocks.
func (c *Conn) Read(ctx context.Context) (Message, error) {
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	if c.onMessage != nil {
		return nil, errHandled()
	}
	c.mu.Lock()
	var p payload
	for ok := false; !ok; {
		var err error
		switch {
		case c.unread.len() > 0:
			p, ok = c.unread.pop(), true
			c.messageTaken(p)
		case c.readyState() == Closed:
			err = c.end
		default:
			p, ok, err = c.awaitMessage(ctx, anyMessage)
		}
		if err != nil {
			c.mu.Unlock() // not deferred: a defer in a loop took a tenth of the time of a small message
			return nil, err
		}
	}
	binaryType := binaryTypeOf(c.blobs)
	c.mu.Unlock()
	return p.message(binaryType), nil
}

// ReadBytes returns the bytes of the next message, text or binary, waiting for it as [Conn.Read] does and with the same
// errors. They are the caller's to keep and to change.
//
// In a browser a message that arrives as a *Blob is read into memory, by [Blob.Bytes]. If that fails, or ctx ends
// meanwhile, ReadBytes returns that error and the message stays the next one.
func (c *Conn) ReadBytes(ctx context.Context) ([]byte, error) {
	p, err := takeBytes(ctx, c, inMemory)
	if err != nil {
		return nil, err
	}
	return p.bytes(), nil
}

// ReadAppend is [Conn.ReadBytes] for a program that does not keep what it receives: it appends the bytes of the next
// message to dst and returns the extended slice, as append does. Where dst has room no memory is allocated for it;
// otherwise the result is new memory, which serves as dst the next time:
//
//	var buf []byte
//	for {
//		var err error
//		if buf, err = c.ReadAppend(ctx, buf[:0]); err != nil {
//			return err
//		}
//		handle(buf)
//	}
//
// Until it returns, all of dst's memory up to its capacity is ReadAppend's: what lies behind len(dst) may change even
// if no message comes. Natively large messages are read from the network into it, and in a browser the bytes are copied
// from the host into it. After an error the result is dst.
func (c *Conn) ReadAppend(ctx context.Context, dst []byte) ([]byte, error) {
	p, err := takeBytes(ctx, c, appendTo(dst))
	if err != nil {
		return dst, err
	}
	return p.appendTo(dst), nil
}

// ReadText returns the next message, which has to be text, waiting for it as [Conn.Read] does and with the same errors.
// For a binary message the error is a "TypeError" *Exception, and the message stays the next one.
func (c *Conn) ReadText(ctx context.Context) (string, error) {
	p, err := take(ctx, c, onlyText)
	if err == errOtherKind {
		err = typeError("the next message is binary, not text")
	}
	if err != nil {
		return "", err
	}
	return string(p.message(BinaryArrayBuffer).(Text)), nil
}

// Messages returns an iterator over the messages that Read would return. It ends after the first error, which is
// yielded with a nil Message: the *CloseError once the connection is closed, also after a clean close, or
// ctx.Err(). Breaking out of the loop loses no message. As with Read, the loop must not run inside a js.FuncOf.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := c.Read(ctx)
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}
