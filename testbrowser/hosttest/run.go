package hosttest

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// timeoutGrace is how long the host may take after the tests' own timeout, which gives the better message.
const timeoutGrace = time.Minute

// packageRun is one package's tests in one host.
type packageRun struct {
	pkg, dir string
	args     []string // of testbrowser
	flags    []string // of the test binary
	wasm     string
	timeout  time.Duration
	cover    string // file for the coverage profile, or ""
	result   *HostResult

	mu      sync.Mutex // another goroutine writes standard error
	outside []string   // the last lines that no test printed
}

// keptLines is how many of the lines that no test printed are shown with a failure.
const keptLines = 200

func (p *packageRun) do(t *testing.T) {
	args := append(p.args, p.wasm, "-test.v=test2json", "-test.timeout="+p.timeout.String())
	args = append(args, p.flags...)
	if tests := selected(t); tests != "" {
		args = append(args, "-test.run="+tests)
	}
	if p.cover != "" {
		args = append(args, "-test.coverprofile="+p.cover)
	}
	ctx, cancel := context.WithTimeout(t.Context(), p.timeout+timeoutGrace)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = p.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends the host
	cmd.WaitDelay = 20 * time.Second

	ended := make(chan *test)
	reader := newOutputReader(func(done *test) { ended <- done }, p.printOutside)
	cmd.Stdout = reader
	cmd.Stderr = &lineWriter{line: p.printOutside}
	var err error
	go func() {
		defer close(ended)
		err = cmd.Run()
		for _, unfinished := range reader.end() {
			ended <- unfinished
		}
	}()
	failed := false
	for done := range ended {
		failed = p.replay(t, done, "") || failed
	}
	p.takeSummary(t)
	switch {
	case err != nil:
		// A failed test says why the program failed; whatever else was printed may help.
		t.Errorf("%s: %v\n%s", p.pkg, err, strings.Join(p.outside, "\n"))
	case failed:
		t.Fail() // a sub-test that -run has left out
	case testing.Verbose() && len(p.outside) > 0:
		io.WriteString(t.Output(), strings.Join(p.outside, "\n")+"\n")
	}
}

// selected returns the part of -run that is for the host.
func selected(t *testing.T) string {
	run := flag.Lookup("test.run")
	if run == nil {
		return ""
	}
	return below(run.Value.String(), t.Name())
}

// replay reports a test of the host as a sub-test of t, and returns whether it failed. prefix is the part of its name
// that is its parent's.
func (p *packageRun) replay(t *testing.T, done *test, prefix string) (failed bool) {
	if done.status == "" {
		done.status = Failed
		done.output.WriteString("the program ended while this test ran\n")
	}
	failed = done.status == Failed
	t.Run(strings.TrimPrefix(done.name, prefix), func(t *testing.T) {
		for _, sub := range done.subs {
			p.replay(t, sub, done.name+"/")
		}
		io.WriteString(t.Output(), done.output.String())
		switch done.status {
		case Failed:
			t.Fail()
		case Skipped:
			t.SkipNow()
		}
	})
	p.result.Tests = append(p.result.Tests, TestResult{p.pkg, done.name, done.status, done.output.String()})
	return failed
}

func (p *packageRun) printOutside(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outside = append(p.outside, line)
	if len(p.outside) > keptLines {
		p.outside = p.outside[1:]
	}
}

// takeSummary logs the coverage of the tests, and removes the program's last lines.
func (p *packageRun) takeSummary(t *testing.T) {
	p.outside = slices.DeleteFunc(p.outside, func(line string) bool {
		if !strings.HasPrefix(line, "coverage: ") {
			return line == "PASS" // the sub-tests say so already
		}
		fmt.Fprintf(t.Output(), "%s: %s\n", p.pkg, line)
		return true
	})
}

// lineWriter hands on whole lines.
type lineWriter struct {
	rest string
	line func(string)
}

func (w *lineWriter) Write(data []byte) (int, error) {
	w.rest += string(data)
	for {
		line, rest, ok := strings.Cut(w.rest, "\n")
		if !ok {
			return len(data), nil
		}
		w.line(line)
		w.rest = rest
	}
}
