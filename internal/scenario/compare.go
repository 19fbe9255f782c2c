package scenario

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Engines are the runtimes whose traces an implementation may match where Chromium and Firefox differ.
var Engines = []string{"chromium", "firefox", "webkitgtk"}

// Traces returns the traces that an independent implementation may produce: that of Chromium and Firefox where they
// agree, otherwise those of the Engines.
func (s *Scenario) Traces() []Variant {
	e := &s.Expect
	if e.Client != nil {
		return []Variant{{Runtimes: e.Agree, Client: e.Client, Request: e.Request}}
	}
	return ofAny(e.Varies, Engines)
}

// HostTraces returns the traces recorded in one runtime, including those of a second run; none if the recording only
// says that the runtime did something else.
func (s *Scenario) HostTraces(host string) []Variant {
	e := &s.Expect
	traces := ofAny(e.Varies, []string{host})
	if slices.Contains(e.Agree, host) {
		traces = append(traces, Variant{Runtimes: e.Agree, Client: e.Client, Request: e.Request})
	}
	for _, second := range e.SecondRunDiffers {
		if second.Runtime == host && second.Client != nil {
			traces = append(traces, Variant{Runtimes: []string{host}, Client: second.Client, Request: e.Request})
		}
	}
	return traces
}

// RecordedIn reports whether it is known what a runtime did: the recording may only say that it was something else, or
// that it differed between two runs.
func (s *Scenario) RecordedIn(host string) bool {
	return slices.Contains(s.Expect.Agree, host) || len(ofAny(s.Expect.Varies, []string{host})) > 0
}

// Wires returns the wires that an independent implementation may produce with a trace: those of the Engines where
// Chromium and Firefox differ. If it fails the connection although they do not, it may send a Close frame or just end
// TCP.
func (s *Scenario) Wires(trace []string) []Variant {
	e := &s.Expect
	if e.Lenient && s.failed(trace) {
		failing := []string{"failing the connection"}
		return []Variant{
			{Runtimes: failing, Wire: []string{"close 1002", "client FIN"}},
			{Runtimes: failing, Wire: []string{"close 1007", "client FIN"}},
			{Runtimes: failing, Wire: []string{"client FIN"}},
		}
	}
	if e.Wire != nil {
		return []Variant{{Runtimes: e.WireAgree, Wire: e.Wire}}
	}
	return ofAny(e.WireVaries, Engines)
}

// HostWires returns the wires recorded for one runtime.
func (s *Scenario) HostWires(host string) []Variant {
	e := &s.Expect
	wires := ofAny(e.WireVaries, []string{host})
	if slices.Contains(e.WireAgree, host) {
		wires = append(wires, Variant{Runtimes: e.WireAgree, Wire: e.Wire})
	}
	for _, second := range e.SecondRunDiffers {
		if second.Runtime == host && second.Wire != nil {
			wires = append(wires, Variant{Runtimes: []string{host}, Wire: second.Wire})
		}
	}
	return wires
}

func ofAny(variants []Variant, runtimes []string) []Variant {
	var list []Variant
	for _, v := range variants {
		if slices.ContainsFunc(v.Runtimes, func(r string) bool { return slices.Contains(runtimes, r) }) {
			list = append(list, v)
		}
	}
	return list
}

// MatchTrace compares a trace with those expected. It returns "" if one of them matches, otherwise the difference.
func (s *Scenario) MatchTrace(got []string, expected []Variant) string {
	for _, v := range expected {
		if equalTraces(v.Client, got) || s.Expect.Lenient && failsWithin(v.Client, got) {
			return ""
		}
	}
	return differences(got, expected, func(v Variant) []string { return v.Client }, equalEntries)
}

func equalTraces(want, got []string) bool { return slices.EqualFunc(want, got, equalEntries) }

var timeMark = regexp.MustCompile(` \{\+([^}]*)\}$`)

// equalEntries compares two entries, times in buckets.
func equalEntries(want, got string) bool {
	if want == got {
		return true
	}
	wantTime, gotTime := timeMark.FindStringSubmatch(want), timeMark.FindStringSubmatch(got)
	if wantTime == nil || gotTime == nil || strings.TrimSuffix(want, wantTime[0]) != strings.TrimSuffix(got, gotTime[0]) {
		return false
	}
	seconds, err := strconv.ParseFloat(strings.TrimSuffix(gotTime[1], "s"), 64)
	bucket, ok := buckets[wantTime[1]]
	return err == nil && ok && bucket.from <= seconds && seconds < bucket.to
}

// buckets are the recorded ones ("soon" was below 0.7 s), widened so that a busy machine's delay does not matter
// while the next bucket's behaviour still does: nothing was recorded to take about 2 s.
var buckets = map[string]struct{ from, to float64 }{
	"soon": {0, 2.8},
	"~1s":  {0.5, 2.9},
	"~2s":  {1.4, 4.5},
	"~5s":  {3, 12},
	"~20s": {12, 27},
	"~30s": {22, 45},
	"~60s": {45, 68},
	">70s": {65, 1e9},
}

// failsWithin reports whether got is the expected trace up to some entry, then a failed connection, then at most the
// end of the expected trace.
func failsWithin(want, got []string) bool {
	failed := slices.IndexFunc(got, func(entry string) bool { return strings.HasPrefix(entry, "error rs=3 ") })
	if failed < 0 || failed+1 >= len(got) || !strings.HasPrefix(got[failed+1], `close 1006 "" clean=false rs=3 `) {
		return false
	}
	rest := got[failed+2:]
	return failed <= len(want) && equalTraces(want[:failed], got[:failed]) &&
		len(rest) <= len(want)-failed && equalTraces(want[len(want)-len(rest):], rest)
}

