//go:build !js

// Wasm is a live demo: one client program runs in a browser and natively, at the same time, against the same servers.
//
//	go run ./wasm         serves a page to try it
//	go run ./wasm -once   runs it in a browser without a window, prints both logs, and exits with 0 only if they
//	                      are equal
//
// The program is the package demo. The go command builds it for the browser, so this has to be run inside this
// module or one that requires it. -once needs a browser that testbrowser knows.
//
// The page can tell the native client to connect to any URL. So with -addr, make sure that only people who may use this
// machine's network can reach it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/seed2c7e30c3/ws/wasm/demo"
)

type settings struct {
	addr     string
	once     bool
	browsers string
	timeout  time.Duration
}

const (
	defaultAddr = "127.0.0.1:8080"
	onceAddr    = "127.0.0.1:0"
)

func main() {
	var set settings
	flag.StringVar(&set.addr, "addr", "", "`address` to serve on (default "+defaultAddr+"; with -once any free port)")
	flag.BoolVar(&set.once, "once", false, "run in a browser without a window, print both logs and compare them")
	flag.StringVar(&set.browsers, "browser", "chromium,firefox,webkit",
		"`names` of browsers for -once, the first one installed is used; see testbrowser")
	flag.DurationVar(&set.timeout, "timeout", 2*time.Minute, "how long -once may run, natively and in the browser")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: go run ./wasm [flags]\n\nflags:\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "wasm: unexpected argument %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, set, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "wasm: %v\n", err)
		os.Exit(1)
	}
}

// run serves until ctx ends or, with -once, compares.
func run(ctx context.Context, set settings, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "ws-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	source, err := moduleDir(ctx)
	if err != nil {
		return err
	}
	catalogue, err := loadCatalogue(source)
	if err != nil {
		return err
	}
	s, err := listen(set, catalogue)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	built, err := build(ctx, dir)
	if err != nil {
		return err
	}
	if set.once {
		return once(ctx, set, s, built, out)
	}
	s.publish(built)
	fmt.Fprintf(out, "Now open %s in a browser. Ctrl-C ends.\n", s.url)
	<-ctx.Done()
	return nil
}

func listen(set settings, c *catalogue) (*server, error) {
	addr := set.addr
	switch {
	case addr != "":
	case set.once:
		addr = onceAddr
	default:
		addr = defaultAddr
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot serve on %s: %w; choose another address with -addr, port 0 is any free one", addr, err)
	}
	return newServer(listener, c), nil
}

// program is the program's log on one platform.
type program struct {
	Title string
	Lines []string // columns separated by tabs
}

func runNative(ctx context.Context, timeout time.Duration, base string, c *catalogue) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var lines []string
	err := demo.Compared(ctx, base, c.list(), c.servers, func(line string) { lines = append(lines, line) })
	return lines, err
}

// columns are the titles of the columns of a line.
const columns = "call or event\treadyState\tbufferedAmount"

func (p program) print(out io.Writer) { p.printMarked(out, p) }

// printMarked prints the log, with a mark at each line that differs from the other log. It returns the number of
// differing lines, including those that only the other log has.
func (p program) printMarked(out io.Writer, other program) (differing int) {
	fmt.Fprintf(out, "\n%s\n", p.Title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  %s\n", columns)
	for i := range max(len(p.Lines), len(other.Lines)) {
		mark, line := " ", "(no line)\t\t"
		if i < len(p.Lines) {
			line = p.Lines[i]
		}
		if i >= len(p.Lines) || i >= len(other.Lines) || p.Lines[i] != other.Lines[i] {
			mark = "!"
			differing++
		}
		fmt.Fprintf(w, "%s %s\n", mark, line)
	}
	w.Flush()
	return differing
}
