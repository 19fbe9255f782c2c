// Package demo is the client program of the demo. It runs in a browser and natively, from the same files, and does not
// know on which platform it runs: a [Client] does what an [Action] says and reports what happened.
package demo

import "github.com/seed2c7e30c3/ws"

// Verb says what an Action does.
type Verb string

const (
	Connect       Verb = "connect"    // Dial, after CloseNow of the previous connection
	CancelDial    Verb = "cancel"     // ends the context of the Dial that waits
	SetBinaryType Verb = "binaryType" // from now on
	SendText      Verb = "text"
	SendBytes     Verb = "bytes" // Text, in hexadecimal
	SendBlob      Verb = "blob"  // Text, as a Blob
	SendFile      Verb = "file"  // File
	Close         Verb = "close" // CloseWith, or Close if Code is 0
	Shutdown      Verb = "shutdown"
	CloseNow      Verb = "closeNow"
	Tour          Verb = "tour"   // all of the above, one after the other
	Replay        Verb = "replay" // a scenario, against its server
	Flood         Verb = "flood"  // 50 MB to a server that reads slowly
	RoundTrips    Verb = "roundTrips"
	Rate          Verb = "rate" // messages a second

	// Finish is for the server; its client does nothing. It ends servers that play for actions whose Play begins with this
	// one's.
	Finish Verb = "finish"
)

// Action is one thing to do. The JSON form is what a page sends to the server, whose client does the same.
type Action struct {
	ID int  `json:"id"` // of this action; lines of the two sides with the same Row are compared
	Do Verb `json:"do"`

	URL        string        `json:"url,omitempty"` // absolute, or relative to the server of the demo
	Protocols  []string      `json:"protocols,omitempty"`
	BinaryType ws.BinaryType `json:"binaryType,omitempty"`

	Text string   `json:"text,omitempty"`
	File *ws.Blob `json:"-"`              // of SendFile
	Type string   `json:"type,omitempty"` // of SendFile: the media type, which a message does not have

	Code   ws.StatusCode `json:"code,omitempty"`
	Reason string        `json:"reason,omitempty"`

	Scenario string `json:"scenario,omitempty"` // of Replay: its name
	Play     string `json:"play,omitempty"`     // of Replay: the session and the ID, which the server is told
	Limit    int    `json:"limit,omitempty"`    // of Replay: milliseconds after which the program gives up

	Drain bool `json:"drain,omitempty"` // of Flood: Drain before each Send
}

// Report is what a Client reports. One of the fields is set.
type Report struct {
	Line   *Line   `json:"line,omitempty"`
	Points *Points `json:"points,omitempty"`
	Ended  int     `json:"ended,omitempty"` // the ID of an action that is over
}

// Kind says what a Line is about.
type Kind string

const (
	Call  Kind = "call"  // of the program, and what it returned
	Event Kind = "event" // of the connection
	Wire  Kind = "wire"  // what the server has seen
)

// Line is one line of a client's log.
type Line struct {
	ID     int     `json:"id"`  // of the action
	Row    string  `json:"row"` // unique on each side
	Kind   Kind    `json:"kind"`
	Text   string  `json:"text"`
	Detail string  `json:"detail,omitempty"` // of an error: how a program distinguishes it from others
	Failed bool    `json:"failed,omitempty"`
	At     float64 `json:"at"` // milliseconds since the action began; differs, as times do

	State    string `json:"state,omitempty"`    // readyState
	Buffered string `json:"buffered,omitempty"` // bufferedAmount
	Shown    bool   `json:"shown,omitempty"`    // bufferedAmount is of interest
	Exact    bool   `json:"exact,omitempty"`    // bufferedAmount was read in a handler: it must be equal

	Protocol   string `json:"protocol,omitempty"`
	Extensions string `json:"extensions,omitempty"`

	stateless bool // readyState may change at any moment
}

// String returns the columns that must be equal on both sides, separated by tabs.
func (l *Line) String() string {
	buffered := ""
	if l.Exact {
		buffered = l.Buffered
	}
	text := l.Text
	if l.Detail != "" {
		text += " (" + l.Detail + ")"
	}
	return text + "\t" + l.State + "\t" + buffered
}

// Points are measurements for a plot.
type Points struct {
	Plot   Verb      `json:"plot"`
	Series string    `json:"series,omitempty"`
	X      []float64 `json:"x"` // seconds since the action began
	Y      []float64 `json:"y"` // bytes, microseconds or messages a second
}
