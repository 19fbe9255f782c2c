// Package netconn makes a WebSocket connection a net.Conn: its messages are one stream of bytes.
//
// TLS, HTTP/2, SSH, gob or any other stream protocol can then run over a WebSocket, from a browser too. The peer
// must do the same: it sends what it has as messages, whose boundaries mean nothing.
//
// [Dial] is the function that a library takes as its dialler: gRPC's WithContextDialer, the DialContext of an
// http.Transport, or in a closure those of NATS and MQTT.
package netconn

import (
	"context"
	"net"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// Config says how the bytes of a stream become messages. The zero value is what [New] and [Dial] use.
type Config struct {
	// Text sends text messages instead of binary ones, for servers that answer binary with code 1003. What is written
	// must be UTF-8. A message ends between two characters; up to 3 bytes of an incomplete one wait for the next Write
	// and count as written.
	Text bool

	// MessageSize is the length in bytes of the longest message that Write sends. 0 is 32 KiB, which every server
	// takes; a negative value is no limit. With Text it is 4 at least.
	MessageSize int

	// WriteBuffer is the number of bytes not yet given to the network above which Write waits, before each message. 0
	// is 1 MiB, a negative value no limit. So up to WriteBuffer and MessageSize bytes are in memory.
	WriteBuffer int64

	// CloseTimeout is how long Close waits for the network. 0 is 5 seconds; with a negative value Close does not wait.
	CloseTimeout time.Duration
}

// New returns c as a net.Conn. It is [Config.New] of the zero Config.
func New(c *ws.Conn) net.Conn { return Config{}.New(c) }

// Dial opens a connection to url and returns it as a net.Conn. It is [Config.Dial] of the zero Config.
func Dial(ctx context.Context, url string, opts *ws.Options) (net.Conn, error) {
	return Config{}.Dial(ctx, url, opts)
}

// Dial opens a connection to url, as [ws.Dial] does, and returns it as a net.Conn, as [Config.New] does. ctx has no
// effect once Dial has returned. In a browser Dial must not be called in a js.FuncOf, where nothing else can happen
// meanwhile.
//
// The error is a *net.OpError with that of ws.Dial. With Options.OnMessage set it is ws.ErrInvalidState, and nothing
// has been dialled.
func (config Config) Dial(ctx context.Context, url string, opts *ws.Options) (net.Conn, error) {
	var c *ws.Conn
	err := errOnMessage
	if opts == nil || opts.OnMessage == nil {
		c, err = ws.Dial(ctx, url, opts)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return config.New(c), nil
}

// New returns c, which must be open and have no Options.OnMessage, as a net.Conn. From then on the messages are the
// net.Conn's to read. Its methods may be called from several goroutines.
//
// Read returns the bytes of one message after the other. Binary messages and the UTF-8 of text messages are all the
// same to it, and empty messages are skipped. A message that arrives as a *ws.Blob is first copied into memory
// whole. After a close with code 1000, 1001 or without a code (1005) the error is io.EOF, after any other close the
// *ws.CloseError; the bytes that came before are read first. Messages that nobody reads are in memory: without bound in a
// browser, natively up to ws.Options.ReadBuffer. A message longer than ws.Options.MessageLimit fails the connection.
//
// Write sends p as messages of at most Config.MessageSize bytes, and nothing if p is empty. Before each it waits until
// at most Config.WriteBuffer bytes are not yet given to the network, so it holds back a program that writes more than
// the peer takes (not in WebKitGTK, whose network process takes everything at once). After an error, n is how many
// bytes are in messages that have been queued: these will leave whole, of the rest nothing leaves. That a message has
// been queued does not say that it arrives. Once the connection is closing or closed, the error is ws.ErrInvalidState
// or the *ws.CloseError. With Config.Text it is ws.ErrSyntax for bytes that are not UTF-8; those before them are sent.
//
// A deadline ends the calls that wait, also those that began before it was set, and makes later ones fail, with
// os.ErrDeadlineExceeded. Nothing is lost by that: a later deadline, or none, makes Read and Write go on where they
// were.
//
// Close closes c with code 1000. As a TCP connection's does, it leaves nothing behind in the program's memory: it waits
// until everything written, and natively the Close frame too, has been given to the network, so a program may end right
// after it. With nothing queued it returns at once. It waits at most Config.CloseTimeout, and not beyond a write
// deadline: one in the past makes it not wait. Then it returns nil all the same, and the connection goes on ending by
// itself. As Close may wait, it must not be called in a js.FuncOf. The error is nil, but with Config.Text ws.ErrSyntax
// if the last character is incomplete, which then is not sent.
//
// Reads and Writes that wait when Close is called, and all later ones, return net.ErrClosed at once, and so do the
// setters of deadlines; bytes not yet read are dropped. Closing again does nothing. To learn when the connection has
// ended, wait for c.Done.
//
// Errors other than io.EOF are in a *net.OpError. If c has Options.OnMessage, Read returns ws.ErrInvalidState. If c is
// nil, every method returns a "TypeError" *ws.Exception.
//
// LocalAddr and RemoteAddr return c's natively. No browser tells addresses: there RemoteAddr has the connection's URL,
// without user name and password, LocalAddr is "unknown", and the Network of both is "websocket".
//
// The net.Conn is also an [Unwrapper], which has c.
func (config Config) New(c *ws.Conn) net.Conn {
	if c == nil {
		return noConn{}
	}
	config.fillIn()
	return &conn{
		ws:         c,
		config:     config,
		remote:     addr(withoutCredentials(c.URL())),
		reading:    make(chan struct{}, 1),
		writing:    make(chan struct{}, 1),
		readLimit:  newLimit(),
		writeLimit: newLimit(),
	}
}

// Unwrapper is what a net.Conn of this package is besides. The method returns the connection below, for what a net.Conn
// does not have:
//
//	protocol := stream.(netconn.Unwrapper).WebSocket().Protocol()
//
// Messages that are read from it are missing in the stream, and Config.MessageSize does not hold for what is sent by
// it.
type Unwrapper interface {
	WebSocket() *ws.Conn
}

const (
	messageSize  = 32 << 10
	writeBuffer  = 1 << 20
	closeTimeout = 5 * time.Second

	// leastText is the length of the longest character: a shorter message could hold none of it.
	leastText = 4
)

// fillIn puts the defaults in the place of zero values.
func (config *Config) fillIn() {
	if config.MessageSize == 0 {
		config.MessageSize = messageSize
	}
	if config.MessageSize < 0 {
		config.MessageSize = int(^uint(0) >> 1)
	}
	if config.Text {
		config.MessageSize = max(config.MessageSize, leastText)
	}
	if config.WriteBuffer == 0 {
		config.WriteBuffer = writeBuffer
	}
	if config.CloseTimeout == 0 {
		config.CloseTimeout = closeTimeout
	}
}

// conn is a connection as a stream. What is read and what is written are guarded apart.
type conn struct {
	ws     *ws.Conn
	config Config
	remote addr

	// reading and writing are locks, as channels because waiting for one must end at a deadline.
	reading, writing      chan struct{}
	readLimit, writeLimit *limit

	input  input  // with reading held
	output output // with writing held
}

func (c *conn) WebSocket() *ws.Conn { return c.ws }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error { return c.set(c.readLimit, t) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.set(c.writeLimit, t) }

func (c *conn) set(l *limit, t time.Time) error {
	if !l.set(t) {
		return c.opError("set", net.ErrClosed)
	}
	return nil
}

// acquire takes a lock, unless end comes first.
func acquire(end *ending, lock chan struct{}) error {
	if err := end.Err(); err != nil {
		return err
	}
	select {
	case lock <- struct{}{}:
		return nil
	case <-end.Done():
		return end.Err()
	}
}

func release(lock chan struct{}) { <-lock }
