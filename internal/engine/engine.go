// Package engine is one endpoint of a WebSocket connection on a byte stream, from the opening handshake to the end
// (RFC 6455, sections 5 to 7): it frames and writes messages, reads and parses what the peer sends, answers and
// sends control frames, and ends the connection. It knows no HTTP, no network, and no type of the API above it.
//
// # The two interfaces
//
// Above an [Endpoint] is its [Owner], the platform-independent object that users see. The Endpoint reports to it
// what happens on the connection; the Owner calls the Endpoint's methods. Neither touches the other's fields. Below
// is the [Stream], the connection itself.
//
// # Who does what
//
// An idle Endpoint has one goroutine, which waits in Stream.ReadSome, and no buffers. One goroutine at a time holds the
// right to read (see reading): this one, or a Read of the program that waits anyway. Whoever has something to write
// writes it, as long as the stream takes it at once; otherwise a goroutine does, which lives as long as there is
// something to write (see writer).
//
// # Locks
//
// An Endpoint has one lock, mu. Functions whose names end in Locked need it. It is held only for bounded pieces of
// work: never while the stream is read, written or closed, and never while a method of the Owner runs. So an Owner
// may call the Endpoint with its own lock held, if the method's comment says so.
package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed2c7e30c3/ws/internal/deflate"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// Owner is what an Endpoint reports to. Received, PeerClosing, Idle and Deliver are called by whoever holds the
// right to read, so one at a time and in the order of what happened; Ended and Drained may be called by any
// goroutine, also from inside the Endpoint's methods. None may wait, except Deliver.
type Owner interface {
	// Received takes messages, and returns what has to happen next. The slice, and the Payload of each message that is not
	// Owned, are only valid during the call.
	Received(batch []Message) Next

	// PeerClosing says that the peer's Close frame has come. No message follows.
	PeerClosing()

	// Ended says how the connection has ended. It is the last report, except for calls of Received and PeerClosing that
	// are under way in another goroutine, or come from one that does not know of the end yet.
	Ended(End)

	// Drained says that Buffered has fallen to what AwaitBuffered asked for.
	Drained()

	// Idle says that nothing more has arrived for the moment: memory that is kept for a flood may go.
	Idle()

	// Deliver hands messages to the program, after a Received that has returned Deliver. It may wait for the program. It
	// is never called in a goroutine of the program.
	Deliver()
}

// Message is a message that has arrived: Op is frame.Text or frame.Binary.
type Message = frame.Event

// Next is what an Endpoint does when its Owner has received messages.
type Next uint8

const (
	// ReadOn goes on reading.
	ReadOn Next = iota

	// Pause stops reading until Resume is called, once for each Pause.
	Pause

	// Yield leaves reading to the program, which takes messages with Reads and will come for more.
	Yield

	// Deliver calls Owner.Deliver before the goroutine reads on. Meanwhile another one may read.
	Deliver
)

// End is how a connection has ended.
type End struct {
	Code   uint16 // of the peer's Close frame; 1006 without one
	Reason string
	Clean  bool  // both Close frames have been exchanged
	Failed bool  // the connection was failed (RFC 6455, section 7.1.7)
	Err    error // why, if it was not clean
}

// Stream is a connection, as netio.Conn is one. One goroutine at a time reads, and one writes. The other methods
// may be called at any time.
type Stream interface {
	ReadSome(Buffers) ([]byte, error)   // waits for bytes, and only then asks for memory for them
	Read(p []byte) (int, error)         // waits for bytes; 0 only with an error
	Quiet() bool                        // a read waits, and nothing has arrived for it
	ExpectWait()                        // the next ReadSome probably waits for long: it is to keep little memory
	Stoppable() bool                    // a read deadline ends a read
	SetReadDeadline(time.Time)          // of a Stoppable stream
	Write(buffers [][]byte) error       // writes all
	TryLimit() int                      // how much TryWrite may be given
	TryWrite(p []byte) (n int, e error) // writes what can be written without waiting
	Written() int64                     // bytes written, those of a Write under way included
	Taken() int64                       // of these, those that the peer's system has, if that is known
	TakeMore()                          // what is written from now on is the last
	CloseWrite() error                  // may wait
	Close() error                       // may wait
	Abort() error                       // Close without saying goodbye; may wait
}

// Buffers has the memory that Stream.ReadSome reads into.
type Buffers interface {
	Get() []byte // memory for bytes that have arrived
	Idle()       // nothing has arrived; memory of a Get that brought nothing is given back
}

// Config is how an Endpoint is made.
type Config struct {
	Role     frame.Side        // a client masks what it sends, and leaves it to the peer to end the stream
	Early    []byte            // bytes that have been read from the stream before
	Limit    int64             // of a received message, in bytes; negative: none
	Inflater *deflate.Inflater // of a connection with permessage-deflate, else nil
	Deflater *deflate.Deflater // the same

	// SendLimit is the number of unsent bytes of application data above which a Send fails the connection; 0 means no
	// limit. The memory that messages take besides has the same limit, but at least 64 KiB and at most 1 GiB.
	SendLimit int64

	// PingInterval is the time between two pings; 0 means none.
	PingInterval time.Duration

	// ByRead says that the program takes messages with Reads that can wait in ReadUntil. Without it, the Owner must not
	// return Yield.
	ByRead bool

	Timeouts Timeouts
}

