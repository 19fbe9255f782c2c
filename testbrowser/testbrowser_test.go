//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// outputLines of 100 bytes are what the output test prints; 1000000 are the 100 MB that must come through.
var outputLines = flag.Int("testbrowser.lines", 20_000, "lines of 100 bytes that the output test prints in each host")

// The program and the wasm binary of testdata/cases, built once.
var testbrowserPath, casesPath, casesDir string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("/tmp", "tbt")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	testbrowserPath, casesPath = filepath.Join(dir, "testbrowser"), filepath.Join(dir, "cases.wasm")
	casesDir = filepath.Join("testdata", "cases")
	for _, build := range []*exec.Cmd{
		exec.Command("go", append(buildFlags, "-o", testbrowserPath, ".")...),
		wasmGo("test", "-c", "-o", casesPath, "./testdata/cases"),
	} {
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", build.Args, err, out)
			return 1
		}
	}
	return m.Run()
}

// buildFlags build the program as the test is built.
var buildFlags = []string{"build"}

// wasmGo is a go command for js/wasm.
func wasmGo(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	return cmd
}

// testHosts are the hosts whose results the tests can check; the other names are for the same programs.
var testHosts = []string{"chromium", "firefox", "webkit", "wpe", "node", "deno", "bun", "workerd"}

var testBrowsers = testHosts[:4]

// requiredHosts are those that a machine must have when it says that it has browsers.
var requiredHosts = []string{"chromium", "firefox", "webkit", "node", "deno", "bun", "workerd"}

// need skips a test, or fails it where browsers are required, if a host is not installed.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		h, err := hostNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if testing.Short() && !slices.Contains(shortHosts, name) {
			t.Skipf("-short leaves %s out", name)
		}
		if _, err := h.find(); err == nil {
			continue
		} else if os.Getenv("WS_REQUIRE_BROWSERS") == "1" && slices.Contains(requiredHosts, name) {
			t.Fatal(err)
		} else {
			t.Skip(err)
		}
	}
}

// shortHosts are those that tests use with -short: a browser and an interpreter.
var shortHosts = []string{"chromium", "node"}

// long leaves a test out with -short.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short leaves it out")
	}
}

// runner is a started testbrowser with a directory of its own for temporary files.
type runner struct {
	t      *testing.T
	cmd    *exec.Cmd
	temp   string
	stdout lineBuffer
	stderr lineBuffer
}

// lineBuffer keeps what was written and tells about it.
type lineBuffer struct {
	buffer  bytes.Buffer
	changed chan struct{}
	lock    chan struct{}
}

func newLineBuffer() lineBuffer {
	return lineBuffer{changed: make(chan struct{}, 1), lock: make(chan struct{}, 1)}
}

func (b *lineBuffer) Write(data []byte) (int, error) {
	b.lock <- struct{}{}
	b.buffer.Write(data)
	<-b.lock
	select {
	case b.changed <- struct{}{}:
	default:
	}
	return len(data), nil
}

func (b *lineBuffer) String() string {
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	return b.buffer.String()
}

// command prepares a testbrowser that runs cases; args are its own and the program's.
func command(t *testing.T, flags []string, args ...string) *runner {
	t.Helper()
	// Browsers put sockets there, whose paths must be short.
	temp, err := os.MkdirTemp("/tmp", "tb")
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, temp: temp, stdout: newLineBuffer(), stderr: newLineBuffer()}
	t.Cleanup(func() { os.RemoveAll(temp) })
	r.cmd = exec.Command(testbrowserPath, append(append(flags, absolute(t, casesPath)), args...)...)
	r.cmd.Dir = casesDir
	r.cmd.Env = append(os.Environ(), "TMPDIR="+temp, "TESTBROWSER=")
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	return r
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (r *runner) start() {
	r.t.Helper()
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			r.cmd.Process.Signal(syscall.SIGTERM)
			r.cmd.Wait()
		}
	})
}

// wait returns the exit code and checks that nothing is left.
func (r *runner) wait() int {
	r.t.Helper()
	guard := time.AfterFunc(3*time.Minute, func() { r.cmd.Process.Signal(syscall.SIGTERM) })
	err := r.cmd.Wait()
	guard.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	r.checkClean()
	return r.cmd.ProcessState.ExitCode()
}

