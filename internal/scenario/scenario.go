// Package scenario describes what WebSocket clients of real browsers did, one scenario a line of JSON, and replays
// the server's half of it.
//
// A [Scenario] holds the program of a server that may misbehave, what the client does in its event handlers, and what
// was recorded in each runtime: the events the client saw (its trace) and the frames the server saw (the wire).
// [Server] runs the programs on raw TCP; [Scenario.MatchTrace], [Scenario.MatchWire] and [Scenario.MatchRequest]
// compare. The caller provides the client's half: the package knows no WebSocket implementation.
//
// Adding a scenario is adding one line to the file. Unknown keys and operations are errors, so a typo cannot pass.
package scenario

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Scenario is one line of the file.
type Scenario struct {
	Name  string `json:"name"`
	Group string `json:"group"`

	// URL is what the client passes to the constructor. {H}, {P} and the other variables of [Run] stand for addresses
	// and ports known only when the scenario is started.
	URL       Text      `json:"url"`
	Protocols Protocols `json:"protocols"`

	// BinaryTypeJSON is the binaryType set right after construction: absent is "arraybuffer", null leaves the default.
	BinaryTypeJSON json.RawMessage `json:"binaryType"`

	// Server is the program of one connection; absent: accept, then polite.
	Server []ServerOp `json:"server"`
	// On lists the client's operations by event: ctor, open, message, message1, message2 ..., error, close.
	On map[string][]ClientOp `json:"on"`

	TimeoutMS int `json:"timeout"` // milliseconds after which the run is cut off
	AfterMS   int `json:"after"`   // milliseconds that the run lasts beyond the close event

	Timed   bool  `json:"timed"`   // times before error and close are compared
	BALoose bool  `json:"baloose"` // bufferedAmount is compared as 0 or >0 only
	Long    bool  `json:"long"`    // lasts a minute and more
	Wire    *bool `json:"wire"`    // false: the wire is not compared

	WireRaw  bool `json:"wireraw"`  // the recorded wire shows compressed payloads
	ReqLine  bool `json:"reqline"`  // the request line and Host are compared
	ProtoHdr bool `json:"protohdr"` // Sec-WebSocket-Protocol of the request is compared

	Expect Expectation `json:"expect"`
}

// An Expectation is what the runtimes did.
type Expectation struct {
	Client  []string `json:"client"`  // the trace, where Chromium and Firefox agree
	Agree   []string `json:"agree"`   // the runtimes that gave it
	Request string   `json:"request"` // what the server saw of the request

	Varies []Variant `json:"varies"` // the traces where they do not
	Choose string    `json:"choose"` // advice: which of them
	Spec   string    `json:"spec"`   // advice: what the standards say

	Wire       []string  `json:"wire"` // what the server saw, where Chromium and Firefox agree
	WireAgree  []string  `json:"wireAgree"`
	WireVaries []Variant `json:"wireVaries"`

	Lenient          bool     `json:"lenient"` // failing the connection is a match too
	SecondRunDiffers []Second `json:"secondRunDiffers"`
}

// A Variant is what some of the runtimes did.
type Variant struct {
	Runtimes []string `json:"runtimes"`
	Client   Trace    `json:"client"`
	Wire     []string `json:"wire"`
	Request  string   `json:"request"`
}

// A Second is what a runtime did in a second run, where that differs from the first.
type Second struct {
	Runtime string   `json:"runtime"`
	Client  Trace    `json:"client"`
	Wire    []string `json:"wire"`
}

// A Trace is a list of entries. A trace that could not be taken is recorded as a string that says why, and becomes a
// list of that one entry.
type Trace []string

func (t *Trace) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var why string
		if err := json.Unmarshal(data, &why); err != nil {
			return err
		}
		*t = Trace{why}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// DefaultTimeout limits a run if the scenario does not say how long it may last.
const DefaultTimeout = 8 * time.Second

// Timeout returns after how long the run is cut off.
func (s *Scenario) Timeout() time.Duration {
	if s.TimeoutMS == 0 {
		return DefaultTimeout
	}
	return milliseconds(s.TimeoutMS)
}

// BinaryType returns the binaryType to set right after construction, "" to leave the default.
func (s *Scenario) BinaryType() string {
	switch raw := string(s.BinaryTypeJSON); raw {
	case "":
		return "arraybuffer"
	case "null":
		return ""
	default:
		return strings.Trim(raw, `"`)
	}
}

// Relative reports whether the scenario's URL needs a base.
func (s *Scenario) Relative() bool { return !schemeStart.MatchString(s.URL.String()) }

// After U+0020 and C0 controls, which the URL parser strips.
var schemeStart = regexp.MustCompile(`^[\x00-\x20]*[A-Za-z][A-Za-z0-9+.-]*:`)

// ComparesWire reports whether the scenario says anything about the wire.
func (s *Scenario) ComparesWire() bool {
	return (s.Wire == nil || *s.Wire) && (s.Expect.Wire != nil || s.Expect.WireVaries != nil)
}

