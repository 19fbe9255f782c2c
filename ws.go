// Package ws implements WebSocket clients and servers with the API of the web platform's WebSocket object. The same
// client code runs in a browser and natively.
//
// Under GOOS=js a [Conn] drives the host's own WebSocket object through syscall/js. On every other platform it is
// implemented in Go and behaves as browsers do, event for event. Names and rules are those of the WHATWG WebSockets
// standard:
//
//	c, err := ws.Dial(ctx, "wss://example.com/chat", &ws.Options{Protocols: []string{"chat.v2"}})
//	if err != nil {
//		return err
//	}
//	defer c.CloseNow() // for the error returns; use Shutdown for a clean end
//	if err := c.Send(ws.Text("hello")); err != nil {
//		return err
//	}
//	msg, err := c.Read(ctx)
//
// On a server, which is always native, Accept turns an HTTP request into a Conn too.
//
// # Receiving messages
//
// There are two ways to receive. By default messages wait for [Conn.Read] or [Conn.Messages]. If Options.OnMessage is
// set, they go to that handler instead. The other handlers, OnOpen, OnError and OnClose, work either way.
//
// Events of one connection are delivered one at a time and in order. Handlers run on a goroutine of the package, never
// inside a JavaScript callback. A handler may block, Send, Close, or Read from another connection. While it runs, later
// events of the same connection wait, but control frames are still answered, natively up to 30 ms late. A handler must
// not wait for a later event of its own connection, for example by calling Read or Wait. OnError and OnClose are the
// exception: Wait and Read return at once there.
//
// # Calls that deadlock inside a js.FuncOf
//
// A function made by js.FuncOf holds up the host's event loop until it returns, so nothing can arrive meanwhile.
// Methods that wait for the connection therefore deadlock there: Dial, Read, Messages, Drain, Wait, Shutdown, and
// reading a Blob. Call these in a goroutine. Everything else returns without waiting and may be called there: New,
// Send, Close, CloseWith, CloseNow, and the methods that only report something.
//
// # Sending messages
//
// [Conn.Send] never blocks. It queues the message, and [Conn.BufferedAmount] reports how much is queued. A program that
// may send faster than the network takes calls [Conn.Drain] between messages.
//
// # Unread messages
//
// A browser cannot pause a connection, so there messages that nobody reads queue up without bound. Natively the
// connection stops reading when Options.ReadBuffer bytes are unread, and TCP then holds back the peer. Until it reads
// again it also answers no pings and does not notice the peer's Close frame.
//
// # Differences from the browser's object
//
// These hold on every platform:
//
//   - BinaryType starts as BinaryArrayBuffer. The browser's default is "blob".
//   - A blocked port is ErrSecurity from New and Dial. Browsers construct the object and then fail the connection.
//   - Text and close reasons that are not valid UTF-8 are ErrSyntax, and nothing is sent or counted. Browsers send
//     U+FFFD.
//   - Send in the states Closing and Closed returns ErrInvalidState. Browsers report nothing; BufferedAmount grows in
//     both.
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

// Options configure New and Dial. A nil *Options means the zero value. Changing the fields after New or Dial has been
// called has no effect.
type Options struct {
	// Protocols are the subprotocols to offer, in order of preference. Each must be an HTTP token and occur only once. If
	// the server selects one, Conn.Protocol returns it. If any is offered and the server selects none, or one that was not
	// offered, the connection fails; Firefox, WebKit and Deno let some of these cases pass.
	Protocols []string

	// BinaryType says whether binary messages arrive as *ArrayBuffer or as *Blob. "" means BinaryArrayBuffer.
	BinaryType BinaryType

	// BaseURL is the URL against which a relative URL is resolved. If it is empty, a browser uses the URL of its page or
	// worker; everywhere else a relative URL is then ErrSyntax.
	BaseURL string

	// OnOpen is called when the connection has been established.
	OnOpen func(*Conn)

	// OnMessage is called with each message. If it is nil, messages wait for Read.
	OnMessage func(*Conn, Message)

	// OnError is called when the connection is failed: it could not be established, or the peer broke the protocol. It is
	// called at most once, before OnClose. The error is the *CloseError that Conn.Err returns. Losing the TCP connection
	// is not a failure in this sense: then only OnClose is called.
	OnError func(*Conn, error)

	// OnClose is called once, as the last event, when the connection is closed. Conn.Done is already closed then.
	OnClose func(*Conn, CloseEvent)

	// MessageLimit is the size of the largest message accepted, in bytes after decompression. A larger message fails the
	// connection: Err then returns a *CloseError with ErrMessageTooBig, and natively the peer gets close code 1009. 0
	// means 128 MiB, a negative value means no limit.
	MessageLimit int64

	// ReadBuffer is the number of bytes of unread messages at which a native connection stops reading. It stops between
	// two messages, and each message counts as a few bytes more than its size. 0 means 16 MiB, a negative value means no
	// limit. Browsers cannot stop reading.
	ReadBuffer int64

	// Native has the settings that only the native implementation supports: TLS, proxy, request headers, compression,
	// pings. Under GOOS=js it has no fields.
	Native NativeOptions
}