func (r *runner) run(want int) (stdout, stderr string) {
	r.t.Helper()
	r.start()
	code := r.wait()
	stdout, stderr = r.stdout.String(), r.stderr.String()
	if code != want {
		r.t.Fatalf("%q: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.cmd.Args[1:], code, want, head(stdout),
			head(stderr))
	}
	return stdout, stderr
}

func head(s string) string {
	const most = 4000
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// until waits for a text on standard output.
func (r *runner) until(text string) {
	r.t.Helper()
	limit := time.After(2 * time.Minute)
	for !strings.Contains(r.stdout.String(), text) {
		select {
		case <-r.stdout.changed:
		case <-limit:
			r.t.Fatalf("no %q; stdout:\n%s\nstderr:\n%s", text, r.stdout.String(), r.stderr.String())
		}
	}
}

// checkClean fails the test if a file or a process is left of the run.
func (r *runner) checkClean() {
	r.t.Helper()
	entries, err := os.ReadDir(r.temp)
	if err != nil {
		r.t.Error(err)
	}
	for _, entry := range entries {
		r.t.Errorf("left: %s", filepath.Join(r.temp, entry.Name()))
	}
	for _, pid := range r.processes() {
		r.t.Errorf("left: process %d: %s", pid, commandLine(pid))
	}
}

// processes are all that have the run's directory in their environment or command line, the testbrowser itself
// excluded. Zombies have neither: whoever has them for children has to know of them.
func (r *runner) processes() []int {
	if runtime.GOOS != "linux" {
		return nil
	}
	var pids []int
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil || pid == r.cmd.Process.Pid || pid == os.Getpid() {
			continue
		}
		environ, _ := os.ReadFile(name + "/environ") // ended meanwhile, or another user's
		if bytes.Contains(environ, []byte(r.temp+"\x00")) || bytes.Contains(environ, []byte(r.temp+"/")) ||
			strings.Contains(commandLine(pid), r.temp) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func commandLine(pid int) string {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
}

func eachHost(t *testing.T, names []string, test func(t *testing.T, host string)) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			need(t, name)
			t.Parallel()
			test(t, name)
		})
	}
}

func only(names ...string) string { return "-test.run=^(" + strings.Join(names, "|") + ")$" }

// contains fails the test for each part that is missing.
func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, head(text))
		}
	}
}

func TestHosts(t *testing.T) {
	eachHost(t, testHosts, func(t *testing.T, host string) {
		r := command(t, []string{"-host", host, "-env", "TESTBROWSER_CASE_GIVEN", "-env", "TESTBROWSER_CASE_SET=set here",
			"-env", "TESTBROWSER_CASE_UNSET"},
			"-test.v", only("TestPass", "TestFiles", "TestCallback", "TestArgs", "TestEnv", "TestConsole", "TestPrintln",
				"TestSocket"), "two words", "ünï")
		r.cmd.Env = append(r.cmd.Env, "TESTBROWSER_CASE_GIVEN=given ünï", "TESTBROWSER_CASE_HIDDEN=hidden")
		stdout, stderr := r.run(0)
		contains(t, "stdout", stdout, "--- PASS: TestPass", "--- PASS: TestFiles", "--- PASS: TestCallback", "PASS\n",
			`"two words" "ünï"]`, `TESTBROWSER_CASE_GIVEN="given ünï" true`, `TESTBROWSER_CASE_SET="set here" true`,
			`TESTBROWSER_CASE_HIDDEN="" false`, "WebSocket: function", "from console.log")
		contains(t, "stderr", stderr, "from console.error", "an error object", "runtime 0\nruntime 1\n",
			"runtime 999\nthen os\n")
	})
}

