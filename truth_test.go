package ws_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/scenario"
)

//go:embed testdata/scenarios.json
var scenariosJSON []byte

// TestTruth replays what browsers did: testdata/README.md. Natively each trace must equal that of Chromium and Firefox
// where they agree, or one engine's where they do not; under GOOS=js that of the host itself, which WS_TEST_HOST names
// (chromium, firefox, webkit, wpe, node, deno or bun). Where this package differs from browsers on purpose, the
// expectation stands in the table differs.
//
// WS_TEST_SCENARIOS is the URL of a scenario.Server, which a browser cannot be. Natively the test starts its own.
func TestTruth(t *testing.T) {
	scenarios, err := scenario.Decode(scenariosJSON)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, sc := range scenarios {
		known[sc.Name] = true
	}
	for name := range differs {
		if !known[name] {
			t.Errorf("the table of differences names %q, which is no scenario", name)
		}
	}
	control := os.Getenv("WS_TEST_SCENARIOS")
	if control == "" {
		if control = startScenarioServer(t, scenarios); control == "" {
			t.Skip("WS_TEST_SCENARIOS names no scenario server, and this host cannot be one")
		}
	}
	host := recordedHost()
	if host == "" && runtime.GOOS == "js" {
		t.Skip("WS_TEST_HOST does not say which host this is, and so what to expect of it")
	}

	selected := selectScenarios(scenarios)
	outcomes := replayAll(t.Context(), control, host, selected)
	var figures truthFigures
	for i, sc := range selected {
		o := outcomes[i]
		t.Run(sc.Name, func(t *testing.T) {
			figures.count(sc, host, o)
			if o.hangs {
				t.Skipf("not replayed: it hangs %s", host)
			}
			if o.alone {
				t.Logf("replayed alone; beside others %s", o.beside)
			}
			report := t.Logf
			if o.fails(sc, host) {
				report = t.Errorf
			}
			if text := o.String(); text != "" {
				report("%s", text)
			}
			if !o.recorded && o.trace != "" {
				t.Logf("what %s did is not recorded", host)
			}
		})
	}
	figures.print(host)
}

// recordedHost returns the name under which the host was recorded, "" natively.
func recordedHost() string {
	host := os.Getenv("WS_TEST_HOST")
	switch {
	case runtime.GOOS != "js":
		return ""
	case host == "webkit":
		return "webkitgtk"
	case host == "chrome", host == "edge":
		return "chromium"
	}
	return host
}

// selectScenarios leaves out what -run or -short exclude: all run at once, before the subtests, so that those who only
// wait need not wait for each other.
func selectScenarios(all []*scenario.Scenario) []*scenario.Scenario {
	name := regexp.MustCompile("")
	if run := flag.Lookup("test.run"); run != nil {
		if _, sub, ok := strings.Cut(run.Value.String(), "/"); ok {
			if re, err := regexp.Compile(sub); err == nil {
				name = re
			}
		}
	}
	var list []*scenario.Scenario
	for _, sc := range all {
		if name.MatchString(sc.Name) && !(sc.Long && testing.Short()) {
			list = append(list, sc)
		}
	}
	return list
}

// An outcome is what comparing a replay found: "" is a match.
type outcome struct {
	err      error
	trace    string
	recorded bool // whether what the host did is known
	wire     string
	request  string
	hangs    bool   // the scenario would hang the host and was not replayed
	alone    bool   // it is from a second replay
	beside   string // what the first one found, beside others
}

func (o *outcome) String() string {
	var found []string
	if o.err != nil {
		found = append(found, o.err.Error())
	}
	for _, part := range []struct{ name, text string }{{"the trace ", o.trace}, {"the wire ", o.wire}, {"", o.request}} {
		if part.text != "" {
			found = append(found, part.name+part.text)
		}
	}
	return strings.Join(found, "\n")
}

