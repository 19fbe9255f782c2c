// Testbrowser runs a Go program built for GOOS=js in a browser or another JavaScript host, as "go test -exec" needs it.
//
//	go build -o testbrowser github.com/seed2c7e30c3/ws/testbrowser
//	GOOS=js GOARCH=wasm go test -exec "$PWD/testbrowser -host firefox" ./...
//
// See README.md for hosts, flags and exit codes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Exit codes of testbrowser itself. They are those of timeout(1), env(1) and shells, and not used by Go programs.
const (
	exitTimeout      = 124 // the program did not end in time
	exitFailure      = 125 // the program could not be run to its end
	exitNotInstalled = 127 // the host is not on this machine
	exitSignal       = 128 // + number: ended by that signal
)

// settings are the flags.
type settings struct {
	hosts   []*host // empty: the user opens the page
	env     environment
	timeout time.Duration
	listen  string
	page    pageSettings
	ignore  bool // uncaught errors and rejections of JavaScript
	headed  bool
	serve   bool

	browserArgs []string
	with        string // command of the user's server, or ""
	withEnv     string
	withTimeout time.Duration

	list bool
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == guardArgument {
		// A signal to a whole process group is meant for the other processes.
		signal.Ignore(endSignals...)
		if err := runGuard(os.Stdin); err != nil {
			fmt.Fprintf(os.Stderr, "testbrowser: %v\n", err)
			os.Exit(exitFailure)
		}
		return
	}
	os.Exit(runMain(os.Args[1:]))
}

func runMain(args []string) int {
	set, args, err := parseFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "testbrowser: %v\n", err)
		return errorExit(err)
	}
	ctx, stop := untilEnded()
	defer stop()
	if set.list {
		if !printList(ctx, set.hosts) && len(set.hosts) < len(hosts) {
			return exitNotInstalled
		}
		return 0
	}
	code, err := runAll(ctx, set, args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "testbrowser: %v\n", err)
		code = max(code, errorExit(err))
	}
	return code
}

func parseFlags(args []string) (*settings, []string, error) {
	set := &settings{env: make(environment)}
	flags := flag.NewFlagSet("testbrowser", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(),
			"usage: testbrowser [flags] program.wasm [arguments]\n       testbrowser -list\n\nflags:\n")
		flags.PrintDefaults()
	}
	hostNames := flags.String("host", "",
		"`names` of hosts, separated by commas, to run in one after another (default $TESTBROWSER, or the first installed)")
	flags.BoolVar(&set.list, "list", false,
		"print the hosts, where they are and their versions; with -host only those, exit code 127 if one is missing")
	set.page.addFlags(flags)
	flags.DurationVar(&set.timeout, "timeout", 0,
		"end a program that runs longer than this `duration` (default: its -test.timeout and 10s more, if it has one)")
	flags.Var(set.env, "env", "`name`[=value] of an environment variable that the program gets; may be repeated")
	flags.BoolVar(&set.ignore, "ignore-uncaught", false,
		"let a run pass in which JavaScript errors or rejections were not caught")
	flags.BoolVar(&set.headed, "headed", false, "show the browser's window")
	flags.Func("browser-arg",
		"`argument` for the host's command line, like -browser-arg=--no-sandbox; may be repeated", func(arg string) error {
			set.browserArgs = append(set.browserArgs, arg)
			return nil
		})
	flags.StringVar(&set.with, "with", "",
		"`command` that starts the tests' server and prints its URL when it is ready; it is ended afterwards")
	flags.StringVar(&set.withEnv, "with-env", serverVariable,
		"`name` of the environment variable in which the program gets the URL of the -with server")
	flags.DurationVar(&set.withTimeout, "with-timeout", 90*time.Second,
		"how long the -with server may take until it is ready")
	flags.BoolVar(&set.serve, "serve", false, "start no host: print the page's URL and wait until some browser has run it")
	flags.StringVar(&set.listen, "listen", "127.0.0.1:0",
		"`address` to serve the page on; whoever knows its secret URL can use this user's files")
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	if err := set.chooseHosts(*hostNames); err != nil {
		return nil, nil, err
	}
	if !set.list && flags.NArg() == 0 {
		return nil, nil, errors.New("no program given; testbrowser -help prints the usage")
	}
	if set.timeout < 0 {
		return nil, nil, fmt.Errorf("-timeout %v is negative", set.timeout)
	}
	if set.withTimeout <= 0 || set.withEnv == "" || strings.ContainsAny(set.withEnv, "=\x00") {
		return nil, nil, errors.New("-with-timeout needs a duration above 0, and -with-env a name")
	}
	if err := errors.Join(set.page.check(), set.page.checkProxies(set.with)); err != nil {
		return nil, nil, err
	}
	return set, flags.Args(), nil
}