func TestExitCodes(t *testing.T) {
	eachHost(t, testHosts, func(t *testing.T, host string) {
		stdout, _ := command(t, []string{"-host", host}, only("TestExit")).run(3)
		contains(t, "stdout", stdout, "before os.Exit")

		_, stderr := command(t, []string{"-host", host}, only("TestGoroutinePanic")).run(2)
		contains(t, "stderr", stderr, "panic: in a goroutine", "goroutine ", "cases_test.go:")
	})
	t.Run("failed test", func(t *testing.T) {
		need(t, "chromium")
		t.Parallel()
		stdout, _ := command(t, []string{"-host", "chromium"}, only("TestFail")).run(1)
		contains(t, "stdout", stdout, "failed as it should", "FAIL")
	})
}

func TestDeadlocks(t *testing.T) {
	long(t)
	eachHost(t, testHosts, func(t *testing.T, host string) {
		stdout, stderr := command(t, []string{"-host", host}, only("TestDeadlockAfterFiles")).run(2)
		contains(t, "stdout", stdout, "read\n")
		contains(t, "stderr", stderr, "fatal error: all goroutines are asleep - deadlock!", "cases_test.go:")
	})
}

func TestOutputOrder(t *testing.T) {
	long(t)
	eachHost(t, testHosts, func(t *testing.T, host string) {
		r := command(t, []string{"-host", host}, only("TestOrder"))
		var both bytes.Buffer
		r.cmd.Stdout, r.cmd.Stderr = &both, &both // one pipe
		r.run(0)
		var want strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&want, "line %d\n", i)
		}
		want.WriteString("PASS\n")
		if both.String() != want.String() {
			t.Errorf("out of order:\n%s", head(both.String()))
		}
	})
}

func TestMuchOutput(t *testing.T) {
	long(t)
	eachHost(t, testHosts, func(t *testing.T, host string) {
		r := command(t, []string{"-host", host, "-env", "TESTBROWSER_CASE_LINES"}, only("TestOutput"))
		r.cmd.Env = append(r.cmd.Env, "TESTBROWSER_CASE_LINES="+strconv.Itoa(*outputLines))
		r.cmd.Stdout = nil
		stdout, err := r.cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		r.start()
		lines := bufio.NewScanner(stdout)
		n := 0
		for ; n < *outputLines && lines.Scan(); n++ {
			if n == *outputLines*3/4 {
				checkMemory(t, r.cmd.Process.Pid)
			}
			if want := fmt.Sprintf("%099d", n); lines.Text() != want {
				t.Fatalf("line %d: %q", n, lines.Text())
			}
		}
		lines.Scan()
		if n != *outputLines || lines.Text() != "all printed" {
			t.Errorf("after %d lines: %q, %v", n, lines.Text(), lines.Err())
		}
		if _, err := io.Copy(io.Discard, stdout); err != nil {
			t.Error(err)
		}
		if code := r.wait(); code != 0 {
			t.Errorf("exit code %d: %s", code, r.stderr.String())
		}
	})
}

// checkMemory fails the test if a process has ever had much memory.
func checkMemory(t *testing.T, pid int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	most := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	if most == nil {
		t.Fatalf("no VmHWM in %s", status)
	}
	const limit = 100 << 10
	if kib, err := strconv.Atoi(string(most[1])); err != nil || kib > limit {
		t.Errorf("%s KiB of memory, %v", most[1], err)
	}
}

func TestInWorker(t *testing.T) {
	long(t)
	eachHost(t, testBrowsers, func(t *testing.T, host string) {
		stdout, stderr := command(t, []string{"-worker", "-host", host}, "-test.v",
			only("TestWorker", "TestFiles", "TestCallback", "TestConsole", "TestRejects")).run(1)
		contains(t, "stdout", stdout, "window: false worker: true", "--- PASS: TestFiles")
		contains(t, "stderr", stderr, "from console.error", "unhandled rejection:")

		_, stderr = command(t, []string{"-worker", "-host", host}, only("TestPanic")).run(2)
		contains(t, "stderr", stderr, "panic: on purpose")
	})
}