// fails reports whether the outcome fails its test. What is not recorded cannot fail, nor can a host's own wire.
func (o *outcome) fails(sc *scenario.Scenario, host string) bool {
	return o.err != nil || o.recorded && (o.trace != "" || o.request != "") ||
		o.wire != "" && host == "" && sc.Expect.Wire != nil
}

// truthFigures count the matches.
type truthFigures struct {
	traces, tracesOf        int
	unrecorded, alone, hung int
	wires, wiresOf          int // where Chromium and Firefox agree; in a host, where its wire is recorded
	varyingWires, varyingOf int
	requests, requestsOf    int
}

func (f *truthFigures) count(sc *scenario.Scenario, host string, o outcome) {
	f.tracesOf++
	if o.hangs {
		f.hung++
	}
	if o.err != nil || o.hangs {
		return
	}
	if o.alone {
		f.alone++
	}
	if o.trace == "" {
		f.traces++
	} else if !o.recorded {
		f.unrecorded++
	}
	if sc.ReqLine || sc.ProtoHdr {
		f.requestsOf++
		if o.request == "" {
			f.requests++
		}
	}
	switch {
	case !sc.ComparesWire() || host != "" && len(sc.HostWires(host)) == 0:
	case host != "" || sc.Expect.Wire != nil:
		f.wiresOf++
		if o.wire == "" {
			f.wires++
		}
	default:
		f.varyingOf++
		if o.wire == "" {
			f.varyingWires++
		}
	}
}

func (f *truthFigures) print(host string) {
	where := host
	if where == "" {
		where = "native"
	}
	fmt.Printf("truth %s: %d of %d match", where, f.traces, f.tracesOf)
	if f.unrecorded > 0 {
		fmt.Printf(", %d more are not recorded for %s", f.unrecorded, host)
	}
	if f.hung > 0 {
		fmt.Printf(", %d not replayed since it would hang %s", f.hung, host)
	}
	if f.alone > 0 {
		fmt.Printf(" (%d replayed a second time, alone)", f.alone)
	}
	fmt.Printf("\ntruth %s: wire %d of %d", where, f.wires, f.wiresOf)
	if f.varyingOf > 0 {
		fmt.Printf(", and %d of %d as one of the engines where those differ", f.varyingWires, f.varyingOf)
	}
	fmt.Printf("\ntruth %s: requests %d of %d\n", where, f.requests, f.requestsOf)
}

// A difference is what a scenario gives where this package differs from browsers: its documentation counts them, from
// 1. Empty fields are as in browsers. The seventh, protocols that differ in case, is none from what browsers do.
type difference struct {
	number     int
	nativeOnly bool
	client     []string
	wire       []string
}

