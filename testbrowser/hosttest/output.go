package hosttest

import (
	"bytes"
	"regexp"
	"strings"
)

// outputReader reads what a test binary prints with -test.v=test2json: its own lines begin with a mark.
type outputReader struct {
	line    []byte
	current string           // the test whose output follows, "" for none
	open    map[string]*test // by name
	top     []*test          // those of the first level that have not ended, in the order in which they began
	ended   func(*test)      // called with tests of the first level
	outside func(line string)
}

// test is a test of a host, with its sub-tests.
type test struct {
	name   string
	status Status // "" until it has ended
	output strings.Builder
	subs   []*test
}

// mark is what the testing package puts before its own lines.
const mark = '\x16'

var (
	testSwitches = regexp.MustCompile(`^=== (RUN|CONT|NAME|PAUSE|ATTR)\s*(\S*)`)
	testEnds     = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+) \(`)
)

func newOutputReader(ended func(*test), outside func(string)) *outputReader {
	return &outputReader{open: make(map[string]*test), ended: ended, outside: outside}
}

func (r *outputReader) Write(data []byte) (int, error) {
	r.line = append(r.line, data...)
	for {
		line, rest, ok := bytes.Cut(r.line, []byte("\n"))
		if !ok {
			return len(data), nil
		}
		r.take(string(line))
		r.line = rest
	}
}

// end takes a last line that has no newline, and returns the tests of the first level that have not ended.
func (r *outputReader) end() []*test {
	if len(r.line) > 0 {
		r.take(string(r.line))
		r.line = nil
	}
	return r.top
}

func (r *outputReader) take(line string) {
	before, own, marked := strings.Cut(strings.TrimSuffix(line, "\r"), string(mark))
	if before != "" || !marked {
		r.print(before)
	}
	if !marked {
		return
	}
	if m := testSwitches.FindStringSubmatch(own); m != nil {
		switch m[1] {
		case "RUN":
			r.begin(m[2])
		case "PAUSE", "ATTR":
			return
		}
		r.current = m[2]
		return
	}
	if m := testEnds.FindStringSubmatch(own); m != nil {
		r.finish(m[2], Status(m[1]))
		return
	}
	r.print(own)
}

func (r *outputReader) print(line string) {
	if t := r.open[r.current]; t != nil {
		t.output.WriteString(line + "\n")
		return
	}
	r.outside(line)
}

func (r *outputReader) begin(name string) {
	t := &test{name: name}
	r.open[name] = t
	for parent := name; ; {
		i := strings.LastIndexByte(parent, '/')
		if i < 0 {
			r.top = append(r.top, t)
			return
		}
		// Names of sub-tests may have slashes of their own.
		parent = parent[:i]
		if p := r.open[parent]; p != nil {
			p.subs = append(p.subs, t)
			return
		}
	}
}

func (r *outputReader) finish(name string, status Status) {
	r.current = ""
	t := r.open[name]
	if t == nil {
		return
	}
	t.status = status
	for i, top := range r.top {
		if top == t {
			r.top = append(r.top[:i], r.top[i+1:]...)
			r.close(t)
			r.ended(t)
			return
		}
	}
}

// close forgets a test and its sub-tests.
func (r *outputReader) close(t *test) {
	delete(r.open, t.name)
	for _, sub := range t.subs {
		r.close(sub)
	}
}