// TestKilledBrowser kills the browser, or the process of its page alone, while the program waits.
func TestKilledBrowser(t *testing.T) {
	long(t)
	if runtime.GOOS != "linux" {
		t.Skip("finds a browser's processes in /proc, which only Linux has like this")
	}
	pages := map[string]string{
		"chromium": "--type=renderer", "firefox": "-isForBrowser", "webkit": "WebKitWebProcess", "wpe": "WPEWebProcess",
	}
	eachHost(t, testBrowsers, func(t *testing.T, host string) {
		h, err := hostNamed(host)
		if err != nil {
			t.Fatal(err)
		}
		executable, err := h.find()
		if err != nil {
			t.Fatal(err)
		}
		for what, chosen := range map[string]func(commandLine string) bool{
			"page": func(line string) bool { return strings.Contains(line, pages[host]) },
			"browser": func(line string) bool {
				return !strings.Contains(line, "-type=") && !strings.Contains(line, "-contentproc") &&
					strings.Contains(line, strings.TrimSuffix(filepath.Base(executable), "-esr")) &&
					strings.Contains(line, "http://127.0.0.1")
			},
		} {
			r := command(t, []string{"-host", host}, only("TestWait"))
			r.start()
			r.until("waiting")
			killed := 0
			for _, pid := range r.processes() {
				if chosen(commandLine(pid)) {
					killed++
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
						t.Fatal(err)
					}
				}
			}
			if killed == 0 {
				t.Errorf("no process of the %s to kill", what)
				for _, pid := range r.processes() {
					t.Logf("%d %s", pid, commandLine(pid))
				}
			}
			if code := r.wait(); code != exitFailure {
				t.Errorf("%s killed: exit code %d", what, code)
			}
			stderr := r.stderr.String()
			if !strings.Contains(stderr, "testbrowser: "+host+": the page is gone") &&
				!strings.Contains(stderr, "testbrowser: "+host+": the browser ended") {
				t.Errorf("%s killed: stderr:\n%s", what, stderr)
			}
		}
	})
}

func TestKilledInterpreter(t *testing.T) {
	long(t)
	if runtime.GOOS != "linux" {
		t.Skip("finds a host's processes in /proc, which only Linux has like this")
	}
	eachHost(t, []string{"node", "deno", "bun"}, func(t *testing.T, host string) {
		r := command(t, []string{"-host", host}, "-test.timeout=10m", only("TestWait"))
		r.start()
		r.until("waiting")
		for _, pid := range r.processes() {
			if strings.Contains(commandLine(pid), "program.mjs") {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
					t.Fatal(err)
				}
			}
		}
		if code := r.wait(); code != exitFailure {
			t.Errorf("exit code %d", code)
		}
		contains(t, "stderr", r.stderr.String(), "testbrowser: "+host+": the process ended: signal: killed")
	})
}

// TestStoppedPage stops the page's process, which then is silent without computing.
func TestStoppedPage(t *testing.T) {
	long(t)
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a silent page that computes from one that does not")
	}
	need(t, "chromium")
	t.Parallel()
	r := command(t, []string{"-host", "chromium"}, only("TestWait"))
	r.start()
	r.until("waiting")
	for _, pid := range r.processes() {
		if strings.Contains(commandLine(pid), "--type=renderer") {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
	}
	if code := r.wait(); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	contains(t, "stderr", r.stderr.String(), "testbrowser: chromium: the page is hung")
}

// TestComputingPage is silent for longer than that, but alive.
func TestComputingPage(t *testing.T) {
	long(t)
	eachHost(t, []string{"chromium", "webkit"}, func(t *testing.T, host string) {
		stdout, _ := command(t, []string{"-host", host}, only("TestCompute")).run(0)
		contains(t, "stdout", stdout, "computed")
	})
}

func TestTimeouts(t *testing.T) {
	long(t)
	need(t, "chromium")
	t.Parallel()
	_, stderr := command(t, []string{"-host", "chromium", "-timeout", "8s"}, only("TestBusy")).run(exitTimeout)
	contains(t, "stderr", stderr, "testbrowser: chromium: not done after 8s: the page's event loop has not turned for")

	_, stderr = command(t, []string{"-host", "chromium"}, "-test.timeout=1s", only("TestBusy")).run(exitTimeout)
	contains(t, "stderr", stderr, "testbrowser: chromium: not done after 11s")

	_, stderr = command(t, []string{"-host", "chromium", "-timeout", "2s"}, only("TestWait")).run(exitTimeout)
	contains(t, "stderr", stderr, "not done after 2s: the page's event loop turns")

	stdout, _ := command(t, []string{"-host", "chromium"}, "-test.timeout=1s", only("TestWait")).run(2)
	contains(t, "stdout", stdout, "waiting")

	need(t, "node")
	_, stderr = command(t, []string{"-host", "node", "-timeout", "2s"}, "-test.timeout=1m",
		only("TestWait")).run(exitTimeout)
	contains(t, "stderr", stderr, "testbrowser: node: not done after 2s")
}

