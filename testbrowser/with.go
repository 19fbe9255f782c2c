package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// serverVariable is the environment variable in which the program gets the URL of the -with server, unless -with-env
// names another.
const serverVariable = "TESTBROWSER_SERVER"

// withServer is the user's server, which runs during the runs.
type withServer struct {
	command string
	process process
	guard   *guard
	output  []*urlFinder
	url     string

	ending chan struct{} // closed when it is ended on purpose
}

// startWith starts a server with a shell command and waits until it has printed its URL and accepts connections.
func startWith(ctx context.Context, command string, limit time.Duration, g *guard) (*withServer, error) {
	cmd := exec.Command("sh", "-c", command)
	if runtime.GOOS == "windows" {
		cmd = exec.Command("cmd", "/c", command)
	}
	cmd.Env = nativeEnvironment()
	var mu sync.Mutex
	found := make(chan string, 1)
	newOutput := func() *urlFinder {
		return &urlFinder{to: &prefixWriter{mu: &mu, to: os.Stderr, prefix: "[with] "}, found: found}
	}
	output := []*urlFinder{newOutput(), newOutput()}
	cmd.Stdout, cmd.Stderr = output[0], output[1]
	r := &run{guard: g}
	p, err := r.start(cmd, stopGroup)
	if err != nil {
		return nil, fmt.Errorf("-with %q: %w", command, err)
	}
	g.keep = append(g.keep, cmd.Process.Pid)
	w := &withServer{command: command, process: p, guard: g, output: output, ending: make(chan struct{})}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errNotReady)
	defer cancel()
	if err := w.waitReady(ctx, found); err != nil {
		if errors.Is(err, errNotReady) {
			err = fmt.Errorf("%w within %v: it has to print a line with its URL, like http://127.0.0.1:8080, when it is ready "+
				"(-with-timeout sets another limit)", err, limit)
		}
		return nil, errors.Join(fmt.Errorf("-with %q: %w", command, err), w.end())
	}
	go w.watch()
	return w, nil
}

// nativeEnvironment returns this process's environment, without what makes the go command build for js.
func nativeEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return variable == "GOOS=js" || variable == "GOARCH=wasm"
	})
}

var errNotReady = errors.New("the server was not ready")

func (w *withServer) waitReady(ctx context.Context, found <-chan string) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.process.exit:
		return fmt.Errorf("the server ended before it printed its URL: %v", w.process.cmd.ProcessState)
	case w.url = <-found:
	}
	// Some servers print their URL before they listen. No event says when they do.
	for {
		err := connects(ctx, w.url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w at %s, which it printed: %w", context.Cause(ctx), w.url, err)
		case <-w.process.exit:
			return fmt.Errorf("the server ended before it took a connection: %v", w.process.cmd.ProcessState)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// connects reports whether the server of a URL accepts connections.
func connects(ctx context.Context, text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "ws": "80"}[u.Scheme]
	}
	if port == "" {
		port = "443"
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// watch reports if the server ends too early. The tests will show the consequences.
func (w *withServer) watch() {
	select {
	case <-w.process.exit:
		fmt.Fprintf(os.Stderr, "testbrowser: -with %q: the server has ended: %v\n", w.command, w.process.cmd.ProcessState)
	case <-w.ending:
	}
}

// end ends the server and all processes of its group.
func (w *withServer) end() error {
	close(w.ending)
	leader := w.process.cmd.Process.Pid
	err := w.process.end()
	for _, output := range w.output {
		err = errors.Join(err, output.to.flush())
	}
	w.guard.keep = slices.DeleteFunc(w.guard.keep, func(pid int) bool { return pid == leader })
	return errors.Join(err, killStrays(w.guard.keep), w.guard.forgetGroup(leader))
}

// urlFinder passes output on and finds the first URL in it.
type urlFinder struct {
	to    *prefixWriter
	found chan<- string // buffered
	line  []byte
}

var printedURL = regexp.MustCompile("(?:https?|wss?)://[^\\s\"'`<>]+")

func (f *urlFinder) Write(data []byte) (int, error) {
	f.line = append(f.line, data...)
	for {
		line, rest, ended := bytes.Cut(f.line, []byte("\n"))
		if !ended {
			break
		}
		if text := printedURL.Find(line); text != nil {
			select {
			case f.found <- reachableURL(string(text)):
			default:
			}
		}
		f.line = rest
	}
	if len(f.line) > maxLine {
		f.line = nil
	}
	return f.to.Write(data)
}

// reachableURL converts the URL of a server that listens on all addresses into one that a client can use.
func reachableURL(text string) string {
	text = strings.TrimRight(text, ".,;:)]}")
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	if host := u.Hostname(); host == "" || net.ParseIP(host).IsUnspecified() {
		u.Host = "127.0.0.1:" + u.Port()
		if u.Port() == "" {
			u.Host = "127.0.0.1"
		}
	}
	return u.String()
}