// failed reports whether a trace matches only because failing the connection is allowed.
func (s *Scenario) failed(trace []string) bool {
	for _, v := range s.Traces() {
		// Entries before the failure are equal; the first one may have been rewritten by the caller.
		if len(trace) > 1 && len(v.Client) > 1 && equalTraces(v.Client[1:], trace[1:]) {
			return false
		}
	}
	return slices.ContainsFunc(trace, func(entry string) bool { return strings.HasPrefix(entry, "error rs=3 ") })
}

// MatchWire compares what the server saw with what is expected. It returns "" if one of the variants matches, otherwise
// the difference.
func (s *Scenario) MatchWire(got []string, expected []Variant) string {
	seen := CanonicalWire(got)
	for _, v := range expected {
		if slices.Equal(CanonicalWire(v.Wire), seen) {
			return ""
		}
	}
	return differences(seen, expected, func(v Variant) []string { return CanonicalWire(v.Wire) },
		func(a, b string) bool { return a == b })
}

var (
	wireTime       = regexp.MustCompile(` (\(~\d+s\)|\{\+[^}]*\})$`)
	wireFrames     = regexp.MustCompile(` in \d+ frames$`)
	wireCompressed = regexp.MustCompile(`^(text|bin) rsv=4 len=\d+ [0-9a-f.]* inflated=(\d+) ?`)
	wireUnfinished = regexp.MustCompile(` unfinished, \d+ bytes$`)
	wireReason     = regexp.MustCompile(`^(close (?:1002|1007|1009)) .*$`)
)

// CanonicalWire returns a wire without what does not matter: which way TCP ended, frame counts, times, compression,
// how much came of a message that did not end, and the reason of a Close that reports an error.
func CanonicalWire(wire []string) []string {
	list := make([]string, len(wire))
	for i, entry := range wire {
		entry = wireTime.ReplaceAllString(entry, "")
		entry = wireFrames.ReplaceAllString(entry, "")
		entry = wireUnfinished.ReplaceAllString(entry, " unfinished")
		entry = wireCompressed.ReplaceAllString(entry, "$1 len=$2 ")
		entry = wireReason.ReplaceAllString(entry, "$1")
		if entry == "client RST" {
			entry = "client FIN"
		}
		list[i] = strings.TrimRight(entry, " ")
	}
	return list
}

// Request returns what the scenario compares of the request: connections are those that the server saw in the run.
func (s *Scenario) Request(run *Run, connections []*Connection) string {
	if len(connections) == 0 {
		return "no request"
	}
	first := connections[0]
	if s.ProtoHdr {
		values := first.Values("Sec-WebSocket-Protocol")
		if len(values) == 0 {
			return "Sec-WebSocket-Protocol: (none)"
		}
		return "Sec-WebSocket-Protocol: " + strings.Join(values, " | ")
	}
	line := "request " + first.Request
	for _, name := range []string{"Host", "Authorization"} {
		for _, value := range first.Values(name) {
			line += " " + name + ": " + value
		}
	}
	return run.Normalize(line)
}

// MatchRequest compares the request with those of the variants whose trace matches. It returns "" if it equals one
// of them or none is recorded.
func (s *Scenario) MatchRequest(got string, trace []string, expected []Variant) string {
	var want []string
	for _, v := range expected {
		if s.MatchTrace(trace, []Variant{v}) != "" || v.Request == "" {
			continue
		}
		if v.Request == got {
			return ""
		}
		want = append(want, v.Request)
	}
	if len(want) == 0 {
		return ""
	}
	return fmt.Sprintf("the server saw %q, expected %q", got, want)
}

// differences shows got beside the expected list that begins most like it, then the others.
func differences(got []string, expected []Variant, entries func(Variant) []string,
	equal func(want, got string) bool) string {
	if len(expected) == 0 {
		return "nothing is expected; got\n\t" + strings.Join(got, "\n\t")
	}
	sorted := slices.Clone(expected)
	common := func(v Variant) int {
		want := entries(v)
		n := 0
		for n < len(want) && n < len(got) && equal(want[n], got[n]) {
			n++
		}
		return n
	}
	slices.SortStableFunc(sorted, func(a, b Variant) int { return common(b) - common(a) })
	best := entries(sorted[0])
	n := common(sorted[0])
	var b strings.Builder
	fmt.Fprintf(&b, "differs from %s:", strings.Join(sorted[0].Runtimes, ", "))
	for _, entry := range got[:n] {
		fmt.Fprintf(&b, "\n\t  %s", short(entry))
	}
	for _, entry := range best[n:] {
		fmt.Fprintf(&b, "\n\t- %s", short(entry))
	}
	for _, entry := range got[n:] {
		fmt.Fprintf(&b, "\n\t+ %s", short(entry))
	}
	for _, v := range sorted[1:] {
		fmt.Fprintf(&b, "\nand from %s:", strings.Join(v.Runtimes, ", "))
		for _, entry := range entries(v) {
			fmt.Fprintf(&b, "\n\t- %s", short(entry))
		}
	}
	return b.String()
}

func short(entry string) string {
	const limit = 300
	if len(entry) <= limit {
		return entry
	}
	return fmt.Sprintf("%s... (%d bytes)", entry[:limit], len(entry))
}
