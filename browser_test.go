//go:build !js

package ws_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/seed2c7e30c3/ws/internal/scenario"
	"github.com/seed2c7e30c3/ws/internal/testserver"
)

// requireVariable names the environment variable with the hosts that must be there, separated by commas; "1" is all.
const requireVariable = "WS_REQUIRE_BROWSERS"

// matrixVariable names the environment variable with the file that the table of hosts is written to as well: go test shows
// nothing of a package that passes.
const matrixVariable = "WS_TEST_MATRIX"

// browserHost is one way to run the suite.
type browserHost struct {
	name    string // of the subtest
	host    string // as testbrowser calls it
	truth   string // as the recordings of the truth table call it
	worker  bool
	page    *page  // nil: an empty one
	oldest  int    // major version
	upgrade string // how to get one
}

var browserHosts = []browserHost{
	{name: "chromium", host: "chromium", truth: "chromium"},
	{name: "firefox", host: "firefox", truth: "firefox"},
	{name: "webkit", host: "webkit", truth: "webkitgtk"},
	// The WebSocket of Node 20 and 21, behind a flag, leaves failed connections connecting for ever and ends the program when
	// a server selects a subprotocol that nobody has asked for.
	{name: "node", host: "node", truth: "node", oldest: 22, upgrade: "https://nodejs.org/ or npm install node@24"},
	{name: "deno", host: "deno", truth: "deno"},
	{name: "bun", host: "bun", truth: "bun"},
	{name: "chromium-worker", host: "chromium", truth: "chromium", worker: true},
	{name: "firefox-worker", host: "firefox", truth: "firefox", worker: true},
}

const (
	// hostTimeout bounds the suite in one host.
	hostTimeout = 8 * time.Minute

	// hostsAtOnce is how many hosts run at a time.
	hostsAtOnce = 2
)

// browserPackages are the packages whose tests run in the hosts.
var browserPackages = []string{".", "./netconn", "./wsjson"}

// TestBrowsers runs the module's portable tests, built for GOOS=js, in JavaScript hosts. A host that is not installed, or is too
// old, is skipped, unless WS_REQUIRE_BROWSERS names it.
//
//	go test -run TestBrowsers/firefox                     in one host
//	go test -run TestBrowsers/firefox/TestEcho/65536 -v   only some tests
func TestBrowsers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves the browsers out")
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to build with")
	}
	program := buildForHosts(t, goTool)
	var table matrix
	t.Cleanup(func() {
		table.print(os.Stdout)
		if name := os.Getenv(matrixVariable); name != "" {
			table.save(t, name)
		}
	})
	atOnce := make(chan struct{}, hostsAtOnce)
	for _, h := range append(slices.Clone(browserHosts), pageHosts()...) {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			row := &matrixRow{host: h.name}
			table.add(row)
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			program.run(t, h, row)
		})
	}
}

// hostProgram is what runs in the hosts, and what runs it.
type hostProgram struct {
	runner string
	wasm   []string // by browserPackages
}

func buildForHosts(t *testing.T, goTool string) *hostProgram {
	t.Helper()
	readSources(t)
	dir := t.TempDir()
	p := &hostProgram{runner: filepath.Join(dir, "testbrowser.exe")}
	build(t, exec.Command(goTool, "build", "-o", p.runner, "./testbrowser"), nil)
	for i, pkg := range browserPackages {
		wasm := filepath.Join(dir, fmt.Sprintf("%d.test.wasm", i))
		build(t, exec.Command(goTool, "test", "-c", "-o", wasm, pkg), []string{"GOOS=js", "GOARCH=wasm"})
		p.wasm = append(p.wasm, wasm)
	}
	return p
}