// Endpoint is one end of a WebSocket connection. Its methods may be called by several goroutines.
type Endpoint struct {
	timeouts *Timeouts
	received atomic.Int64 // bytes read from the stream

	// incoming is for whoever holds the right to read.
	incoming incoming

	// What sending uses lies together, from here to out: see touch.
	owner      Owner
	stream     Stream
	inlineNext atomic.Bool // the next Send writes by itself: see startWritingLocked
	role       frame.Side
	shared     sharedKind

	// mu guards everything below.
	mu        sync.Mutex
	sending   sendingState   // changed by setSendingLocked alone
	receiving receivingState // changed by setReceivingLocked alone
	writing   bool           // somebody writes: see writer.go
	flushing  bool           // a goroutine has been started that will
	unsaid    *End           // the report that unlock makes
	low       int64          // Drained is due when Buffered is at most this; negative: nobody waits
	out       outgoing

	reading   reading
	pauses    uint32      // how often the Owner has said Pause
	resumes   uint32      // how often Resume was called
	resumed   *sync.Cond  // reading may go on; nil until somebody waits for that
	peerClose *closeFrame // the peer's Close frame
	closing   *closeTimer // nil until the connection is to close
	pinger    *pinger     // nil without pings
}

// New returns an Endpoint on top of a stream on which the opening handshake is complete. It does nothing before Start.
func New(owner Owner, stream Stream, config *Config) *Endpoint {
	e := &Endpoint{owner: owner, stream: stream, role: config.Role, low: -1}
	e.timeouts = config.Timeouts.orDefaults(config.Role)
	e.incoming.init(config)
	e.out.deflater = config.Deflater
	e.out.limit = config.SendLimit
	e.shared = sharedKindOf(config)
	e.inlineNext.Store(true)
	e.reading.held = true // for the goroutine that Start starts
	e.reading.lendable = config.ByRead && stream.Stoppable()
	e.reading.rests = config.Role == frame.Server && !config.ByRead && stream.Stoppable()
	if config.PingInterval > 0 {
		e.pinger = &pinger{interval: config.PingInterval}
	}
	return e
}

// Start begins to read. Reports to the Owner may follow at once.
func (e *Endpoint) Start() {
	e.stream.ExpectWait()
	e.mu.Lock()
	defer e.unlock()
	e.startPingingLocked()
	if e.role == frame.Server && e.reading.lendable {
		// Its Read comes at once: a goroutine that had the right would wait beside it until the first message.
		e.releaseReadingLocked()
		return
	}
	go e.readLoop()
}

// unlock gives up mu, and then reports to the Owner what has become due meanwhile. Whoever may have changed a state
// uses it instead of mu.Unlock, so that no report is forgotten.
func (e *Endpoint) unlock() {
	if e.unsaid != nil || e.low >= 0 {
		e.report()
		return
	}
	e.mu.Unlock()
}

// report is unlock when there may be something to report.
func (e *Endpoint) report() {
	end := e.unsaid
	e.unsaid = nil
	drained := e.low >= 0 && e.drainedLocked()
	if drained {
		e.low = -1
	}
	e.mu.Unlock()
	if drained {
		e.owner.Drained()
	}
	if end != nil {
		e.owner.Ended(*end)
	}
}

// Amounts returns how many bytes of application data Send has accepted in all, and how many of them have not been
// handed to the stream yet. It may be called with the Owner's lock held.
func (e *Endpoint) Amounts() (accepted, buffered int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out.accepted, e.bufferedLocked()
}

// Handed returns how many bytes of application data have been handed to the stream in all: accepted - buffered. It
// takes no lock.
func (e *Endpoint) Handed() int64 { return e.out.handed.Load() }

// CloseWaits reports whether our Close frame has been queued and not yet been handed to the stream. It may be called
// with the Owner's lock held.
func (e *Endpoint) CloseWaits() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closeWaitsLocked()
}

// AwaitBuffered asks for a call of Drained when at most limit bytes are buffered, and if that is 0 no Close frame waits
// either. A later call replaces a lower limit. It may be called with the Owner's lock held: Drained is then called by
// another goroutine.
func (e *Endpoint) AwaitBuffered(limit int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.low = max(e.low, limit)
	if e.drainedLocked() {
		e.low = -1
		go e.owner.Drained()
		return
	}
	// A peer that sends may take nothing until that has been read.
	e.keepReadingLocked()
}

// Resume takes back a Pause. It may be called with the Owner's lock held.
func (e *Endpoint) Resume() {
	e.mu.Lock()
	e.resumes++
	e.wakePausedLocked()
	e.mu.Unlock()
}

// KeepReading makes sure that somebody reads. It may be called with the Owner's lock held.
func (e *Endpoint) KeepReading() {
	e.mu.Lock()
	e.keepReadingLocked()
	e.mu.Unlock()
}

// Waiter is a Read of the program that waits for a message.
type Waiter interface {
	// Woken reports whether it need not wait any more.
	Woken() bool

	// Room returns memory of the program's, whose capacity counts, or nil. A long message may be read into it: Received
	// then gets a message whose Payload is at the beginning of it. It is the Endpoint's until ReadUntil returns.
	Room() []byte
}

// ReadUntil reads from the stream in the place of a goroutine, if the right to read is free, until w has been
// woken, ctx has ended or something else has to go on reading. It returns at once if it cannot read. The Read then
// waits for w as if it had not been called.
func (e *Endpoint) ReadUntil(ctx context.Context, w Waiter) { e.readUntil(ctx, w) }