// The first difference, the default binaryType, is in the first entry of every trace: see expected.
var differs = map[string]difference{
	"d-bin-default": {number: 1, client: []string{constructed, opened,
		`message arraybuffer 3 010203 rs=1`, `message text 3 "bye" rs=1`,
		`close 1000 "" clean=true rs=3 ba=0`}},

	"u-badport-25":   {number: 2, client: []string{"constructor throws SecurityError"}},
	"u-badport-6000": {number: 2, client: []string{"constructor throws SecurityError"}},
	"u-badport-6667": {number: 2, client: []string{"constructor throws SecurityError"}},

	"b-text-surrogate-low": {number: 3, client: []string{constructed, opened,
		`send(text "\udc00") throws SyntaxError rs=1 ba=0`, `close(1000) ok rs=2 ba=0`,
		`close 1000 "" clean=true rs=3 ba=0`}, wire: []string{"close 1000", "client FIN"}},
	"b-text-surrogate-swapped": {number: 3, client: []string{constructed, opened,
		`send(text "\udc00\ud800") throws SyntaxError rs=1 ba=0`, `close(1000) ok rs=2 ba=0`,
		`close 1000 "" clean=true rs=3 ba=0`}, wire: []string{"close 1000", "client FIN"}},
	"c-reason-surrogate": {number: 3, client: []string{constructed, opened,
		`close(3000, "a\ud800b") throws SyntaxError rs=1 ba=0`,
		`close 1000 "" clean=true rs=3 ba=0`}, wire: []string{"close 1000", "client FIN"}},
	"c-reason-surrogate-123": {number: 3, client: []string{constructed, opened,
		`close(3000, string[41]) throws SyntaxError rs=1 ba=0`,
		`close 1000 "" clean=true rs=3 ba=0`}, wire: []string{"close 1000", "client FIN"}},

	"b-send-closing": {number: 4, client: []string{constructed, opened,
		`close(1000) ok rs=2 ba=0`,
		`send(text "12345") throws InvalidStateError rs=2 ba=5`,
		`send(arraybuffer 7) throws InvalidStateError rs=2 ba=12`,
		`send(blob 11) throws InvalidStateError rs=2 ba=23`,
		`sample rs=2 ba=23`,
		`close 1000 "" clean=true rs=3 ba=23`, `sample rs=3 ba=23`,
		`send(text "abc") throws InvalidStateError rs=3 ba=26`,
		`send(blob 2) throws InvalidStateError rs=3 ba=28`,
		`sample rs=3 ba=28`, `sample rs=3 ba=28`}},
	"b-send-closed": {number: 4, client: []string{constructed, opened,
		`close(1000) ok rs=2 ba=0`,
		`close 1000 "" clean=true rs=3 ba=0`, `sample rs=3 ba=0`,
		`send(text "abc") throws InvalidStateError rs=3 ba=3`, `sample rs=3 ba=3`,
		`send(arraybuffer 5) throws InvalidStateError rs=3 ba=8`, `sample rs=3 ba=8`, `sample rs=3 ba=8`,
		`send(text "\u00e9") throws InvalidStateError rs=3 ba=10`}},
	"h-error-handler-sends": {number: 4, client: []string{constructed,
		`error rs=3 ba=0`, `sample rs=3 ba=0`,
		`send(text "abc") throws InvalidStateError rs=3 ba=3`, `close(1000) ok rs=3 ba=3`,
		`close 1006 "" clean=false rs=3 ba=3`,
		`send(text "abcd") throws InvalidStateError rs=3 ba=7`, `close(1000) ok rs=3 ba=7`}},

	// 2^40 bytes are above MessageLimit: the connection is failed before the server ends it.
	"d-huge-2p40-fin": {number: 5, nativeOnly: true, client: []string{constructed, opened,
		`error rs=3 ba=0 {+soon}`, `close 1006 "" clean=false rs=3 ba=0`},
		wire: []string{"close 1009", "client FIN"}},

	// The second handshake does not wait for the first.
	"h-concurrent-same-port": {number: 6, nativeOnly: true, client: []string{constructed,
		`second socket open`, `second socket close`, opened,
		`close(1000) ok rs=2 ba=0`, `close 1000 "" clean=true rs=3 ba=0`}},
}

// hostDiffers are traces that differ from the host's recorded one, by host and scenario.
var hostDiffers = map[string][]string{
	// WebKit fires error at once and close when TCP has ended. OnError tells how the connection ended, so it waits.
	"webkitgtk c-protocol-error-after-close": errorWithClose,
	"wpe c-protocol-error-after-close":       errorWithClose,
	// Deno forgets bufferedAmount in close(), inside the handler, where it does not fall here; and fires a second
	// close event.
	"deno c-queued-never-read": {constructed, opened,
		`send(arraybuffer 25165824) ok rs=1 ba>0`, `close(3000, "q") ok rs=2 ba>0`, `sample rs=2 ba>0`, `sample rs=2 ba=0`,
		`close 1005 "" clean=true rs=3 ba=0 {+>70s}`, `sample rs=3 ba=0`},
}

