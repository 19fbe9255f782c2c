//go:build unix

package ws_test

// Processes that end right after Close, and that are stopped for a while: by signals, which not every system has.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
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
	opts.Native.HTTPClient = &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
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

// TestControlStopped: a process that is stopped for several intervals of pings, again and again, does not fail its
// connection: the pong has arrived meanwhile.
func TestControlStopped(t *testing.T) {
	const interval = 500 * time.Millisecond
	if url := os.Getenv(childVariable); url != "" {
		c := childDial(url, &ws.Options{Native: ws.NativeOptions{PingInterval: interval}})
		_, err := c.Read(context.Background())
		fmt.Println("the end:", err)
		return
	}
	t.Parallel()
	for try := 1; ; try++ {
		late := lateness()
		problem := stopProcesses(t, interval)
		delay := late()
		if problem == "" {
			return
		}
		// A machine that is busy enough makes the server's pongs late.
		if delay < interval/5 || try == 3 {
			t.Fatal(problem)
		}
		t.Logf("try %d, in which timers were %v late: %s", try, delay, problem)
	}
}

// stopProcesses returns what is wrong with the end of connections whose processes are stopped now and then.
func stopProcesses(t *testing.T, interval time.Duration) string {
	processes, rounds := 6, 3
	if testing.Short() {
		processes, rounds = 3, 2
	}
	l := newLine(t, lineOptions{})
	problems := make(chan string, processes)
	for process := range processes {
		cmd, output := child(t, l.url)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		server := l.accept(t)
		server.delay = interval / 3 // so it is often stopped while a pong is due
		served := make(chan struct{})
		go func() { server.serve(); close(served) }()
		go func() {
			r := rand.New(rand.NewPCG(uint64(process), 1))
			for range rounds {
				time.Sleep(time.Duration(r.Int64N(int64(interval)))) // the process is stopped at any moment
				stopped := cmd.Process.Signal(syscall.SIGSTOP)
				time.Sleep(2*interval + time.Duration(r.Int64N(int64(interval/2)))) // for that long
				if err := errors.Join(stopped, cmd.Process.Signal(syscall.SIGCONT)); err != nil {
					problems <- err.Error()
					return
				}
			}
			time.Sleep(interval) // what may fail afterwards
			server.Write(append([]byte{fin | closeFrame, 11}, closeBody(4002, "well done")...))
			<-served // or the end of the connection, which serve sees too
			server.Close()
			problem := ""
			if err := cmd.Wait(); err != nil || !strings.Contains(output.String(), "well done") {
				problem = fmt.Sprintf("%v\n%s", err, output)
			}
			problems <- problem
		}()
	}
	all := ""
	for range processes {
		all += await(t, "end of a process", problems)
	}
	return all
}

// lateness starts to measure how late timers fire, which shows how busy the machine is. The function that it returns
// ends the measurement and returns the maximum.
func lateness() func() time.Duration {
	const step = 5 * time.Millisecond
	stop, most := make(chan struct{}), make(chan time.Duration)
	go func() {
		worst, last := time.Duration(0), time.Now()
		tick := time.NewTicker(step)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				now := time.Now()
				worst, last = max(worst, now.Sub(last)-step), now
			case <-stop:
				most <- worst
				return
			}
		}
	}()
	return func() time.Duration { close(stop); return <-most }
}