func (set *settings) chooseHosts(names string) error {
	if set.serve {
		if names != "" {
			return errors.New("-serve starts no host: -host makes no sense with it")
		}
		return nil
	}
	if names == "" && !set.list {
		names = os.Getenv("TESTBROWSER")
	}
	if names == "" {
		if set.list {
			set.hosts = hosts
			return nil
		}
		for _, h := range hosts {
			if _, err := h.find(); err == nil && (h.browser != nil || !set.page.worker) {
				set.hosts = []*host{h}
				return nil
			}
		}
		return errNoHost
	}
	for name := range strings.SplitSeq(names, ",") {
		h, err := hostNamed(strings.TrimSpace(name))
		if err != nil {
			return err
		}
		if set.page.worker && h.browser == nil {
			return fmt.Errorf("-worker: %s has no pages, and so no dedicated workers", h.name)
		}
		set.hosts = append(set.hosts, h)
	}
	return nil
}

// limit returns the time after which the program is ended; 0 means no limit.
func (set *settings) limit(argv []string) time.Duration {
	if set.timeout > 0 {
		return set.timeout
	}
	for _, arg := range argv {
		if value, ok := strings.CutPrefix(strings.TrimLeft(arg, "-"), "test.timeout="); ok {
			if own, err := time.ParseDuration(value); err == nil && own > 0 {
				return own + timeoutGrace
			}
		}
	}
	return 0
}

// environment is the value of -env.
type environment map[string]string

func (e environment) String() string { return "" }

func (e environment) Set(value string) error {
	name, v, given := strings.Cut(value, "=")
	if name == "" {
		return errors.New("no name")
	}
	if given {
		e[name] = v
	} else if v, ok := os.LookupEnv(name); ok {
		e[name] = v
	}
	return nil
}

// goVariables affect every Go program; programs get them without -env.
var goVariables = []string{
	"GOCOVERDIR", "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOROOT", "GOTRACEBACK", "HOME", "TZ",
}

// complete adds the variables that programs get anyway.
func (e environment) complete() map[string]string {
	all := make(map[string]string)
	for _, name := range goVariables {
		if value, ok := os.LookupEnv(name); ok {
			all[name] = value
		}
	}
	for name, value := range e {
		all[name] = value
	}
	return all
}

// runAll runs the program in one host after another and returns the highest exit code.
func runAll(ctx context.Context, set *settings, args []string) (int, error) {
	p, err := newProgram(ctx, set, args)
	if err != nil {
		return exitFailure, err
	}
	if err := adoptOrphans(); err != nil {
		return exitFailure, err
	}
	g, err := startGuard()
	if err != nil {
		return exitFailure, err
	}
	defer func() {
		if endErr := g.end(); endErr != nil {
			fmt.Fprintf(os.Stderr, "testbrowser: %v\n", endErr)
		}
	}()
	if set.with != "" {
		w, err := startWith(ctx, set.with, set.withTimeout, g)
		if err != nil {
			return exitFailure, err
		}
		defer func() {
			if err := w.end(); err != nil {
				fmt.Fprintf(os.Stderr, "testbrowser: ending the -with server: %v\n", err)
			}
		}()
		if err := set.use(w, p); err != nil {
			return exitFailure, err
		}
	}
	worst := 0
	if len(set.hosts) == 0 {
		worst = runOne(ctx, &run{program: p, settings: *set, stdout: os.Stdout, stderr: os.Stderr, guard: g})
	}
	for _, h := range set.hosts {
		if context.Cause(ctx) != nil {
			break
		}
		worst = max(worst, runHost(ctx, h, p, set, g))
	}
	return worst, nil
}