var errorWithClose = []string{constructed, opened, `close(3000) ok rs=2 ba=0`,
	`error rs=3 ba=0 {+~2s}`, `close 1006 "" clean=false rs=3 ba=0`}

const (
	constructed = `constructed rs=0 ba=0 url=ws://127.0.0.1:P/s/{N} protocol="" extensions="" binaryType=arraybuffer`
	opened      = `open rs=1 ba=0 protocol="" extensions=""`
)

// expected applies the differences to recorded traces.
func expected(sc *scenario.Scenario, host string, recorded []scenario.Variant) []scenario.Variant {
	d, ok := differs[sc.Name]
	if ok && d.client != nil && (host == "" || !d.nativeOnly) {
		client := slices.Clone(d.client)
		client[0] = strings.Replace(client[0], "{N}", sc.Name, 1)
		v := scenario.Variant{Runtimes: []string{fmt.Sprintf("difference %d", d.number)}, Client: client}
		if len(recorded) > 0 {
			v.Request = recorded[0].Request
		}
		return []scenario.Variant{v}
	}
	list := slices.Clone(recorded)
	for i, v := range list {
		v.Client = slices.Clone(v.Client)
		for j, entry := range v.Client {
			if before, ok := strings.CutSuffix(entry, " binaryType=blob"); ok && strings.HasPrefix(entry, "constructed ") {
				v.Client[j] = before + " binaryType=arraybuffer"
			}
		}
		list[i] = v
	}
	return list
}

// expectedWires applies the differences to recorded wires.
func expectedWires(sc *scenario.Scenario, host string, recorded []scenario.Variant) []scenario.Variant {
	d, ok := differs[sc.Name]
	if !ok || d.wire == nil || host != "" && d.nativeOnly {
		return recorded
	}
	return []scenario.Variant{{Runtimes: []string{fmt.Sprintf("difference %d", d.number)}, Wire: d.wire}}
}

// replayAll replays the scenarios side by side, then those that did not match once more, alone: some race with a timer
// of a few milliseconds, which a busy machine decides.
func replayAll(ctx context.Context, control, host string, list []*scenario.Scenario) []outcome {
	outcomes := make([]outcome, len(list))
	slots := 12
	if runtime.GOOS == "js" {
		slots = 8
	}
	// Few large ones at a time, so that memory stays small and the times of the others are theirs.
	small, large := make(chan struct{}, slots), make(chan struct{}, 1)
	const largeWeight = 1 << 20
	var replays sync.WaitGroup
	for i, sc := range list {
		slot := small
		switch {
		case sc.Long:
			slot = make(chan struct{}, 1) // they mostly wait
		case sc.Weight() >= largeWeight:
			slot = large
		}
		replays.Go(func() {
			slot <- struct{}{}
			outcomes[i] = replayAndCompare(ctx, control, host, sc)
			<-slot
		})
	}
	replays.Wait()
	again := 0
	for i, sc := range list {
		const most = 20 // more than that is no accident
		if outcomes[i].fails(sc, host) && !sc.Long && again < most {
			again++
			first := outcomes[i]
			outcomes[i] = replayAndCompare(ctx, control, host, sc)
			outcomes[i].alone = true
			outcomes[i].beside = first.String()
		}
	}
	return outcomes
}

// replayAndCompare replays a scenario.
func replayAndCompare(ctx context.Context, control, host string, sc *scenario.Scenario) outcome {
	if hangs(sc, host) {
		return outcome{hangs: true}
	}
	const attempts = 5
	for range attempts {
		r, connections, err := replayOnce(ctx, control, host, sc)
		if err != nil {
			return outcome{err: err}
		}
		if r.early {
			continue
		}
		return compare(sc, host, r, connections)
	}
	return outcome{err: fmt.Errorf("the connection was established before New had returned, %d times", attempts)}
}

