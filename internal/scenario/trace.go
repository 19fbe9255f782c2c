package scenario

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// A Tracer builds a trace. It is not safe for concurrent use: as in a browser, one task runs at a time.
type Tracer struct {
	// State returns the client's readyState and bufferedAmount.
	State func() (readyState int, bufferedAmount int64)

	scenario *Scenario
	run      *Run
	entries  []string
	last     time.Time // of the newest entry
	failing  bool      // the newest entry is error
}

// Tracer returns a Tracer for a run of the scenario.
func (s *Scenario) Tracer(run *Run) *Tracer { return &Tracer{scenario: s, run: run} }

// Entries returns the trace so far.
func (t *Tracer) Entries() []string { return t.entries }

// Add appends an entry.
func (t *Tracer) Add(format string, args ...any) {
	t.entries = append(t.entries, t.run.Normalize(fmt.Sprintf(format, args...)))
	t.last, t.failing = time.Now(), false
}

// AddState appends an entry that ends with readyState and bufferedAmount.
func (t *Tracer) AddState(format string, args ...any) {
	t.Add("%s %s", fmt.Sprintf(format, args...), t.state())
}

func (t *Tracer) state() string {
	readyState, bufferedAmount := t.State()
	if t.scenario.BALoose && bufferedAmount > 0 {
		return fmt.Sprintf("rs=%d ba>0", readyState)
	}
	return fmt.Sprintf("rs=%d ba=%d", readyState, bufferedAmount)
}

// addTimed appends an entry that, in a timed scenario, shows the time since the one before.
func (t *Tracer) addTimed(format string, args ...any) {
	since := time.Since(t.last)
	t.AddState(format, args...)
	if t.scenario.Timed {
		t.entries[len(t.entries)-1] += fmt.Sprintf(" {+%.3fs}", since.Seconds())
	}
}

// Constructed records that the constructor returned.
func (t *Tracer) Constructed(url, protocol, extensions, binaryType string) {
	t.Add("constructed %s url=%s protocol=%q extensions=%q binaryType=%s",
		t.state(), url, verbatim(protocol), verbatim(extensions), binaryType)
}

// ConstructorThrew records the name of the exception.
func (t *Tracer) ConstructorThrew(name string) { t.Add("constructor throws %s", name) }

// Open records the open event.
func (t *Tracer) Open(protocol, extensions string) {
	t.Add("open %s protocol=%q extensions=%q", t.state(), verbatim(protocol), verbatim(extensions))
}

// verbatim prints with %q in quotes but unescaped: the traces show header values as they are.
type verbatim string

func (v verbatim) Format(f fmt.State, _ rune) { fmt.Fprintf(f, `"%s"`, string(v)) }

// Texts longer than this are shown by their first units only.
const longestText = 40

const shownBytes = 12

// MessageText records a text message.
func (t *Tracer) MessageText(s string, readyState int) {
	units := TextOf(s)
	shown := units.Quote()
	if len(units) > longestText {
		shown = strings.TrimSuffix(units[:shownBytes].Quote(), `"`) + `.."`
	}
	t.Add("message text %d %s rs=%d", len(units), shown, readyState)
}

// MessageBinary records a message that arrived as an ArrayBuffer.
func (t *Tracer) MessageBinary(b []byte, readyState int) {
	t.Add("message arraybuffer %d %s rs=%d", len(b), shortHex(b, len(b)), readyState)
}

// MessageBlob records a message that arrived as a Blob.
func (t *Tracer) MessageBlob(size int64, contentType string, readyState int) {
	t.Add("message blob %d type=%q rs=%d", size, verbatim(contentType), readyState)
}

// shortHex shows the first bytes of size bytes.
func shortHex(b []byte, size int) string {
	if size > shownBytes {
		return hex.EncodeToString(b[:shownBytes]) + ".."
	}
	return hex.EncodeToString(b)
}

// Error records the error event.
func (t *Tracer) Error() {
	t.addTimed("error")
	t.failing = true
}

// Close records the close event. Right after an error event no time is recorded.
func (t *Tracer) Close(code uint16, reason string, wasClean bool) {
	entry := fmt.Sprintf("close %d %s clean=%t", code, TextOf(reason).Quote(), wasClean)
	if t.failing {
		t.AddState("%s", entry)
		return
	}
	t.addTimed("%s", entry)
}

// Result records what a call did: exception is the name of what it threw, "" if it returned.
func (t *Tracer) Result(call, exception string) {
	if exception == "" {
		t.AddState("%s ok", call)
		return
	}
	t.AddState("%s throws %s", call, exception)
}

// Texts and reasons longer than this are shown by their length.
const longestArgument = 20

// String returns the operation as the trace shows it: close(1000, "done"), send(arraybuffer 3).
func (op *ClientOp) String() string {
	switch op.Name {
	case "send":
		return "send(" + op.Data.argument() + ")"
	case "sendmutate":
		return "send(then mutated)"
	case "close":
		var args []string
		if op.Code != nil {
			args = append(args, op.Code.JSON)
		}
		if op.Reason != nil {
			reason := op.Reason.Quote()
			if n := len(*op.Reason); n > longestArgument {
				reason = fmt.Sprintf("string[%d]", n)
			}
			args = append(args, reason)
		}
		return "close(" + strings.Join(args, ", ") + ")"
	}
	return op.Name
}

func (d *Data) argument() string {
	if d.Kind != "text" {
		return fmt.Sprintf("%s %d", d.Kind, d.Size)
	}
	if n := len(d.Text) * d.N; n > longestArgument {
		return fmt.Sprintf("text %d", n)
	}
	units := Text{}
	for range d.N {
		units = append(units, d.Text...)
	}
	return "text " + units.Quote()
}