// readSources reads what the hosts' programs are built of. go test's cache knows the files that a test has read, and nothing
// of those that a compiler reads that it has started: without this a change of the js half would change no result.
func readSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		switch filepath.Ext(path) {
		case ".go", ".js", ".mjs", ".html", ".mod", ".sum":
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, cmd *exec.Cmd, env []string) {
	t.Helper()
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// required tells whether a host must be there.
func required(h browserHost) bool {
	value := os.Getenv(requireVariable)
	if value == "" || value == "1" {
		return value == "1"
	}
	names := strings.Split(value, ",")
	return slices.Contains(names, h.name) || slices.Contains(names, h.host)
}

// missing says why the suite cannot run in a host, "" if it can.
func (p *hostProgram) missing(h browserHost) string {
	out, err := exec.Command(p.runner, "-list", "-host", h.host).CombinedOutput()
	line := strings.TrimSpace(string(out))
	if err != nil {
		return h.host + " is not installed: " + line
	}
	version := line[strings.LastIndexByte(line, '\t')+1:]
	number, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if major, err := strconv.Atoi(number); err == nil && major < h.oldest {
		return fmt.Sprintf("%s is %s, older than %d: %s", h.host, version, h.oldest, h.upgrade)
	}
	return ""
}

func (p *hostProgram) run(t *testing.T, h browserHost, row *matrixRow) {
	reason := p.missing(h)
	if reason == "" && h.page != nil {
		reason = h.page.missing()
	}
	if reason != "" {
		row.missing = true
		report := t.Skip
		if required(h) {
			report = t.Fatal
		}
		report(reason)
	}
	scenarios, err := scenario.Decode(scenariosJSON)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := scenario.NewServer(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	defer truth.Close()
	server, err := testserver.New()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	args := []string{
		"-host", h.host, "-timeout", (hostTimeout + 30*time.Second).String(),
		"-env", serverVariable + "=" + server.URL(),
		"-env", "WS_TEST_SCENARIOS=" + truth.URL(),
		"-env", "WS_TEST_HOST=" + h.truth,
	}
	if h.worker {
		args = append(args, "-worker")
	}
	packages := browserPackages
	if h.page != nil {
		args = append(args, h.page.args()...)
		packages = browserPackages[:1]
	}
	start := time.Now()
	for i, pkg := range packages {
		p.runPackage(t, pkg, append(slices.Clone(args), p.wasm[i]), h.page.tests(), row)
	}
	row.took = time.Since(start)
	if row.passed == 0 {
		t.Errorf("%s: no test ran", h.name)
	}
}

// runPackage runs the tests of one package in one host.
func (p *hostProgram) runPackage(t *testing.T, pkg string, args, tests []string, row *matrixRow) {
	args = append(args, "-test.v", "-test.timeout="+hostTimeout.String())
	args = append(args, tests...)
	if _, rest, ok := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); ok {
		if _, tests, ok := strings.Cut(rest, "/"); ok {
			args = append(args, "-test.run="+tests)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), hostTimeout+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.runner, args...)
	cmd.Dir = pkg
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends the browser
	cmd.WaitDelay = 20 * time.Second
	log := &hostLog{verbose: testing.Verbose(), row: row}
	cmd.Stdout, cmd.Stderr = log, log
	err := cmd.Run()
	log.end()
	if err != nil {
		t.Errorf("%s: %s: %v\n%s", row.host, pkg, err, log.failures())
	}
}

// hostLog takes the output of a test binary: it counts the tests, and keeps what the failed ones say.
type hostLog struct {
	verbose bool
	row     *matrixRow

	line    []byte
	current string              // the test that prints
	said    map[string][]string // by test
	order   []string            // names of failed tests
	outside []string            // what no test printed
}

var (
	testStarts = regexp.MustCompile(`^=== (?:RUN|CONT|NAME|PAUSE)\s+(\S*)`)
	testEnds   = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)
)

func (l *hostLog) Write(b []byte) (int, error) {
	l.line = append(l.line, b...)
	for {
		i := bytes.IndexByte(l.line, '\n')
		if i < 0 {
			return len(b), nil
		}
		l.take(string(l.line[:i]))
		l.line = l.line[i+1:]
	}
}

func (l *hostLog) end() {
	if len(l.line) > 0 {
		l.take(string(l.line))
	}
}

func (l *hostLog) take(line string) {
	if l.verbose {
		fmt.Printf("[%s] %s\n", l.row.host, line)
	}
	if m := testStarts.FindStringSubmatch(line); m != nil {
		l.current = m[1]
		return
	}
	if m := testEnds.FindStringSubmatch(line); m != nil {
		l.current = ""
		l.ended(m[1], m[2])
		return
	}
	if l.current == "" {
		l.outside = append(l.outside, line)
		return
	}
	if l.said == nil {
		l.said = make(map[string][]string)
	}
	l.said[l.current] = append(l.said[l.current], line)
}

func (l *hostLog) ended(result, name string) {
	said := strings.Join(l.said[name], "\n")
	switch result {
	case "PASS":
		l.row.passed++
	case "SKIP":
		if strings.Contains(said, knownBug) {
			l.row.known++
		} else {
			l.row.skipped++
		}
	case "FAIL":
		l.row.failed++
		l.order = append(l.order, name)
	}
	if result != "FAIL" {
		delete(l.said, name)
	}
}

// failures shows the failed tests, and what was said when the program ended early. Among what -v prints, of several hosts at
// once, that is hard to find.
func (l *hostLog) failures() string {
	var b strings.Builder
	for _, name := range l.order {
		fmt.Fprintf(&b, "--- FAIL: %s\n%s\n", name, strings.Join(l.said[name], "\n"))
	}
	if l.current != "" {
		fmt.Fprintf(&b, "the program ended in %s:\n%s\n", l.current, strings.Join(l.said[l.current], "\n"))
	}
	b.WriteString(strings.Join(l.outside[max(0, len(l.outside)-50):], "\n"))
	return b.String()
}

// matrix is the result of TestBrowsers.
type matrix struct {
	mu   sync.Mutex
	rows []*matrixRow
}

type matrixRow struct {
	host                           string
	missing                        bool
	passed, known, skipped, failed int
	took                           time.Duration
}

func (m *matrix) add(row *matrixRow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = append(m.rows, row)
}

func (m *matrix) save(t *testing.T, name string) {
	var text bytes.Buffer
	m.print(&text)
	if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil {
		t.Error(err)
	}
}

// print prints the rows, the tests of every level being counted.
func (m *matrix) print(to io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "host\tpassed\tknown\tskipped\tfailed\tseconds")
	for _, row := range m.rows {
		if row.missing {
			fmt.Fprintf(w, "%s\tnot run\n", row.host)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%.0f\n", row.host, row.passed, row.known, row.skipped, row.failed, row.took.Seconds())
	}
	w.Flush()
}