// hangs reports whether the scenario would hang the host, as it did when it was recorded.
func hangs(sc *scenario.Scenario, host string) bool {
	own := sc.HostTraces(host)
	return len(own) == 1 && len(own[0].Client) == 1 && strings.HasPrefix(own[0].Client[0], "HANGS")
}

// timesOut reports whether the recording of a host, as far as there is one, was cut off.
func timesOut(sc *scenario.Scenario, host string) bool {
	return slices.ContainsFunc(sc.HostTraces(host), func(v scenario.Variant) bool {
		return slices.ContainsFunc(v.Client, func(entry string) bool { return strings.HasPrefix(entry, timedOut) })
	})
}

// hostTraces returns what was recorded in a host, with what this package changes in it.
func hostTraces(sc *scenario.Scenario, host string) []scenario.Variant {
	if client := hostDiffers[host+" "+sc.Name]; client != nil {
		client = slices.Clone(client)
		client[0] = strings.Replace(client[0], "{N}", sc.Name, 1)
		return []scenario.Variant{{Runtimes: []string{host}, Client: client}}
	}
	list := slices.Clone(sc.HostTraces(host))
	for i, v := range list {
		v.Client = slices.Clone(v.Client)
		for j, entry := range v.Client {
			// Deno says 0 where the standard says 1006, and this package what the standard says.
			v.Client[j] = strings.Replace(entry, `close 0 "" clean=false`, `close 1006 "" clean=false`, 1)
		}
		list[i] = v
	}
	return list
}

// compare finds what differs from the host's own recording, or natively from the engines'. A host may also do what the
// standard says where its own object does not, if this package makes it so.
func compare(sc *scenario.Scenario, host string, r *replay, connections []*scenario.Connection) outcome {
	got := r.trace.Entries()
	o := outcome{recorded: true}
	variants := expected(sc, host, sc.Traces())
	if host != "" {
		own := expected(sc, host, hostTraces(sc, host))
		o.recorded = sc.RecordedIn(host)
		variants = append(own, variants...)
	}
	o.trace = sc.MatchTrace(got, variants)
	if o.trace == "" {
		o.request = sc.MatchRequest(sc.Request(r.run, connections), got, variants)
	}
	if sc.ComparesWire() {
		wires := sc.Wires(got)
		if host != "" {
			wires = append(sc.HostWires(host), wires...)
		}
		var seen []string
		if len(connections) > 0 {
			seen = connections[0].Wire
		}
		o.wire = sc.MatchWire(seen, expectedWires(sc, host, wires))
	}
	return o
}

// replayOnce starts a scenario, plays the client's part, and asks the server what it saw.
func replayOnce(
	ctx context.Context, control, host string, sc *scenario.Scenario,
) (*replay, []*scenario.Connection, error) {
	r := &replay{sc: sc, run: new(scenario.Run), ended: make(chan struct{}), closed: make(chan struct{})}
	if err := askControl(ctx, control+"/start?name="+sc.Name, r.run); err != nil {
		return nil, nil, err
	}
	r.play(ctx, host)
	wait := 0
	if sc.ComparesWire() {
		wait = 10_000
	}
	var connections []*scenario.Connection
	err := askControl(ctx, fmt.Sprintf("%s/finish?id=%s&wait=%d", control, r.run.ID, wait), &connections)
	return r, connections, err
}

func askControl(ctx context.Context, url string, answer any) error {
	body, err := fetchControl(ctx, url)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%s answers %.200q: %w", url, body, err)
	}
	return nil
}

// A replay plays the client's part of a scenario.
type replay struct {
	sc    *scenario.Scenario
	run   *scenario.Run
	conn  *ws.Conn
	early bool // the connection was open, or closed, before New had returned: no browser can show that

	// task is held by whatever would be a task in a browser, where one runs at a time: a handler, or what follows a wait.
	task     sync.Mutex
	trace    *scenario.Tracer
	messages int
	last     ws.Message
	pending  int // lists of operations that wait
	over     bool
	others   []*ws.Conn // that open2 opened

	closed chan struct{} // closed by the close event
	ended  chan struct{} // closed when no entry can follow
}