func TestReloadedPage(t *testing.T) {
	long(t)
	need(t, "chromium")
	t.Parallel()
	_, stderr := command(t, []string{"-host", "chromium"}, only("TestReload")).run(exitFailure)
	contains(t, "stderr", stderr, "testbrowser: chromium: the page was loaded a second time")
}

// TestSignals ends the runner in all the ways that there are; nothing may be left.
func TestSignals(t *testing.T) {
	long(t)
	eachHost(t, []string{"chromium", "firefox", "webkit", "node"}, func(t *testing.T, host string) {
		signals := []syscall.Signal{syscall.SIGTERM}
		if host == "node" {
			signals = append(signals, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
		}
		for _, signal := range signals {
			r := command(t, []string{"-host", host}, "-test.timeout=10m", only("TestWait"))
			r.start()
			r.until("waiting")
			if err := r.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if code := r.wait(); code != exitSignal+int(signal) {
				t.Errorf("%v: exit code %d", signal, code)
			}
			contains(t, "stderr", r.stderr.String(), "testbrowser: "+host+": ended: "+signal.String())
		}

		// The runner is not asked: its guard has to clean up. The pipes close when it is done.
		r := command(t, []string{"-host", host}, "-test.timeout=10m", only("TestWait"))
		r.start()
		r.until("waiting")
		if err := r.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if code := r.wait(); code != -1 {
			t.Errorf("killed: exit code %d", code)
		}
	})
}

// TestParentEnds kills the shell that started the runner.
func TestParentEnds(t *testing.T) {
	long(t)
	need(t, "chromium")
	t.Parallel()
	r := command(t, []string{"-host", "chromium"}, "-test.timeout=10m", only("TestWait"))
	r.cmd.Args = append([]string{"sh", "-c", `"$@"; exit $?`, "sh"}, r.cmd.Args...)
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Path = shell
	r.start()
	r.until("waiting")
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r.wait() // until the pipes are closed
	contains(t, "stderr", r.stderr.String(), "ended: the parent process has ended")
}

func TestTogether(t *testing.T) {
	long(t)
	eachHost(t, []string{"chromium", "firefox", "webkit"}, func(t *testing.T, host string) {
		var runs []*runner
		for range 2 {
			r := command(t, []string{"-host", host}, only("TestFiles"))
			r.start()
			runs = append(runs, r)
		}
		for _, r := range runs {
			if code := r.wait(); code != 0 {
				t.Errorf("exit code %d: %s%s", code, r.stdout.String(), r.stderr.String())
			}
		}
	})
}

func TestSeveralHosts(t *testing.T) {
	long(t)
	need(t, "chromium", "node")
	t.Parallel()
	stdout, _ := command(t, []string{"-host", "chromium,node"}, "-test.v", only("TestPass")).run(0)
	contains(t, "stdout", stdout, "[chromium] --- PASS: TestPass", "[chromium] PASS\n", "[node] --- PASS: TestPass",
		"[node] PASS\n")
	if strings.Index(stdout, "[node]") < strings.LastIndex(stdout, "[chromium]") {
		t.Errorf("not one after another:\n%s", stdout)
	}

	_, stderr := command(t, []string{"-host", "safari,node"}, only("TestExit")).run(exitNotInstalled)
	contains(t, "stderr", stderr, "[safari] testbrowser: safari is not installed")
	stdout, _ = command(t, []string{"-host", "node,chromium"}, only("TestExit")).run(3)
	contains(t, "stdout", stdout, "[chromium] before os.Exit")
}

func TestDefaultHost(t *testing.T) {
	need(t, "node")
	t.Parallel()
	r := command(t, nil, "-test.v", only("TestPass"))
	r.cmd.Env = append(r.cmd.Env, "TESTBROWSER=node,node")
	stdout, _ := r.run(0)
	contains(t, "stdout", stdout, "[node] --- PASS: TestPass")
}

func TestList(t *testing.T) {
	out, err := exec.Command(testbrowserPath, "-list").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(hosts) {
		t.Errorf("%d lines for %d hosts:\n%s", len(lines), len(hosts), out)
	}
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		if len(fields) != 3 || fields[0] != hosts[i].name {
			t.Fatalf("line %q", line)
		}
		_, err := hosts[i].find()
		if (err == nil) != (fields[1] != "-") {
			t.Errorf("line %q, but %v", line, err)
		}
		if err == nil && fields[0] != "safari" && !regexp.MustCompile(`\d+[.-]\d+`).MatchString(fields[2]) {
			t.Errorf("no version: %q", line)
		}
	}
}

