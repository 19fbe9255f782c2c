package scenario

import (
	"slices"
	"strings"
	"testing"
)

var runtimes = []string{"chromium", "firefox", "webkitgtk", "wpe", "node", "deno", "bun", "workerd"}

// took replaces a recorded time by one that was measured.
var took = strings.NewReplacer("{+soon}", "{+0.012s}", "{+~1s}", "{+0.812s}", "{+~2s}", "{+2.010s}", "{+~5s}",
	"{+5.001s}", "{+~20s}", "{+20.010s}", "{+~30s}", "{+30.100s}", "{+~60s}", "{+60.200s}", "{+>70s}", "{+75.000s}")

// What each runtime did matches its own recording, and the engines' match the rules for implementations.
func TestRecordingsMatchThemselves(t *testing.T) {
	traces, wires := 0, 0
	for _, s := range recorded(t) {
		for _, runtime := range runtimes {
			own := s.HostTraces(runtime)
			for _, v := range own {
				got := make([]string, len(v.Client))
				for i, entry := range v.Client {
					got[i] = took.Replace(entry)
				}
				if d := s.MatchTrace(got, own); d != "" {
					t.Errorf("%s, %s: %s", s.Name, runtime, d)
				}
				if slices.Contains(Engines, runtime) && (s.Expect.Client == nil || slices.Contains(s.Expect.Agree, runtime)) &&
					slices.Equal(v.Client, own[0].Client) {
					if d := s.MatchTrace(got, s.Traces()); d != "" {
						t.Errorf("%s, %s as an implementation: %s", s.Name, runtime, d)
					}
				}
				if d := s.MatchRequest(v.Request, got, []Variant{v}); d != "" {
					t.Errorf("%s, %s: %s", s.Name, runtime, d)
				}
				traces++
			}
			for _, v := range s.HostWires(runtime) {
				if d := s.MatchWire(v.Wire, s.HostWires(runtime)); d != "" {
					t.Errorf("%s, %s: the wire %s", s.Name, runtime, d)
				}
				wires++
			}
		}
	}
	if traces < 1800 || wires < 900 {
		t.Errorf("compared %d traces and %d wires only", traces, wires)
	}
}

func TestMatchTrace(t *testing.T) {
	const (
		constructed = `constructed rs=0 ba=0 url=ws://127.0.0.1:P/s/x protocol="" extensions="" binaryType=blob`
		open        = `open rs=1 ba=0 protocol="" extensions=""`
		failed      = `close 1006 "" clean=false rs=3 ba=0`
	)
	for _, test := range []struct {
		name      string
		want, got []string
		lenient   bool
		match     bool
	}{
		{"equal", []string{"a", "b"}, []string{"a", "b"}, false, true},
		{"shorter", []string{"a", "b"}, []string{"a"}, false, false},
		{"longer", []string{"a"}, []string{"a", "b"}, false, false},
		{"other", []string{"a", "b"}, []string{"a", "c"}, false, false},
		{"in the bucket", []string{"a {+soon}"}, []string{"a {+0.500s}"}, false, true},
		{"late in the bucket", []string{"a {+soon}"}, []string{"a {+2.500s}"}, false, true},
		{"beyond the bucket", []string{"a {+soon}"}, []string{"a {+3.000s}"}, false, false},
		{"before the bucket", []string{"a {+~60s}"}, []string{"a {+5.000s}"}, false, false},
		{"after the last bucket", []string{"a {+>70s}"}, []string{"a {+60.000s}"}, false, false},
		{"unknown bucket", []string{"a {+later}"}, []string{"a {+1.000s}"}, false, false},
		{"other entry in the bucket", []string{"a {+soon}"}, []string{"b {+0.100s}"}, false, false},
		{"time missing", []string{"a {+soon}"}, []string{"a"}, false, false},
		{"fails instead", []string{constructed, open, `close 999 "" clean=true rs=3 ba=0 {+soon}`},
			[]string{constructed, open, "error rs=3 ba=0 {+0.010s}", failed}, true, true},
		{"fails, not lenient", []string{constructed, open, `close 999 "" clean=true rs=3 ba=0 {+soon}`},
			[]string{constructed, open, "error rs=3 ba=0 {+0.010s}", failed}, false, false},
		{"fails before open", []string{constructed, open, failed}, []string{constructed, "error rs=3 ba=0", failed}, true,
			true},
		{"fails without error", []string{constructed, open, `close 1000 "" clean=true rs=3 ba=0`},
			[]string{constructed, open, failed}, true, false},
		{"delivers wrong data, then fails", []string{constructed, open, `message text 1 "a" rs=1`, failed},
			[]string{constructed, open, `message text 1 "b" rs=1`, "error rs=3 ba=0", failed}, true, false},
		{"goes on after failing", []string{constructed, open, `message text 1 "a" rs=1`, failed},
			[]string{constructed, open, "error rs=3 ba=0", failed, `message text 1 "a" rs=1`}, true, false},
		{"fails, then what the close handler does",
			[]string{constructed, "error rs=3 ba=0", failed, "retries slower than 150 ms: 0"},
			[]string{constructed, open, "error rs=3 ba=0", failed, "retries slower than 150 ms: 0"}, true, false},
	} {
		s := &Scenario{Expect: Expectation{Lenient: test.lenient}}
		d := s.MatchTrace(test.got, []Variant{{Runtimes: []string{"chromium"}, Client: test.want}})
		if (d == "") != test.match {
			t.Errorf("%s: match %t, want %t: %s", test.name, d == "", test.match, d)
		}
	}
}

