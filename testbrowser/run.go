package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	// startLimit is how long a browser may take until the program runs, on a slow and busy machine.
	startLimit = 90 * time.Second
	// reconnectLimit is how long a page may lack the connection that shows that it exists.
	reconnectLimit = 2 * time.Second
	// reloadLimit is the same before the program has started: a page may reload itself then.
	reloadLimit = 5 * time.Second
	// A page is hung if it has not answered for silenceLimit and its browser was idle in the last part of that,
	// silenceSample: a page that computes does not answer either. Idle is less than idleShare of a processor for all its
	// processes, and no thread that has run or waited for a processor, of which a loaded machine has few, for busyShare of
	// the time.
	silenceLimit  = 10 * time.Second
	silenceSample = 5 * time.Second
	idleShare     = 0.03
	busyShare     = 0.25
	// busyNotice is when a page that computes without answering is mentioned.
	busyNotice = 30 * time.Second
	// timeoutGrace is added to the program's own -test.timeout, which gives the better message.
	timeoutGrace = 10 * time.Second
)

// run is one run of a program in one host.
type run struct {
	host           *host
	executable     string // found before
	program        program
	settings       settings
	stdout, stderr io.Writer
	guard          *guard

	dir       string
	log       *os.File // what a browser prints
	processes []process
	server    *pageServer
	closePage func(context.Context) error // nil where ending the browser does
}

// process is a started process, the leader of its group.
type process struct {
	cmd  *exec.Cmd
	stop func(leader int) error // how its group is ended
	exit chan struct{}          // closed when it has ended and cmd.ProcessState is set
}

// do runs the program and returns its exit code, or an error if it could not be run to its end.
func (r *run) do(ctx context.Context) (code int, err error) {
	if err := r.prepare(); err != nil {
		return 0, err
	}
	defer func() {
		// Mention what is left, but keep the program's result.
		if err := r.clean(); err != nil {
			fmt.Fprintf(r.stderr, "testbrowser: %s: cleaning up: %v\n", r.name(), err)
		}
	}()
	r.program.Env = maps.Clone(r.program.Env)
	r.program.Env["TMPDIR"] = pagePath(filepath.Join(r.dir, "tmp"))
	r.program.Unknown = notPassed(r.program.Env)
	if err := checkSize(r.program); err != nil {
		return 0, err
	}
	l := &launch{executable: r.executable, dir: r.dir, headed: r.settings.headed, args: r.settings.browserArgs}
	if r.host != nil && r.host.script != nil {
		return r.runScript(ctx, l)
	}
	if r.host != nil && r.host.worker != nil {
		return r.runWorkerd(ctx, l)
	}
	return r.runPage(ctx, l)
}

// name returns the host's name for messages.
func (r *run) name() string {
	if r.host == nil {
		return "the page"
	}
	return r.host.name
}

// prepare makes the directory of the run. The caller must call clean later, unless it fails.
func (r *run) prepare() error {
	dir, err := os.MkdirTemp(tempDir(), "testbrowser-")
	if err != nil {
		return fmt.Errorf("a directory for the run: %w", err)
	}
	r.dir = dir
	if err := r.guard.remove(dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	err = makePrivateDirs(dir)
	if err == nil {
		r.log, err = os.Create(filepath.Join(dir, "log"))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("a directory for the run: %w", err), r.clean())
	}
	return nil
}

// tempDir returns where runs have their directories. Its path is short, because browsers put sockets there.
func tempDir() string {
	const longest = 40
	dir := os.TempDir()
	if runtime.GOOS == "linux" && len(dir) > longest {
		return "/tmp"
	}
	return dir
}

// start starts a process in a group of its own.
func (r *run) start(cmd *exec.Cmd, stop func(leader int) error) (process, error) {
	inGroup(cmd)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = loopbackDirect(cmd.Env)
	cmd.WaitDelay = guardPatience // a process that it left behind may hold its output open
	if err := cmd.Start(); err != nil {
		return process{}, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := process{cmd, stop, make(chan struct{})}
	go func() {
		defer close(p.exit)
		cmd.Wait() // the state says more than the error
	}()
	r.processes = append(r.processes, p)
	if err := r.guard.watch(cmd.Process.Pid); err != nil {
		return process{}, err
	}
	return p, nil
}

// clean ends all processes and removes all files of the run.
func (r *run) clean() error {
	var errs []error
	if r.closePage != nil {
		ctx, cancel := context.WithTimeout(context.Background(), guardPatience)
		defer cancel()
		errs = append(errs, r.closePage(ctx))
	}
	if r.server != nil {
		errs = append(errs, r.server.close())
	}
	for i := len(r.processes) - 1; i >= 0; i-- {
		errs = append(errs, r.processes[i].end(), r.guard.forgetGroup(r.processes[i].cmd.Process.Pid))
	}
	errs = append(errs, killStrays(r.guard.keep))
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	errs = append(errs, os.RemoveAll(r.dir), r.guard.forgetDir(r.dir))
	return errors.Join(errs...)
}

// end ends the process and its group and waits until they are gone.
func (p process) end() error {
	leader := p.cmd.Process.Pid
	err := p.stop(leader)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		<-p.exit
		reapGroup(leader)
	}()
	select {
	case <-gone:
	case <-time.After(guardPatience):
		err = errors.Join(err, killGroup(leader))
		<-gone
	}
	return err
}