func TestNotInstalled(t *testing.T) {
	nothing := append(os.Environ(), "PATH="+t.TempDir(), pathVariable+"=", "HOME=/nonexistent")
	for _, args := range [][]string{{"-list", "-host", "bun"}, {"-host", "bun", absolute(t, casesPath)}} {
		cmd := exec.Command(testbrowserPath, args...)
		//lint:ignore SA1019 the tests run where they are built
		cmd.Env = append(nothing, "GOROOT="+runtime.GOROOT())
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitNotInstalled {
			t.Errorf("%q: %v", args, err)
		}
		contains(t, "output", string(out), "bun is not installed", "npm install bun")
	}
}

func TestBadUse(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-host", "netscape", casesPath}, `no host is called "netscape", but chromium, `},
		{[]string{"-host", "node"}, "no program given"},
		{[]string{"-host", "node", "missing.wasm"}, "missing.wasm: no such file"},
		{[]string{"-host", "node", "-worker", casesPath}, "-worker: node"},
		{[]string{"-host", "node", "-serve", casesPath}, "-serve starts no host"},
		{[]string{"-timeout", "-1s", casesPath}, "-timeout -1s is negative"},
		{[]string{"-env", "=x", casesPath}, "no name"},
		{[]string{"-frobnicate", casesPath}, "-frobnicate"},
		{[]string{"-proxy", "chat=http://127.0.0.1:1", casesPath}, `"chat" is no path`},
		{[]string{"-proxy", "/chat=127.0.0.1:1", casesPath}, "-proxy: parse"},
		{[]string{"-proxy", "/chat=ftp://a", casesPath}, "is no URL of an http server"},
		{[]string{"-proxy", "/chat=http://", casesPath}, "names no host"},
		{[]string{"-proxy", "/chat", casesPath}, "there is no -with"},
		{[]string{"-proxy", "/a=http://b", "-proxy", "/a=http://c", casesPath}, "-proxy /a: given twice"},
		{[]string{"-with", "x", "-with-timeout", "0s", casesPath}, "-with-timeout needs"},
		{[]string{"-with", "x", "-with-env", "", casesPath}, "-with-env a name"},
		{[]string{"-html", "missing.html", casesPath}, "-html: stat "},
		{[]string{"-html", ".", casesPath}, "-html .: not a file"},
		{[]string{"-root", "main.go", casesPath}, "-root main.go: not a directory"},
		{[]string{"-script", "missing.js", casesPath}, "-script: stat "},
		{[]string{"-script", "", casesPath}, "no file"},
		{[]string{"-wasm-exec", "missing.js", casesPath}, "-wasm-exec: stat "},
		{[]string{"-query", "a b#c", casesPath}, "-query"},
		{[]string{"-base", "http://[", casesPath}, "-base: parse"},
		{[]string{"-host", "chromium", "-worker", "-base", "/", casesPath}, "-base: a worker's base"},
		{[]string{"-csp", "script-src 'self'", casesPath},
			"-csp: this policy forbids WebAssembly: its script-src (or default-src) needs 'wasm-unsafe-eval'"},
		{[]string{"-csp", "default-src 'none'", casesPath}, "-csp: this policy forbids WebAssembly"},
		{[]string{"-csp", "Ünsinn!", casesPath}, "-csp: \"ünsinn!\" is no name of a directive"},
		{[]string{"-csp", "sandbox", casesPath}, "-csp: the program needs sandbox allow-scripts allow-same-origin"},
	} {
		out, err := exec.Command(testbrowserPath, test.args...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitFailure {
			t.Errorf("%q: %v", test.args, err)
		}
		contains(t, "output", string(out), test.want)
	}
	need(t, "node")
	_, stderr := command(t, []string{"-host", "node", "-env", "LONG=" + strings.Repeat("x", 9000)}).run(exitFailure)
	contains(t, "stderr", stderr, "testbrowser: node: arguments and environment take 9", "room for 8192")

	r := command(t, []string{"-host", "node"})
	r.cmd.Args[len(r.cmd.Args)-1] = testbrowserPath
	_, stderr = r.run(exitFailure)
	contains(t, "stderr", stderr, "CompileError")
}

