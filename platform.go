package ws

import "context"

// A connection has two halves. The portable half is in this package's files without a suffix: the API, readyState, the
// order of events, the messages that wait. The platform's half connects, sends and receives: under GOOS=js it binds
// to the host's WebSocket object (ws_js.go), elsewhere to an endpoint of internal/engine (ws_native.go).
//
// The portable half calls the platform's half through the interface half. The platform's half reports to the functions
// of events.go: opened, received, idle, peerClosing, ended, drained, and calls deliver. It calls them without mu.
// Neither half touches the other's fields, with two exceptions: the settings that newConn fills in, and mu, which
// guards fields of the platform's half too.

// half has the methods of a platform's half. Conn gets them by embedding the platform's type.
type half interface {
	// connect starts connecting. Reports may follow at once. The context is that of Dial, or nil for New; its values and
	// deadline are passed on. When it ends, Dial itself calls CloseNow.
	connect(context.Context, target, *Options) error

	// isServer reports whether the connection has been accepted by a server, so that a server's close codes are allowed.
	isServer() bool

	// released returns a channel that is closed once nothing below uses objects of others any more; the state becomes
	// Closed only after that. nil means that there is nothing to wait for. It is called with mu.
	released() <-chan struct{}

	// dialError returns the error of Dial for an attempt to connect that ended in that way.
	dialError(*CloseError) error

	// abandon fails an attempt to connect: ended is reported soon. It is called without mu.
	abandon()

	// transmit queues a message and does not wait for the network. It reports false if startClosing came first. After
	// an error, which is an *Exception or ErrSlowPeer, nothing was sent. It is called without mu, while the state is Open.
	transmit(Message) (bool, error)

	// startClosing queues the Close frame behind all messages; StatusNoStatusRcvd stands for no code. It is called
	// without mu.
	startClosing(code StatusCode, reason string)

	// abort ends the connection at once and reports nothing. It is called without mu.
	abort()

	// accepted and handed return how many bytes of application data transmit has accepted in all, and how many of them
	// have been handed to the network. They are called with mu, which handed may give up for a moment.
	accepted() int64
	handed() int64

	// watchBuffered asks for a call of drained when accepted()-handed() is at most limit and, if that is 0,
	// closeFrameWaits is false. It is called with mu.
	watchBuffered(limit int64)

	// observe reports what the host does not announce by an event. It is called without mu.
	observe()

	// binaryTypeChanged is called without mu.
	binaryTypeChanged(BinaryType)

	// resume says that fewer than ReadBuffer bytes are unread again, after received has said that there are more. It
	// is called with mu.
	resume()

	// receiveFor lets a Read that is about to wait do the platform's work meanwhile. It returns when the Read has been
	// woken, when its context has ended, or when another goroutine has to continue. It is called without mu.
	receiveFor(context.Context, *readWaiter)

	// keepReceiving says that a Read that was in receiveFor has returned, while other Reads wait. It is called with mu.
	keepReceiving()
}

var _ half = (*Conn)(nil)

// closeFrameWaits reports whether startClosing's Close frame has yet to be given to the network, as far as that is
// known. It is called with mu. It is not a method, because every method makes every program for a browser larger, and
// most programs do not need this one.
var _ func(*Conn) bool = closeFrameWaits

// target is the platform's type of a parsed URL, which resolveURL returns.
var _ interface{ Port() uint16 } = *new(target)
