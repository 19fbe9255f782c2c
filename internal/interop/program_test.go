package interop

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// limit bounds every wait of these tests. None depends on it being short.
const limit = 60 * time.Second

// testContext is a context that ends with the test, or when a wait has taken too long.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// missing skips a test that needs something that is not installed, or fails it if that is required.
func missing(t testing.TB, name, install string) {
	t.Helper()
	required := os.Getenv("WS_REQUIRE_BROWSERS")
	message := fmt.Sprintf("%s is missing: install %s", name, install)
	if required == "1" || slices.Contains(strings.Split(required, ","), name) {
		t.Fatal(message)
	}
	t.Skip(message)
}

// find returns the path of a program of the Debian package of that name.
func find(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} { // PATH is often without the directory of servers
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	missing(t, name, "Debian's package "+name)
	return ""
}

// program is a server that a test has started.
type program struct {
	cmd   *exec.Cmd
	log   output
	ended chan struct{} // closed when the process has ended
	err   error         // of the process, valid then
}

// output is what a program has printed.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs a server, which is to listen on addresses, and waits until it does. It is a child of this process and ends
// with the test; if that has failed, what the program has printed is logged.
func start(t testing.TB, cmd *exec.Cmd, addresses []string) {
	t.Helper()
	p := &program{cmd: cmd, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = limit
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		<-p.ended
		if t.Failed() {
			t.Logf("%s: %v\n%s", p.cmd, p.err, &p.log)
		}
	})
	for _, address := range addresses {
		if err := p.awaitListening(t, address); err != nil {
			t.Fatalf("%s: %v", p.cmd, err)
		}
	}
}

// run starts the process and waits for its end. The thread that starts it may not end before it: see endWithParent.
func (p *program) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
	close(p.ended)
}

// awaitListening waits until the program accepts connections. It does not announce that, so the test tries to connect.
func (p *program) awaitListening(t testing.TB, address string) error {
	ctx := testContext(t)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-again.C:
		case <-p.ended:
			return fmt.Errorf("has ended before it listened on %s: %v", address, p.err)
		case <-ctx.Done():
			return fmt.Errorf("does not listen: %w", err)
		}
	}
}

// host is a loopback address that nobody else uses, so that ports that were free stay free until a proxy takes them.
func host() string {
	if runtime.GOOS != "linux" { // other systems have the one
		return "127.0.0.1"
	}
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 100+pid>>16&63, pid>>8&255, pid&255)
}

// freeAddresses returns n different addresses on which nobody listens.
func freeAddresses(t testing.TB, n int) (addresses []string) {
	t.Helper()
	for range n {
		listener := listen(t)
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", host()+":0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// configure writes testdata/NAME with the fields of settings filled in to dir, and returns its path.
func configure(t testing.TB, dir, name string, settings any) string {
	t.Helper()
	parsed, err := template.ParseFiles(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := parsed.Execute(&text, settings); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