// longestWait is what a list of operations may still wait after the close event; a recording ends soon after it.
const longestWait = 150 * time.Millisecond

// timedOut is the last entry of a replay that was cut off.
const timedOut = "TIMEOUT"

// afterClose bounds how long a replay lasts beyond the close event.
const afterClose = 5 * time.Second

func (r *replay) play(ctx context.Context, host string) {
	r.trace = r.sc.Tracer(r.run)
	limit := r.sc.Timeout()
	if !timesOut(r.sc, host) {
		limit *= 3 // no recorded host needs it, a busy machine may
	}
	if r.construct() {
		timeout := time.NewTimer(limit)
		defer timeout.Stop()
		select {
		case <-r.ended:
		case <-r.closed:
			after := time.NewTimer(max(afterClose, time.Duration(r.sc.AfterMS)*time.Millisecond))
			defer after.Stop()
			select {
			case <-r.ended:
			case <-after.C:
			}
		case <-timeout.C:
			r.task.Lock()
			r.trace.AddState(timedOut)
			r.task.Unlock()
		case <-ctx.Done():
		}
	}
	r.task.Lock()
	defer r.task.Unlock()
	r.over = true
	for _, c := range append(r.others, r.conn) {
		if c != nil {
			c.Close()
		}
	}
}

// construct calls New and the operations of ctor, while handlers wait. It reports whether there is a connection.
func (r *replay) construct() bool {
	r.task.Lock()
	defer r.task.Unlock()
	opts := &ws.Options{
		Protocols: r.sc.Protocols,
		OnOpen:    r.onOpen,
		OnMessage: r.onMessage,
		OnError:   r.onError,
		OnClose:   r.onClose,
	}
	if r.sc.Relative() {
		opts.BaseURL = r.run.BaseURL()
	}
	conn, err := ws.New(r.run.Expand(r.sc.URL.String()), opts)
	if err != nil {
		r.trace.ConstructorThrew(exceptionName(err))
		return false
	}
	r.conn = conn
	r.trace.State = func() (int, int64) { return int(conn.ReadyState()), conn.BufferedAmount() }
	r.trace.Constructed(conn.URL(), conn.Protocol(), conn.Extensions(), string(conn.BinaryType()))
	if t := r.sc.BinaryType(); t != "" {
		conn.SetBinaryType(ws.BinaryType(t))
	}
	r.perform("ctor")
	state := conn.ReadyState()
	r.early = state == ws.Open || state == ws.Closed
	return true
}

// exceptionName returns the name of what the browser's object would throw.
func exceptionName(err error) string {
	var e *ws.Exception
	if errors.As(err, &e) {
		return e.Name
	}
	return fmt.Sprintf("%T(%v)", err, err)
}

// do runs f as a task.
func (r *replay) do(f func()) {
	r.task.Lock()
	defer r.task.Unlock()
	if !r.over {
		f()
	}
}

func (r *replay) onOpen(c *ws.Conn) {
	r.do(func() {
		r.trace.Open(c.Protocol(), c.Extensions())
		r.perform("open")
	})
}

func (r *replay) onMessage(c *ws.Conn, m ws.Message) {
	r.do(func() {
		r.messages++
		r.last = m
		state := int(c.ReadyState())
		switch m := m.(type) {
		case ws.Text:
			r.trace.MessageText(string(m), state)
		case *ws.ArrayBuffer:
			r.trace.MessageBinary(m.Bytes(), state)
		case *ws.Blob:
			r.trace.MessageBlob(m.Size(), m.Type(), state)
		default:
			r.trace.Add("message of type %T", m)
		}
		r.perform(fmt.Sprintf("message%d", r.messages))
		r.perform("message")
	})
}

func (r *replay) onError(*ws.Conn, error) {
	r.do(func() {
		r.trace.Error()
		r.perform("error")
	})
}