// runScript runs the program in Node or a similar host, whose files and console are this process's.
func (r *run) runScript(ctx context.Context, l *launch) (int, error) {
	l.version = hostVersion(ctx, r.executable, nil)
	script := filepath.Join(r.dir, "program.mjs")
	source, err := programScript()
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(script, []byte(source), 0o600); err != nil {
		return 0, err
	}
	module, err := os.ReadFile(r.program.Wasm)
	if err != nil {
		return 0, err
	}
	r.program.Wasm = filepath.Join(r.dir, "test.wasm")
	if err := os.WriteFile(r.program.Wasm, watchGetenv(module), 0o600); err != nil {
		return 0, err
	}
	config, err := json.Marshal(r.program)
	if err != nil {
		return 0, err
	}
	configFile := filepath.Join(r.dir, "config.json")
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		return 0, err
	}
	cmd, err := r.host.script(l, script, configFile)
	if err != nil {
		return 0, err
	}
	cmd.Stdout, cmd.Stderr = r.stdout, r.stderr
	if err := passInput(cmd); err != nil {
		return 0, err
	}
	p, err := r.start(cmd, killGroup)
	if err != nil {
		return 0, err
	}
	var limit <-chan time.Time
	if d := r.settings.limit(r.program.Argv); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		limit = timer.C
	}
	select {
	case <-p.exit:
		return exitCode(cmd)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-limit:
		return 0, &timeoutError{r.settings.limit(r.program.Argv), "the process did not end"}
	}
}

// passInput passes this process's standard input to another. That process could not read from a terminal itself,
// because it is in its own group.
func passInput(cmd *exec.Cmd) error {
	info, err := os.Stdin.Stat()
	if err != nil {
		return nil // closed
	}
	if info.Mode()&os.ModeCharDevice == 0 {
		cmd.Stdin = os.Stdin
		return nil
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	go func() {
		io.Copy(input, os.Stdin) // until either is closed
		input.Close()
	}()
	return nil
}

// exitCode returns the exit code of a process that runs the program itself; a process that a signal ended has none.
func exitCode(cmd *exec.Cmd) (int, error) {
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code, nil
	}
	return 0, fmt.Errorf("the process ended: %v", cmd.ProcessState)
}

// runPage runs the program in a page.
func (r *run) runPage(ctx context.Context, l *launch) (int, error) {
	server, err := servePage(r.settings.listen, r.program, r.settings.page, r.stdout, r.stderr)
	if err != nil {
		return 0, fmt.Errorf("serving the page: %w", err)
	}
	r.server = server
	l.url, l.certificates = server.url, r.settings.page.trusted
	if server.certificate != nil {
		l.certificates = append(slices.Clone(l.certificates), server.certificate)
	}
	if r.host == nil {
		r.printURL()
		return r.watch(ctx, nil)
	}
	var display string
	if r.host.needsDisplay && !r.settings.headed {
		if display, err = r.startDisplay(ctx); err != nil {
			return 0, err
		}
	}
	cmd, err := r.host.browser(l)
	if err != nil {
		return 0, err
	}
	if display != "" {
		cmd.Env = append(cmd.Env, onDisplay(display)...)
	}
	cmd.Stdout, cmd.Stderr = r.log, r.log
	p, err := r.start(cmd, killGroup)
	if err != nil {
		return 0, err
	}
	if r.host.open != nil {
		if r.closePage, err = r.host.open(ctx, l); err != nil {
			return 0, r.withLog(err)
		}
	}
	return r.watch(ctx, &p)
}