// TestNotWasm checks that a page that cannot start says why.
func TestNotWasm(t *testing.T) {
	long(t)
	eachHost(t, testBrowsers, func(t *testing.T, host string) {
		r := command(t, []string{"-host", host, "-worker"})
		r.cmd.Args[len(r.cmd.Args)-1] = testbrowserPath
		_, stderr := r.run(exitFailure)
		contains(t, "stderr", stderr, "testbrowser: "+host+": the page could not start the Go program: ")
	})
}

// TestGoTest uses the program as it is meant, with the files that go test asks for.
func TestGoTest(t *testing.T) {
	long(t)
	for _, host := range []string{"chromium", "firefox", "webkit", "node", "deno", "bun"} {
		t.Run(host, func(t *testing.T) {
			need(t, host)
			t.Parallel()
			dir := t.TempDir()
			cover, cpu := filepath.Join(dir, "cover.out"), filepath.Join(dir, "cpu.out")
			cmd := wasmGo("test", "-exec", testbrowserPath+" -host "+host, "-run", "TestSign|TestArgs", "-v", "-bench", "Sign",
				"-benchtime", "100x",
				"-coverprofile", cover, "-cpuprofile", cpu, "-o", filepath.Join(dir, "cases.test"), "./testdata/cases")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			contains(t, "output", string(out), "--- PASS: TestSign", "BenchmarkSign", "coverage: 66.7% of statements", "ok  \t",
				"/testdata/cases\t")
			profile, err := os.ReadFile(cover)
			if err != nil {
				t.Fatal(err)
			}
			contains(t, "profile", string(profile), "mode: set\n", "testdata/cases/cases.go:")
			if _, err := os.Stat(cpu); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestServe opens the page in a browser that the runner knows nothing about.
func TestServe(t *testing.T) {
	long(t)
	need(t, "chromium")
	t.Parallel()
	r := command(t, []string{"-serve"}, only("TestExit"))
	r.start()
	address := regexp.MustCompile(`open (http://127\.0\.0\.1:\S+)`)
	var found []string
	for limit := time.After(time.Minute); found == nil; found = address.FindStringSubmatch(r.stderr.String()) {
		select {
		case <-r.stderr.changed:
		case <-limit:
			t.Fatal("no URL")
		}
	}
	h, err := hostNamed("chromium")
	if err != nil {
		t.Fatal(err)
	}
	executable, err := h.find()
	if err != nil {
		t.Fatal(err)
	}
	g := &run{host: h, executable: executable, guard: &guard{stdin: nopCloser{io.Discard}}}
	if err := g.prepare(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, p := range g.processes {
			if err := p.end(); err != nil {
				t.Error(err)
			}
		}
		if err := os.RemoveAll(g.dir); err != nil {
			t.Error(err)
		}
	}()
	cmd, err := chromium(&launch{executable: executable, url: found[1], dir: g.dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.start(cmd, killGroup); err != nil {
		t.Fatal(err)
	}
	if code := r.wait(); code != 3 {
		t.Errorf("exit code %d: %s", code, r.stderr.String())
	}
	contains(t, "stdout", r.stdout.String(), "before os.Exit")
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