func (r *replay) onClose(_ *ws.Conn, e ws.CloseEvent) {
	r.do(func() {
		r.trace.Close(uint16(e.Code), e.Reason, e.WasClean)
		close(r.closed)
		r.perform("close")
		r.endIfDone()
	})
}

func (r *replay) hasClosed() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

// endIfDone ends the replay after the close event, when no list of operations waits any more.
func (r *replay) endIfDone() {
	if r.hasClosed() && r.pending == 0 && !r.over {
		r.over = true
		close(r.ended)
	}
}

func (r *replay) perform(event string) { r.operate(r.sc.On[event]) }

// operate performs operations. Those that wait let the task end; the rest follows in another.
func (r *replay) operate(ops []scenario.ClientOp) {
	for i, op := range ops {
		var wait func() bool // reports whether the rest follows
		switch op.Name {
		case "wait":
			wait = func() bool { return r.wait(op.Wait) }
		case "poll":
			wait = func() bool { r.poll(op.Wait); return true }
		case "drain":
			wait = func() bool { r.drain(op.Wait); return true }
		case "retry":
			wait = func() bool { r.retry(op.N, r.run.Expand(op.URL.String())); return true }
		default:
			r.operateNow(&op)
			continue
		}
		r.pending++
		go func() {
			follow := wait()
			r.do(func() {
				r.pending--
				if follow {
					r.operate(ops[i+1:])
				}
				r.endIfDone()
			})
		}()
		return
	}
}

// operateNow performs an operation that does not wait.
func (r *replay) operateNow(op *scenario.ClientOp) {
	c := r.conn
	switch op.Name {
	case "send":
		r.result(op, c.Send(message(op.Data)))
	case "sendmany":
		var err error
		for i := range op.N {
			err = errors.Join(err, c.Send(ws.Text(fmt.Sprintf("msg %d", i))))
		}
		r.result(op, err)
	case "sendmutate":
		b := scenario.CountingBytes(op.N)
		err := c.Send(ws.Bytes(b))
		for i := range b {
			b[i] = 0xff
		}
		r.result(op, err)
	case "close":
		r.result(op, closeWith(c, op))
	case "closeIfBye":
		if r.last == ws.Text("bye") {
			c.CloseWith(ws.StatusNormalClosure, "")
		}
	case "closeIfOpen":
		if c.ReadyState() == ws.Open {
			c.CloseWith(ws.StatusNormalClosure, "")
		}
	case "get":
		r.trace.Add("get %s=%s", op.Property, property(c, op.Property))
	case "set":
		r.set(op.Property, op.Value)
	case "sample":
		r.trace.AddState("sample")
	case "busy":
		busy(op.Wait)
	case "micro": // Go has no microtasks: the task goes on, as it does after one
	case "open2":
		r.openSecond(r.run.Expand(op.URL.String()))
	default:
		r.trace.Add("operation %s is not known", op.Name)
	}
}

func (r *replay) result(op *scenario.ClientOp, err error) {
	exception := ""
	if err != nil {
		exception = exceptionName(err)
	}
	r.trace.Result(op.String(), exception)
}

func message(d *scenario.Data) ws.Message {
	switch d.Kind {
	case "text":
		return ws.Text(d.String())
	case "arraybuffer":
		return ws.NewArrayBuffer(d.Bytes())
	}
	blob, err := ws.NewBlob("", ws.Bytes(d.Bytes()))
	if err != nil {
		return nil // Send says TypeError, and the trace with it
	}
	return blob
}

func closeWith(c *ws.Conn, op *scenario.ClientOp) error {
	if op.Code == nil {
		return c.Close()
	}
	reason := ""
	if op.Reason != nil {
		reason = op.Reason.String()
	}
	return c.CloseWith(ws.StatusCode(op.Code.Clamp()), reason)
}

