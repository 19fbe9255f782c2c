package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestWaitingIsNotIdling has a process that computes and gets next to no processor: it has to share one with another
// whose priority is higher.
func TestWaitingIsNotIdling(t *testing.T) {
	long(t)
	if _, err := os.ReadFile("/proc/self/schedstat"); err != nil {
		t.Skip(err)
	}
	for _, command := range [][]string{
		{"taskset", "1", "sh", "-c", "while :; do :; done"},
		{"taskset", "1", "nice", "-n", "19", "sh", "-c", "while :; do :; done"},
	} {
		if _, err := exec.LookPath(command[0]); err != nil {
			t.Skip(err)
		}
		cmd := exec.Command(command[0], command[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		if command[2] == "nice" {
			checkWaits(t, cmd.Process.Pid)
		}
	}
}

// checkWaits looks at one process alone.
func checkWaits(t *testing.T, pid int) {
	t.Helper()
	only := func() activity {
		all, _ := sampleActivity()
		return activity{busy: map[int]time.Duration{pid: all.busy[pid]}}
	}
	// The process is another program in the first moments.
	limit := time.After(time.Minute)
	for {
		first := only()
		select {
		case <-time.After(time.Second):
		case <-limit:
			t.Fatal("a process that waits for a processor is taken for idle")
		}
		if second := only(); second.busy[pid] > 0 && !second.idle(first, time.Second) {
			return
		}
	}
}

func TestIdle(t *testing.T) {
	const second = time.Second
	earlier := activity{cpu: second, busy: map[int]time.Duration{1: second, 2: 5 * second}}
	for _, test := range []struct {
		what string
		now  activity
		want bool
	}{
		{"nothing", earlier, true},
		{"little", activity{cpu: second + second/100,
			busy: map[int]time.Duration{1: second + second/10, 2: 5*second + second/10}}, true},
		{"computes", activity{cpu: second + second/10, busy: earlier.busy}, false},
		{"waits for a processor", activity{cpu: second, busy: map[int]time.Duration{1: second + second/2}}, false},
		{"a thread has ended", activity{cpu: second, busy: map[int]time.Duration{1: second}}, true},
		{"a new thread waits", activity{cpu: second, busy: map[int]time.Duration{3: second}}, false},
	} {
		if got := test.now.idle(earlier, second); got != test.want {
			t.Errorf("%s: idle %v", test.what, got)
		}
	}
	if got := busyTime("1000 2000 3\n"); got != 3000 {
		t.Errorf("busyTime: %v", got)
	}
}
