// Package load has what is common to all contestants, natively and in browsers: the clients' interface, the workloads
// and how they are measured.
package load

import "unsafe"

// Message is what a client sends. Each contestant uses the form that suits its API.
type Message struct {
	Text string // of a text message
	Data []byte // the bytes, also of a text message
}

func (m *Message) IsText() bool { return m.Text != "" }

func BinaryMessage(data []byte) *Message { return &Message{Data: data} }

func TextMessage(text string) *Message { return &Message{Text: text, Data: []byte(text)} }

// Received is what a client has received; the caller may keep it.
type Received struct {
	Text string
	Data []byte
}

func (r Received) Len() int { return len(r.Text) + len(r.Data) }

func (r Received) Bytes() []byte {
	if r.Text != "" {
		return unsafe.Slice(unsafe.StringData(r.Text), len(r.Text))
	}
	return r.Data
}

// Client is a connection of a contestant.
type Client interface {
	// Send does not queue without bound.
	Send(*Message) error
	// Shut ends the connection in whatever way is fastest.
	Shut()
}

// Puller is a client that is asked for messages. Other clients call a function, which they got when they dialled, with
// each message, one at a time.
type Puller interface {
	Client
	Receive() (Received, error)
}

// Callbacks are the functions that clients other than pullers call.
type Callbacks struct {
	Message func(Received)
	Failed  func(error) // when the connection has ended
}

// Contestant is one way for a user to have a WebSocket client.
type Contestant struct {
	Name     string
	Dial     func(url string, deflate bool, to Callbacks) (Client, error)
	Takeover bool // permessage-deflate with context takeover in both directions
	Variant  bool // another way to use a contestant, not one of its own
	Receives bool // takes part only where messages are received
}

// Names of the contestants whose results are shown or compared with.
const (
	Subject = "ws"
	Variant = "ws/OnMessage"
	Append  = "ws/ReadAppend"
	Stream  = "ws/netconn"
	Rival   = "coder"

	// As a server ws has the handler, and this is the variant.
	ReadVariant = "ws/Read"
)