const (
	defaultMessageLimit = 128 << 20
	defaultReadBuffer   = 16 << 20

	// messageOverhead is what an unread message counts besides its bytes: about the memory that a small one takes.
	messageOverhead = 80
)

// Dial opens a connection to url and waits until it is open. See [New] for the form of url; opts may be nil. If ctx
// ends first, the attempt is abandoned at once, including its TCP connection; if OnOpen has already been called,
// OnClose is called too. Once Dial has returned, ctx has no effect on the connection. Natively the values and the
// deadline of ctx reach whatever NativeOptions.HTTPClient calls.
//
// Dial returns an *Exception for a bad argument, as New does, and a *CloseError if the attempt fails. Natively the Err
// of the *CloseError is the cause, for example a *HandshakeError or a *ProxyError. Browsers hide the cause: there the
// error names the URL, without a password, and wraps the *CloseError. If ctx ends, errors.Is reports true for the error
// with ctx.Err() and with context.Cause(ctx). After an error there is nothing to close.
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

// New starts connecting to url and returns at once, as the constructor of the browser's object does (WHATWG WebSockets,
// section 3.1). The connection's state is Connecting; handlers may run before New has returned. New may be called
// inside a js.FuncOf.
//
// The scheme of url is ws or wss, or http or https, which mean the same; or url is relative to Options.BaseURL. It is
// parsed by the rules of the URL standard: in a browser, by the browser itself.
//
// The error is an *Exception: ErrSyntax for the URL or a subprotocol, ErrSecurity for a blocked port, "TypeError" for
// an unknown BinaryType, "NotSupportedError" in a JavaScript host without WebSocket. Everything else that can go wrong
// is reported as an event, and as the *CloseError that [Conn.Err] returns.
//
// A connection holds resources until either side closes it. In a JavaScript host, a program that exits with an open
// connection leaves the page with an uncaught error for each event that still arrives: end connections with
// [Conn.Shutdown] or [Conn.CloseNow] before main returns.
func New(url string, opts *Options) (*Conn, error) {
	//lint:ignore SA1012 nil says that nobody waits
	c, _, err := newConn(nil, url, opts)
	return c, err
}

// newConn is New, and also Dial up to the point where it waits. ctx is Dial's, or nil. settled is closed when the
// connection becomes Open, or Closed without having been Open.
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

// Conn is a WebSocket connection, made by [Dial], [New] or, on a server, by Accept. Its methods may be called from
// several goroutines at the same time.
//
// A connection holds resources until either side closes it; a program does so with [Conn.Shutdown], [Conn.Close] or
// [Conn.CloseNow]. Pings and the peer's Close frame are answered without any call of Read, natively as long as fewer
// than Options.ReadBuffer bytes are unread. There is no method that sends pings: natively, set
// NativeOptions.PingInterval or AcceptOptions.PingInterval.
type Conn struct {
	onOpen     func(*Conn)
	onMessage  func(*Conn, Message)
	onError    func(*Conn, error)
	onClose    func(*Conn, CloseEvent)
	readBuffer int64 // negative: none
	url        string

	platform

	state atomic.Uint32 // a ReadyState; setState changes it, with mu

	// mu guards everything below. It is never held while a handler or a function of the host runs, or while waiting for
	// the network.
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
	handedBefore int64    // what handed was when its call began
	unread       queue    // messages for Read
	unreadBytes  int64    // of posted and unread ones, overhead included
	server       bool     // a server has accepted it; set before it is used
	paused       bool     // ReadBuffer is exceeded, which the platform's half knows
	blobs        bool     // binary messages become Blobs
	dropping     bool     // the program has closed the connection: nobody gets messages any more
	waiting      *waiting // nil until somebody waits
	refused      int64    // bytes of messages that Send refused in Closing and Closed; BufferedAmount counts them
}

// URL returns the connection's absolute URL as the URL standard serialises it. On a server it is the URL that the
// client asked for.
func (c *Conn) URL() string { return c.url }

// ReadyState returns the connection's state. It changes right before the handler of the corresponding event is called.
// Close and CloseWith change it to Closing at once, and it stays so until the close event. When the peer sends a Close
// frame, it changes to Closing once the earlier events have been handled.
func (c *Conn) ReadyState() ReadyState {
	c.observe()
	return c.readyState()
}