// use tells the program and the proxies the URL of the -with server.
func (set *settings) use(w *withServer, p program) error {
	p.Env[set.withEnv] = w.url
	for i, rule := range set.page.proxies {
		if rule.target == nil {
			target, err := parseTarget(w.url)
			if err != nil {
				return fmt.Errorf("-proxy %s: the URL of the -with server: %w", rule.path, err)
			}
			target.Path = "" // the page's paths are the server's
			set.page.proxies[i].target = target
		}
	}
	return nil
}

func runHost(ctx context.Context, h *host, p program, set *settings, g *guard) int {
	r := &run{host: h, program: p, settings: *set, stdout: os.Stdout, stderr: os.Stderr, guard: g}
	if len(set.hosts) > 1 {
		var mu sync.Mutex
		stdout := &prefixWriter{mu: &mu, to: os.Stdout, prefix: "[" + h.name + "] "}
		stderr := &prefixWriter{mu: &mu, to: os.Stderr, prefix: "[" + h.name + "] "}
		r.stdout, r.stderr = stdout, stderr
		defer stdout.flush()
		defer stderr.flush()
	}
	executable, err := h.find()
	if err != nil {
		fmt.Fprintf(r.stderr, "testbrowser: %v\n", err)
		return exitNotInstalled
	}
	r.executable = executable
	return runOne(ctx, r)
}

func runOne(ctx context.Context, r *run) int {
	code, err := r.do(ctx)
	if err != nil {
		fmt.Fprintf(r.stderr, "testbrowser: %s: %v\n", r.name(), err)
		return errorExit(err)
	}
	return code
}

func errorExit(err error) int {
	var timeout *timeoutError
	var missing *notInstalledError
	var ended *endedError
	switch {
	case errors.As(err, &timeout):
		return exitTimeout
	case errors.As(err, &missing):
		return exitNotInstalled
	case errors.As(err, &ended) && ended.signal != 0:
		return exitSignal + int(ended.signal)
	}
	return exitFailure
}

// newProgram describes the program for all hosts.
func newProgram(ctx context.Context, set *settings, args []string) (program, error) {
	wasm, err := filepath.Abs(args[0])
	if err != nil {
		return program{}, err
	}
	if _, err := os.Stat(wasm); err != nil {
		return program{}, fmt.Errorf("the program: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return program{}, err
	}
	support := set.page.wasmExec
	if support == "" {
		if support, err = findWasmExec(ctx); err != nil {
			return program{}, err
		}
	}
	return program{
		Wasm: wasm, WasmExec: support, Scripts: set.page.scripts, Argv: args, Env: set.env.complete(), Dir: pagePath(dir),
		Failure: exitFailure, Ignore: set.ignore,
		Process: processIDs{os.Getpid(), os.Getppid(), os.Getuid(), os.Getgid(), os.Geteuid(), os.Getegid()},
	}, nil
}

// endedError says why everything was ended: a signal, or the parent's end.
type endedError struct {
	signal syscall.Signal // 0: the parent's end
}

func (e *endedError) Error() string {
	if e.signal == 0 {
		return "ended: the parent process has ended"
	}
	return "ended: " + e.signal.String()
}

// untilEnded returns a context that ends when this program has to end.
func untilEnded() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endSignals...)
	parent, err := watchParent()
	if err != nil {
		// Without it, only the case of a killed parent is not covered.
		fmt.Fprintf(os.Stderr, "testbrowser: %v\n", err)
	}
	go func() {
		select {
		case s := <-signals:
			number, _ := s.(syscall.Signal) // as all of endSignals are
			cancel(&endedError{number})
		case <-parent:
			cancel(&endedError{})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// printURL tells the user where the page is.
func (r *run) printURL() {
	fmt.Fprintf(os.Stderr, "testbrowser: open %s\n", r.server.url)
}
