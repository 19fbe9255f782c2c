//go:build !js

// Wasm is a live demo: one client program, run natively and in a browser against the same echo server, and the two
// logs of its events side by side.
//
//	go run ./wasm         serves a page that runs the program and compares
//	go run ./wasm -once   does it in a browser without a window, prints both logs, and exits with 0 only if they are equal
//
// The program is the package demo. The go command builds it for the browser, so this has to be run inside this
// module or one that requires it. -once needs a browser that testbrowser knows.
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
	flag.BoolVar(&set.once, "once", false, "run the browser's side too, without a window, print both logs and compare them")
	flag.StringVar(&set.browsers, "browser", "chromium,firefox,webkit", "`names` of browsers for -once, the first one installed is used; see testbrowser")
	flag.DurationVar(&set.timeout, "timeout", 2*time.Minute, "how long the program may run, natively and with -once in the browser")
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

	s, err := listen(set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	native := program{Title: "native, " + platform()}
	native.Lines, err = runNative(ctx, set.timeout, s.url)
	native.print(out)
	if err != nil {
		return fmt.Errorf("the program failed natively: %w", err)
	}
	built, err := build(ctx, dir)
	if err != nil {
		return err
	}
	if set.once {
		return once(ctx, set, s.url, built, native, out)
	}
	s.publish(built, native)
	fmt.Fprintf(out, "\nNow open %s in a browser. Ctrl-C ends.\n", s.url)
	<-ctx.Done()
	return nil
}

func listen(set settings) (*server, error) {
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
	return newServer(listener), nil
}

// program is the program's log on one platform.
type program struct {
	Title string   `json:"title"`
	Lines []string `json:"lines"` // columns separated by tabs
}

func runNative(ctx context.Context, timeout time.Duration, base string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var lines []string
	err := demo.Run(ctx, base, func(l demo.Line) { lines = append(lines, l.String()) })
	return lines, err
}

// columns are the titles of a line's parts.
const columns = "event\treadyState\tbufferedAmount"

func (p program) print(out io.Writer) { p.printMarked(out, p) }

// printMarked prints the log, with a mark at each line that differs from the other's. It returns how many do, those
// included that only the other has.
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