// BufferedAmount returns the number of bytes of application data that were passed to Send and have not yet been given
// to the network. It counts UTF-8 text and binary data before compression and framing. While a handler of the
// connection runs, it does not fall, not even for other goroutines or when Drain is called. Closing does not reset it,
// and messages that Send refused in the states Closing and Closed are counted for good, as in browsers.
//
// Outside of handlers there is no task in the sense of a web page, at whose end the value could fall: natively it may
// be 0 right after Send.
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

// Extensions returns the extensions that the server selected. It is "" before the connection is open and if there are
// none.
func (c *Conn) Extensions() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extensions
}

// Protocol returns the subprotocol that the server selected. It is "" before the connection is open and if there is
// none.
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

// SetBinaryType sets whether binary messages arrive as *ArrayBuffer or as *Blob from now on, including those that
// already wait for Read or a handler. Values other than BinaryArrayBuffer and BinaryBlob are ignored, as in browsers.
func (c *Conn) SetBinaryType(t BinaryType) {
	if !t.valid() {
		return
	}
	c.mu.Lock()
	c.blobs = t == BinaryBlob
	c.mu.Unlock()
	c.binaryTypeChanged(t)
}

// Send queues a message and returns without waiting for the network (WHATWG WebSockets, section 3.1, send). It copies
// the data before it returns, except that of a *Blob, which is immutable. Messages leave in the order of the calls, and
// before the Close frame of a later Close. A nil error does not mean that the message arrives: a connection that is
// lost later is reported by Read and OnClose. Send may be called inside a js.FuncOf.
//
// If Send returns an *Exception, nothing has been sent. It is "TypeError" for a nil Message, *ArrayBuffer or *Blob, and
// ErrSyntax for a Text that is not valid UTF-8, both in every state. It is ErrInvalidState unless the state is Open; in
// the states Closing and Closed BufferedAmount grows all the same.
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

// Drain waits until BufferedAmount is at most max. Use it between calls of Send to keep a fast sender from filling
// memory. A negative max counts as 0. In a handler, where BufferedAmount does not fall, Drain waits for the value that
// BufferedAmount would have outside. It returns ctx.Err() if ctx ends first, which leaves the connection as it was, and
// the *CloseError if the connection closes first.
//
// After [Conn.Close], Drain with a max of 0 also waits, natively, until the Close frame has been given to the network.
// A program may then end without losing anything.
//
// A browser has no event for this, so there Drain checks every few milliseconds while it waits. WebKit counts bytes as
// sent when its network process has them, so there Drain does not hold back a program whose peer does not read. Drain
// must not be called inside a js.FuncOf, where it deadlocks.
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

// Read returns the next message, waiting for it if necessary. If the peer closes the connection, Read first returns the
// messages that arrived before, and then the *CloseError on every further call. Calling Close drops the messages that
// have not been read.
//
// If ctx ends while Read waits, it returns ctx.Err() and leaves the connection as it was. If Options.OnMessage is set,
// Read returns ErrInvalidState. Several Reads at the same time each get a different message, in the order in which they
// started to wait.
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
		case !c.unread.empty():
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

// ReadBytes returns the bytes of the next message, text or binary. It waits for it as [Conn.Read] does and returns the
// same errors. The caller may keep and change the bytes.
//
// In a browser, a message that arrives as a *Blob is read into memory, by [Blob.Bytes]. If that fails, or if ctx ends
// meanwhile, ReadBytes returns that error and the message remains the next one to be read.
func (c *Conn) ReadBytes(ctx context.Context) ([]byte, error) {
	p, err := takeBytes(ctx, c, inMemory)
	if err != nil {
		return nil, err
	}
	return p.bytes(), nil
}

// ReadAppend is like [Conn.ReadBytes], for a program that does not keep what it receives. It appends the bytes of the
// next message to dst and returns the extended slice, as append does. If dst has enough room, no memory is allocated
// for it; otherwise the result is new memory, which can be passed as dst the next time:
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
// Until it returns, ReadAppend owns all of dst's memory up to its capacity: the bytes behind len(dst) may change even
// if no message comes. Natively, large messages are read from the network into it; in a browser, the bytes are copied
// from the host into it. After an error the result is dst.
func (c *Conn) ReadAppend(ctx context.Context, dst []byte) ([]byte, error) {
	p, err := takeBytes(ctx, c, appendTo(dst))
	if err != nil {
		return dst, err
	}
	return p.appendTo(dst), nil
}

// ReadText returns the next message, which must be text. It waits for it as [Conn.Read] does and returns the same
// errors. For a binary message the error is a "TypeError" *Exception, and the message remains the next one to be read.
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
// yielded with a nil Message: the *CloseError once the connection is closed, even after a clean close, or ctx.Err().
// Breaking out of the loop loses no message. As with Read, the loop must not run inside a js.FuncOf.
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
