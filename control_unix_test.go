//go:build unix

package ws_test

// Processes that end right after Close, and that are stopped for a while: by signals, which not every system has.

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// childVariable has the URL that the child process of a test connects to.
const childVariable = "WS_TEST_CHILD_URL"

// child returns a process that runs a test with a URL to connect to.
func child(t *testing.T, url string) (cmd *exec.Cmd, output *strings.Builder) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childVariable+"="+url, serverVariable+"="+serverURL)
	output = new(strings.Builder)
	cmd.Stdout, cmd.Stderr = output, output
	return cmd, output
}

// childDial is Dial in a child process.
func childDial(url string, opts *ws.Options) *ws.Conn {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	opts.Native.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	c, err := ws.Dial(ctx, url, opts)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return c
}

// TestControlKilledAfterClose: a process that is killed right after CloseWith has sent its message and the Close frame.
func TestControlKilledAfterClose(t *testing.T) {
	if url := os.Getenv(childVariable); url != "" {
		c := childDial(url, &ws.Options{})
		c.Send(ws.Text("the last words"))
		c.CloseWith(4001, "bye")
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		<-t.Context().Done()
	}
	t.Parallel()
	rounds := 15
	if testing.Short() {
		rounds = 4
	}
	for _, o := range []lineOptions{{}, {tls: true}, {compressed: true}} {
		l := newLine(t, o)
		for round := range rounds {
			cmd, output := child(t, l.url)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			server := l.accept(t)
			if f := server.next(); f.first&^0x40 != fin|text {
				t.Fatalf("%v, round %d: the client sent a frame %#x first", o, round, f.first)
			}
			if f := server.next(); f.first != fin|closeFrame || string(f.payload) != closeBody(4001, "bye") {
				t.Fatalf("%v, round %d: the client sent a frame %#x %q", o, round, f.first, f.payload)
			}
			server.Close()
			if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("%v, round %d: %v\n%s", o, round, err, output)
			}
		}
	}
}

// TestControlStopped: a process that is stopped for several intervals of pings, again and again, does not fail its connection: the pong
// has arrived meanwhile.
func TestControlStopped(t *testing.T) {
	// Long enough for the server to answer on a busy machine.
	const interval = time.Second
	if url := os.Getenv(childVariable); url != "" {
		c := childDial(url, &ws.Options{Native: ws.NativeOptions{PingInterval: interval}})
		_, err := c.Read(context.Background())
		fmt.Println("the end:", err)
		return
	}
	t.Parallel()
	processes, rounds := 6, 3
	if testing.Short() {
		processes, rounds = 2, 1
	}
	l := newLine(t, lineOptions{})
	var all sync.WaitGroup
	for process := range processes {
		cmd, output := child(t, l.url)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		server := l.accept(t)
		server.delay = interval / 3 // so it is often stopped while a pong is due
		served := make(chan struct{})
		go func() { server.serve(); close(served) }()
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(process), 1))
			for range rounds {
				time.Sleep(time.Duration(r.Int64N(int64(2 * interval)))) // the process is stopped at any moment
				if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
					t.Errorf("stopping the process: %v", err)
				}
				time.Sleep(2*interval + time.Duration(r.Int64N(int64(interval)))) // for that long
				if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
					t.Errorf("continuing the process: %v", err)
				}
			}
			time.Sleep(2 * interval) // what may fail afterwards
			server.Write(append([]byte{fin | closeFrame, 11}, closeBody(4002, "well done")...))
			await(t, "end of the connection", served)
			server.Close()
			if err := cmd.Wait(); err != nil || !strings.Contains(output.String(), "well done") {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
	all.Wait()
}