// property returns an attribute of the browser's object.
func property(c *ws.Conn, name string) string {
	switch name {
	case "url":
		return c.URL()
	case "readyState":
		return fmt.Sprint(int(c.ReadyState()))
	case "bufferedAmount":
		return fmt.Sprint(c.BufferedAmount())
	case "protocol":
		return c.Protocol()
	case "extensions":
		return c.Extensions()
	case "binaryType":
		return string(c.BinaryType())
	}
	return "(no such attribute)"
}

// set sets an attribute. Where JavaScript throws TypeError, Go has no setter.
func (r *replay) set(name, value string) {
	if name == "binaryType" {
		r.conn.SetBinaryType(ws.BinaryType(value))
		r.trace.Add("set %s=%s ok", name, value)
		return
	}
	setter := "Set" + string(unicode.ToUpper(rune(name[0]))) + name[1:]
	if _, ok := reflect.TypeOf(r.conn).MethodByName(setter); ok {
		r.trace.Add("Conn has a method %s", setter)
		return
	}
	r.trace.Add("set %s=%s throws TypeError", name, value)
}

// busy keeps the task for a time. In a browser nothing else runs meanwhile, the host included.
func busy(d time.Duration) {
	if runtime.GOOS != "js" {
		<-time.After(d)
		return
	}
	for start := time.Now(); time.Since(start) < d; {
	}
}

// wait returns after d. It reports whether what follows it is still within the recording.
func (r *replay) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	if d <= longestWait {
		<-timer.C
		return true
	}
	select {
	case <-timer.C:
		return !r.hasClosed()
	case <-r.closed:
		return false
	}
}

// poll records every change of state for a time. Pages have no event for bufferedAmount either.
func (r *replay) poll(d time.Duration) {
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var state ws.ReadyState
	buffered := int64(-1)
	for {
		r.do(func() {
			s, b := r.conn.ReadyState(), r.conn.BufferedAmount()
			if s != ws.Closed && (s != state || b != buffered) {
				state, buffered = s, b
				r.trace.AddState("poll")
			}
		})
		select {
		case <-tick.C:
		case <-end.C:
			return
		case <-r.closed:
			return
		}
	}
}

func (r *replay) drain(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	err := r.conn.Drain(ctx, 0)
	r.do(func() {
		if err != nil {
			r.trace.Add("drain: %v", err)
			return
		}
		r.trace.AddState("drained")
	})
}

// openSecond opens another connection, which closes at once.
func (r *replay) openSecond(url string) {
	second, err := ws.New(url, &ws.Options{
		OnOpen: func(c *ws.Conn) {
			r.do(func() {
				r.trace.Add("second socket open")
				c.Close()
			})
		},
		OnClose: func(*ws.Conn, ws.CloseEvent) { r.do(func() { r.trace.Add("second socket close") }) },
	})
	if err != nil {
		r.trace.Add("second socket throws %s", exceptionName(err))
		return
	}
	r.others = append(r.others, second)
}

// A retry is slow above this: the recordings' 150 ms, and as much again as a busy machine may take. Firefox delays
// reconnections, first by 200 ms and then by more each time.
const slowRetry = time.Second

// retry connects n times, one after the other, and records whether the host delays that.
func (r *replay) retry(n int, url string) {
	slow := 0
	for range n {
		settled := make(chan struct{}, 2)
		start := time.Now()
		c, err := ws.New(url, &ws.Options{
			OnOpen:  func(*ws.Conn) { settled <- struct{}{} },
			OnError: func(*ws.Conn, error) { settled <- struct{}{} },
		})
		if err != nil {
			r.do(func() { r.trace.Add("retry throws %s", exceptionName(err)) })
			return
		}
		select {
		case <-settled:
		case <-c.Done():
		}
		if time.Since(start) > slowRetry {
			slow++
		}
		<-c.Done()
	}
	r.do(func() { r.trace.Add("retries slower than 150 ms: %d", slow) })
}
