// Package netconn turns a WebSocket connection into a net.Conn: its messages become one stream of bytes.
//
// TLS, HTTP/2, SSH, gob or any other stream protocol can then run over a WebSocket, from a browser too. The peer must
// do the same: it sends the stream's bytes as messages, whose boundaries mean nothing.
//
// [Dial] is the function to give to a library as its dialler: to gRPC's WithContextDialer, as the DialContext of an
// http.Transport, or in a closure to NATS and MQTT.
package netconn

import (
	"context"
	"net"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// Config says how the bytes of a stream become messages. The zero value is what New and Dial use.
type Config struct {
	// Text sends text messages instead of binary ones, for servers that answer binary messages with code 1003. Everything
	// written must be UTF-8. A message ends between two characters; up to 3 bytes of an incomplete one wait for the next
	// Write and count as written.
	Text bool

	// MessageSize is the length in bytes of the longest message that Write sends. 0 means 32 KiB, which every server
	// takes; a negative value means no limit. With Text it is at least 4.
	MessageSize int

	// WriteBuffer is the number of bytes not yet given to the network above which Write waits, before each message. 0
	// means 1 MiB, a negative value means no limit. So up to WriteBuffer plus MessageSize bytes are in memory.
	//
	// On a connection that a server has accepted, it must be at most AcceptOptions.SendBuffer. Otherwise a Write of much
	// data does not wait for the client, but fails the connection with ws.ErrSlowPeer.
	WriteBuffer int64

	// CloseTimeout is how long Close waits for the network. 0 means 5 seconds; with a negative value Close does not wait.
	CloseTimeout time.Duration
}

// New returns c as a net.Conn. It is [Config.New] of the zero Config.
func New(c *ws.Conn) net.Conn { return Config{}.New(c) }

// Dial opens a connection to url and returns it as a net.Conn. It is [Config.Dial] of the zero Config.
func Dial(ctx context.Context, url string, opts *ws.Options) (net.Conn, error) {
	return Config{}.Dial(ctx, url, opts)
}

// Dial opens a connection to url, as [ws.Dial] does, and returns it as a net.Conn, as [Config.New] does. Once Dial has
// returned, ctx has no effect. In a browser Dial must not be called inside a js.FuncOf, where nothing else can happen
// meanwhile.
//
// The error is a *net.OpError that wraps the error of ws.Dial. If Options.OnMessage is set, it wraps
// ws.ErrInvalidState, and nothing has been dialled.
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

// New returns c as a net.Conn. c must be open and have no Options.OnMessage. From then on only the net.Conn may read
// its messages. The methods of the net.Conn may be called from several goroutines.
//
// Read returns the bytes of one message after the other. It makes no difference between binary messages and the UTF-8
// of text messages, and it skips empty messages. A message that arrives as a *ws.Blob is first copied into memory as a
// whole. After a close with code 1000, 1001 or without a code (1005) the error is io.EOF, after any other close the
// *ws.CloseError; in both cases the bytes that came before are returned first. Messages that nobody reads are in
// memory: in a browser without bound, natively up to ws.Options.ReadBuffer. A message longer than
// ws.Options.MessageLimit fails the connection.
//
// Write sends p as messages of at most Config.MessageSize bytes, and sends nothing if p is empty. Before each message
// it waits until at most Config.WriteBuffer bytes are not yet given to the network. So it holds back a program that
// writes more than the peer takes (except in WebKitGTK, whose network process takes everything at once). After an
// error, n is the number of bytes in messages that have been queued: these leave as a whole, and nothing of the rest
// leaves. A message that has been queued need not arrive. Once the connection is closing or closed, the error is
// ws.ErrInvalidState or the *ws.CloseError. With Config.Text, the error for bytes that are not UTF-8 is ws.ErrSyntax;
// the bytes before them are sent.
//
// A deadline ends the calls that wait, including those that began before it was set, and makes later calls fail; the
// error is os.ErrDeadlineExceeded. Nothing is lost: after setting a later deadline, or none, Read and Write continue
// where they stopped.
//
// Close closes c with code 1000. Like that of a TCP connection, it leaves nothing behind in the program's memory: it
// waits until everything written, and natively the Close frame too, has been given to the network. A program may exit
// right after it. If nothing is queued, it returns at once. It waits at most Config.CloseTimeout, and not beyond a
// write deadline: with one in the past it does not wait. If the time is over, it returns nil all the same, and the
// connection goes on to end by itself. Because Close may wait, it must not be called inside a js.FuncOf. The error is
// nil, except with Config.Text: it is ws.ErrSyntax if the last character is incomplete, which then is not sent.
//
// Reads and Writes that wait when Close is called, and all later ones, return net.ErrClosed at once, and so do the
// setters of deadlines; bytes not yet read are dropped. Closing again does nothing. To learn when the connection has
// ended, wait for c.Done.
//
// Errors other than io.EOF are wrapped in a *net.OpError. If c has Options.OnMessage, Read returns ws.ErrInvalidState.
// If c is nil, every method returns a "TypeError" *ws.Exception.
//
// Natively LocalAddr and RemoteAddr return those of c. Browsers reveal no addresses: there RemoteAddr is the
// connection's URL, without user name and password, LocalAddr is "unknown", and the Network of both is "websocket".
//
// The net.Conn also implements [Unwrapper], which returns c.
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

// Unwrapper is implemented by every net.Conn of this package. Use it for what a net.Conn does not offer; WebSocket
// returns the connection below:
//
//	protocol := stream.(netconn.Unwrapper).WebSocket().Protocol()
//
// Messages that are read from that connection are missing in the stream, and Config.MessageSize does not apply to
// messages sent with it.
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
	// sinceTurn is how many bytes have been written since the last turn, with writing held.
	sinceTurn int
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