// Weight estimates the bytes that a replay moves, so that few large ones run at once.
func (s *Scenario) Weight() int {
	n := 0
	for _, op := range s.Server {
		n += len(op.Bytes) * max(op.N, 1)
	}
	for _, ops := range s.On {
		for _, op := range ops {
			if op.Data != nil {
				n += op.Data.Size
			}
		}
	}
	return n
}

// Decode reads a JSON list of scenarios.
func Decode(data []byte) ([]*Scenario, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var list []*Scenario
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	seen := make(map[string]bool, len(list))
	for i, s := range list {
		switch {
		case s.Name == "" || strings.ContainsAny(s.Name, "/?# "):
			return nil, fmt.Errorf("scenario %d: name %q cannot be a path segment", i, s.Name)
		case seen[s.Name]:
			return nil, fmt.Errorf("scenario %d: name %q is taken", i, s.Name)
		case s.Expect.Client == nil && s.Expect.Varies == nil:
			return nil, fmt.Errorf("scenario %s: expect has neither client nor varies", s.Name)
		}
		for event := range s.On {
			if !eventName.MatchString(event) {
				return nil, fmt.Errorf("scenario %s: no event is called %q", s.Name, event)
			}
		}
		seen[s.Name] = true
		if s.Server == nil {
			s.Server = []ServerOp{{Name: "accept", Accept: &Accept{}}, {Name: "polite", Wait: defaultWait}}
		}
	}
	return list, nil
}

var eventName = regexp.MustCompile(`^(ctor|open|message[0-9]*|error|close)$`)

// defaultWait limits server operations that wait without saying how long.
const defaultWait = 8 * time.Second

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Protocols is the constructor's second argument: a string or a list of strings, nil if absent.
type Protocols []string

func (p *Protocols) UnmarshalJSON(data []byte) error {
	var one Text
	if err := json.Unmarshal(data, &one); err == nil {
		*p = Protocols{one.String()}
		return nil
	}
	var list []Text
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("protocols are a string or a list of strings: %w", err)
	}
	*p = make(Protocols, len(list))
	for i, t := range list {
		(*p)[i] = t.String()
	}
	return nil
}

// A ServerOp is one operation of a server's program.
type ServerOp struct {
	Name   string
	Bytes  []byte        // what raw, rawrep, drip, tx and txframe send
	N      int           // repetitions, or the frames that rx waits for
	Opcode byte          // txframe
	Wait   time.Duration // how long, at most, the operation takes; drip: between two bytes
	Accept *Accept       // accept
}

// Accept says how the answer to the handshake differs from the correct one. A nil field is the correct value; an
// empty list leaves the header out; several values are repeated headers. {ACCEPT} stands for the right key.
type Accept struct {
	Status     string
	Upgrade    *[]string
	Connection *[]string
	Key        *[]string
	Protocol   *[]string
	Extensions *[]string
	Extra      string // raw header lines
	Tail       []byte // sent in the same write
	NoReader   bool   // the client's frames are not read
}

func (op *ServerOp) UnmarshalJSON(data []byte) error {
	name, args, err := operation(data)
	if err != nil {
		return fmt.Errorf("server operation %s: %w", data, err)
	}
	op.Name = name
	var text Text
	var hexadecimal string
	var ms, opcode int
	ms = int(defaultWait / time.Millisecond)
	switch name {
	case "accept":
		op.Accept = &Accept{}
		err = arguments(args, 0, op.Accept)
	case "raw":
		err = arguments(args, 1, &text)
	case "rawrep":
		err = arguments(args, 2, &text, &op.N)
	case "drip":
		err = arguments(args, 2, &text, &ms)
	case "tx":
		err = arguments(args, 1, &hexadecimal)
	case "txframe":
		err = arguments(args, 3, &opcode, &hexadecimal, &op.N)
	case "sleep":
		err = arguments(args, 1, &ms)
	case "rx":
		err = arguments(args, 1, &op.N, &ms)
	case "rxclose", "polite", "wait", "held":
		err = arguments(args, 0, &ms)
	case "pause", "resume", "hold", "echoclose", "fin", "close", "rst":
		err = arguments(args, 0)
	default:
		err = fmt.Errorf("unknown operation")
	}
	if err == nil && text != nil {
		op.Bytes, err = text.latin1()
	}
	if err == nil && hexadecimal != "" {
		op.Bytes, err = hex.DecodeString(hexadecimal)
	}
	if err != nil {
		return fmt.Errorf("server operation %.100s: %w", data, err)
	}
	op.Wait, op.Opcode = milliseconds(ms), byte(opcode)
	return nil
}