func TestDifferencesNameWhatDiffers(t *testing.T) {
	s := &Scenario{}
	d := s.MatchTrace([]string{"a", "x"}, []Variant{
		{Runtimes: []string{"firefox"}, Client: Trace{"b"}},
		{Runtimes: []string{"chromium", "node"}, Client: Trace{"a", "c"}},
	})
	const want = "differs from chromium, node:\n\t  a\n\t- c\n\t+ x\nand from firefox:\n\t- b"
	if d != want {
		t.Errorf("got\n%s\nwant\n%s", d, want)
	}
	if d := s.MatchTrace([]string{"a"}, nil); !strings.Contains(d, "nothing is expected") {
		t.Errorf("without expectations: %q", d)
	}
}

func TestMatchWire(t *testing.T) {
	for _, test := range []struct {
		want, got []string
		match     bool
	}{
		{[]string{"close 1000", "client FIN"}, []string{"close 1000", "client RST"}, true},
		{[]string{"close 1000", "client FIN"}, []string{"close 1000"}, false},
		{[]string{"close 1000"}, []string{"close 1001"}, false},
		{[]string{`close 1000 "a"`}, []string{`close 1000 "b"`}, false},
		{[]string{`close 1002 "a"`}, []string{"close 1002"}, true},
		{[]string{`close 1007 "a"`}, []string{`close 1007 "b"`}, true},
		{[]string{`close 1002`}, []string{`close 1007`}, false},
		{[]string{"bin len=300000 0001.. in 3 frames"}, []string{"bin len=300000 0001.."}, true},
		{[]string{"text len=0 "}, []string{"text len=0"}, true},
		{[]string{"text len=2 6869"}, []string{"text rsv=4 len=4 cac80400 inflated=2 6869"}, true},
		{[]string{"text rsv=4 len=1 00 inflated=0 "}, []string{"text len=0 "}, true},
		{[]string{"text len=2 6869"}, []string{"text rsv=4 len=4 cac80400 inflated=2 6868"}, false},
		{[]string{"text len=2 6869"}, []string{"text len=2 6869 unmasked"}, false},
		{[]string{"client FIN (~60s)"}, []string{"client FIN"}, true},
		{[]string{"pong len=1 61", "text len=1 62"}, []string{"text len=1 62", "pong len=1 61"}, false},
	} {
		d := (&Scenario{}).MatchWire(test.got, []Variant{{Wire: test.want}})
		if (d == "") != test.match {
			t.Errorf("%q for %q: match %t, want %t", test.got, test.want, d == "", test.match)
		}
	}
}

func TestWiresOfFailing(t *testing.T) {
	s := &Scenario{Expect: Expectation{Lenient: true, Client: []string{"constructed", "open", "close 999 {+soon}"},
		Wire: []string{"close 999", "client FIN"}}}
	if d := s.MatchWire([]string{"close 999", "client FIN"},
		s.Wires([]string{"constructed", "open", "close 999 {+0.100s}"})); d != "" {
		t.Error(d)
	}
	failed := []string{"constructed", "open", "error rs=3 ba=0 {+0.100s}", `close 1006 "" clean=false rs=3 ba=0`}
	if d := s.MatchWire([]string{"close 1002", "client FIN"}, s.Wires(failed)); d != "" {
		t.Error(d)
	}
	if d := s.MatchWire([]string{"close 999", "client FIN"}, s.Wires(failed)); d == "" {
		t.Error("a failed connection may echo the code")
	}
}

func TestNormalize(t *testing.T) {
	r := &Run{Vars: map[string]string{"H": "127.1.0.4", "BAD": "127.2.0.4", "P": "4000", "X1": "40001", "TLS": "4443",
		"N": "x"}}
	for entry, want := range map[string]string{
		"url=ws://127.1.0.4:4000/s/x":  "url=ws://127.0.0.1:P/s/x",
		"url=ws://127.1.0.4:40001/s/x": "url=ws://127.0.0.1:X/s/x",
		"url=wss://127.1.0.4:4443/":    "url=wss://127.0.0.1:TLS/",
		"url=ws://127.2.0.4:25/":       "url=ws://BAD:25/",
		"url=ws://[::1]:4000/":         "url=ws://[::1]:P/",
	} {
		if got := r.Normalize(entry); got != want {
			t.Errorf("%s becomes %s, want %s", entry, got, want)
		}
	}
	if got := r.Expand("ws://{H}:{P}/s/{N}/{}{Q}"); got != "ws://127.1.0.4:4000/s/x/{}{Q}" {
		t.Errorf("expanded to %s", got)
	}
}

func TestMatchRequest(t *testing.T) {
	s := &Scenario{ReqLine: true}
	run := &Run{Vars: map[string]string{"H": "127.1.0.4", "BAD": "127.2.0.4", "P": "4000"}}
	c := &Connection{Request: "GET /x HTTP/1.1", Header: [][2]string{{"host", "127.1.0.4:4000"}}}
	expected := []Variant{{Client: Trace{"a"}, Request: "request GET /x HTTP/1.1 Host: 127.0.0.1:P"},
		{Client: Trace{"b"}, Request: "request GET /y HTTP/1.1 Host: 127.0.0.1:P"}}
	got := s.Request(run, []*Connection{c})
	if d := s.MatchRequest(got, []string{"a"}, expected); d != "" {
		t.Error(d)
	}
	if d := s.MatchRequest(got, []string{"b"}, expected); d == "" {
		t.Error("the request of another variant matches")
	}
	if got := s.Request(run, nil); got != "no request" {
		t.Error(got)
	}
	s = &Scenario{ProtoHdr: true}
	if got := s.Request(run, []*Connection{c}); got != "Sec-WebSocket-Protocol: (none)" {
		t.Error(got)
	}
}