// watch waits for the page's end, or for a reason to give up the page. browser is nil if the user opens the page.
func (r *run) watch(ctx context.Context, browser *process) (int, error) {
	s := r.server
	attended := browser == nil || r.settings.headed // somebody watches, who may stop at a breakpoint
	var exit <-chan struct{}
	var startTimer <-chan time.Time
	if browser != nil {
		exit = browser.exit
		timer := time.NewTimer(startLimit)
		defer timer.Stop()
		startTimer = timer.C
	}
	limit := r.settings.limit(r.program.Argv)
	var limitTimer, goneTimer, silenceTimer <-chan time.Time
	silence := silenceWatch{page: s}
	started := s.started
	for {
		select {
		case end := <-s.ended:
			return end.code, end.err
		case <-started:
			started, startTimer = nil, nil
			if limit > 0 {
				timer := time.NewTimer(limit)
				defer timer.Stop()
				limitTimer = timer.C
			}
			if !attended {
				silenceTimer = time.After(silence.next())
			}
		case <-startTimer:
			return 0, r.withLog(r.notStarted())
		case <-exit:
			if s.alive.Load() == 0 {
				return r.lastWords(fmt.Errorf("the browser ended: %v", browser.cmd.ProcessState))
			}
			exit = nil // it has handed the page over to another process
		case <-s.gone:
			limit := reloadLimit
			if started == nil {
				limit = reconnectLimit
			}
			goneTimer = time.After(limit)
		case <-goneTimer:
			if s.alive.Load() == 0 {
				return r.lastWords(s.describeEnd())
			}
		case <-silenceTimer:
			notice, hung := silence.check()
			if hung != nil {
				return 0, r.withLog(hung)
			}
			if notice != "" {
				fmt.Fprintf(r.stderr, "testbrowser: %s: %s\n", r.name(), notice)
			}
			silenceTimer = time.After(silence.next())
		case <-limitTimer:
			return 0, &timeoutError{limit, silence.describe()}
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// notStarted returns the error for a page that has not reported anything.
func (r *run) notStarted() error {
	err := fmt.Errorf("the page did not start the program within %v", startLimit)
	if r.settings.page.html != "" {
		err = fmt.Errorf("%w: %s redirects to elsewhere, has a script that does not end, or a <meta> policy that forbids "+
			"testbrowser's own scripts and requests (which -csp does not)", err, r.settings.page.html)
	}
	return err
}

// lastWords is for a page that is gone, which may have reported its end before that.
func (r *run) lastWords(gone error) (int, error) {
	select {
	case end := <-r.server.ended:
		return end.code, end.err
	default:
		return 0, r.withLog(gone)
	}
}

// activity says how much a host's processes have done until now.
type activity struct {
	cpu  time.Duration
	busy map[int]time.Duration // by thread: running or waiting for a processor
}

// idle reports whether next to nothing was done since an earlier sample.
func (a activity) idle(earlier activity, since time.Duration) bool {
	if a.cpu-earlier.cpu >= time.Duration(idleShare*float64(since)) {
		return false
	}
	for thread, busy := range a.busy {
		if busy-earlier.busy[thread] >= time.Duration(busyShare*float64(since)) {
			return false
		}
	}
	return true
}

// silenceWatch distinguishes a hung page from one that computes.
type silenceWatch struct {
	page    *pageServer
	sampled bool
	last    activity
	at      time.Time
	noticed bool
}

// next returns the time until the next check.
func (w *silenceWatch) next() time.Duration {
	if w.sampled {
		return silenceSample
	}
	return max(silenceLimit-silenceSample-w.page.silence(), time.Millisecond)
}

// check returns an error if the page is hung, and now and then a notice if it computes.
func (w *silenceWatch) check() (notice string, hung error) {
	silent := w.page.silence()
	if silent < silenceLimit-silenceSample {
		w.sampled, w.noticed = false, false
		return "", nil
	}
	sample, known := sampleActivity()
	if !known {
		return "", nil
	}
	now := time.Now()
	last, since, sampled := w.last, now.Sub(w.at), w.sampled
	w.sampled, w.last, w.at = true, sample, now
	if sampled && silent >= silenceLimit && sample.idle(last, since) {
		return "", fmt.Errorf("the page is hung: its event loop has not turned for %v and the browser is idle",
			silent.Round(time.Second))
	}
	if silent >= busyNotice && !w.noticed {
		w.noticed = true
		return w.describe(), nil
	}
	return "", nil
}

// describe says what the page does, as far as it can be known.
func (w *silenceWatch) describe() string {
	if silent := w.page.silence(); silent > silenceSample {
		return fmt.Sprintf("the page's event loop has not turned for %v: the program computes, or blocks",
			silent.Round(time.Second))
	}
	return "the page's event loop turns: the program waits for something"
}

// timeoutError returns the error for a program that did not end in time.
type timeoutError struct {
	limit time.Duration
	state string
}

func (e *timeoutError) Error() string { return fmt.Sprintf("not done after %v: %s", e.limit, e.state) }

// withLog adds the end of the browser's output to an error.
func (r *run) withLog(err error) error {
	if r.log == nil {
		return err
	}
	const most = 4 << 10
	info, statErr := r.log.Stat()
	if statErr != nil || info.Size() == 0 {
		return err
	}
	data := make([]byte, min(info.Size(), most))
	if _, readErr := r.log.ReadAt(data, info.Size()-int64(len(data))); readErr != nil {
		return err
	}
	text := strings.TrimSpace(string(data))
	if strings.Contains(strings.ToLower(text), "sandbox") && r.host != nil && isChromium(r.host) {
		err = fmt.Errorf("%w\n%s", err, sandboxAdvice)
	}
	return fmt.Errorf("%w\nthe browser's own log ends with:\n\t%s", err, strings.ReplaceAll(text, "\n", "\n\t"))
}

// checkSize reports arguments and environment that are too large for wasm_exec.js, which copies them into a fixed area.
func checkSize(p program) error {
	const limit = 8192
	size := 0
	add := func(s string) { size += (len(s)+1+7)/8*8 + 8 }
	for _, arg := range p.Argv {
		add(arg)
	}
	for name, value := range p.Env {
		add(name + "=" + value)
	}
	if size += 16; size >= limit {
		return fmt.Errorf("arguments and environment take %d bytes; Go's support for js/wasm has room for %d", size, limit)
	}
	return nil
}