func (a *Accept) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	for name, raw := range fields {
		var err error
		switch name {
		case "status":
			err = json.Unmarshal(raw, &a.Status)
		case "upgrade":
			a.Upgrade, err = headerValues(raw)
		case "connection":
			a.Connection, err = headerValues(raw)
		case "accept":
			a.Key, err = headerValues(raw)
		case "proto":
			a.Protocol, err = headerValues(raw)
		case "ext":
			a.Extensions, err = headerValues(raw)
		case "extra":
			err = json.Unmarshal(raw, &a.Extra)
		case "tail":
			var s string
			if err = json.Unmarshal(raw, &s); err == nil {
				a.Tail, err = hex.DecodeString(s)
			}
		case "noreader":
			err = json.Unmarshal(raw, &a.NoReader)
		default:
			err = fmt.Errorf("unknown option")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// headerValues reads a value, a list of values, or null for none.
func headerValues(raw json.RawMessage) (*[]string, error) {
	values := []string{}
	if string(raw) == "null" {
		return &values, nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		values = append(values, one)
		return &values, nil
	}
	err := json.Unmarshal(raw, &values)
	return &values, err
}

// A ClientOp is one operation of the client.
type ClientOp struct {
	Name string
	Data *Data         // send
	N    int           // sendmany, sendmutate, retry
	Wait time.Duration // wait, poll, drain, busy
	URL  Text          // open2, retry

	Property string // get, set
	Value    string // set, as the trace shows it

	Code   *Code // close: nil without a code
	Reason *Text // close: nil without a reason
}

// Data is what send sends.
type Data struct {
	Kind string // "text", "arraybuffer" or "blob"
	Text Text   // of a text, before it is repeated
	N    int    // repetitions of the text
	Size int    // bytes of an ArrayBuffer or Blob; an estimate for a text
}

// String returns the text to send.
func (d *Data) String() string { return strings.Repeat(d.Text.String(), d.N) }

// Bytes returns the bytes of an ArrayBuffer or Blob to send: byte i is i & 255.
func (d *Data) Bytes() []byte { return CountingBytes(d.Size) }

// CountingBytes returns n bytes, byte i being i & 255.
func CountingBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// A Code is a close code as JavaScript takes it: any value.
type Code struct {
	JSON   string // as the trace shows it
	Number float64
}

// Clamp converts the code as the IDL type "[Clamp] unsigned short" does.
func (c *Code) Clamp() uint16 {
	return uint16(math.RoundToEven(min(max(c.Number, 0), math.MaxUint16)))
}

func (c *Code) UnmarshalJSON(data []byte) error {
	c.JSON = string(data)
	n, err := strconv.ParseFloat(strings.Trim(c.JSON, `"`), 64)
	if err != nil || math.IsNaN(n) {
		return fmt.Errorf("close code %s is not a number", data)
	}
	c.Number = n
	return nil
}

func (op *ClientOp) UnmarshalJSON(data []byte) error {
	name, args, err := operation(data)
	if err != nil {
		return fmt.Errorf("client operation %s: %w", data, err)
	}
	op.Name = name
	var ms int
	switch name {
	case "send":
		op.Data = &Data{}
		err = arguments(args, 1, op.Data)
	case "sendmany", "sendmutate":
		err = arguments(args, 1, &op.N)
	case "close":
		if len(args) > 0 {
			op.Code = &Code{}
		}
		if len(args) > 1 {
			op.Reason = &Text{}
		}
		err = arguments(args, 0, op.Code, op.Reason)
	case "set":
		var value json.RawMessage
		err = arguments(args, 2, &op.Property, &value)
		op.Value = strings.Trim(string(value), `"`)
	case "get":
		err = arguments(args, 1, &op.Property)
	case "wait", "poll", "drain", "busy":
		err = arguments(args, 1, &ms)
	case "open2":
		err = arguments(args, 1, &op.URL)
	case "retry":
		err = arguments(args, 2, &op.N, &op.URL)
	case "closeIfBye", "closeIfOpen", "sample", "micro":
		err = arguments(args, 0)
	default:
		err = fmt.Errorf("unknown operation")
	}
	if err != nil {
		return fmt.Errorf("client operation %.100s: %w", data, err)
	}
	op.Wait = milliseconds(ms)
	return nil
}

func (d *Data) UnmarshalJSON(data []byte) error {
	var v struct {
		T    Text `json:"t"`
		N    int  `json:"n"`
		AB   *int `json:"ab"`
		Blob *int `json:"blob"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch {
	case v.AB != nil:
		*d = Data{Kind: "arraybuffer", Size: *v.AB}
	case v.Blob != nil:
		*d = Data{Kind: "blob", Size: *v.Blob}
	case v.T != nil:
		n := max(v.N, 1)
		*d = Data{Kind: "text", Text: v.T, N: n, Size: len(v.T) * n}
	default:
		return fmt.Errorf("send takes t, ab or blob")
	}
	return nil
}

// operation splits ["name", argument, ...], or "name" alone.
func operation(data []byte) (string, []json.RawMessage, error) {
	var name string
	if json.Unmarshal(data, &name) == nil {
		return name, nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return "", nil, err
	}
	if len(list) == 0 {
		return "", nil, fmt.Errorf("it is empty")
	}
	err := json.Unmarshal(list[0], &name)
	return name, list[1:], err
}

// arguments stores args into targets, at least required of them.
func arguments(args []json.RawMessage, required int, targets ...any) error {
	if len(args) < required || len(args) > len(targets) {
		return fmt.Errorf("it has %d arguments, not %d to %d", len(args), required, len(targets))
	}
	for i, arg := range args {
		if err := json.Unmarshal(arg, targets[i]); err != nil {
			return err
		}
	}
	return nil
}
