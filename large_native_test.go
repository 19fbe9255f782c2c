//go:build !js

package ws_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// largeVariable has the number of MiB that the child process of TestLargeTransfer sends.
const largeVariable = "WS_TEST_LARGE_MIB"

// TestLargeTransfer sends 1 GiB in 1 MiB messages to a server that takes less than the program makes. Drain keeps
// what is buffered below 4 MiB, and the memory of the process, measured where that is possible, stays below 64 MiB.
func TestLargeTransfer(t *testing.T) {
	if mib, err := strconv.Atoi(os.Getenv(largeVariable)); err == nil {
		sendLarge(t, mib)
		return
	}
	mib := 1024
	if testing.Short() || raceDetector {
		mib = 256
	}
	// Only the memory of a process of its own says something.
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLargeTransfer$", "-test.v")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", largeVariable, mib), serverVariable+"="+serverURL)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestLargeTransfer") {
		t.Errorf("%v\n%s", err, out)
	}
}

func sendLarge(t *testing.T, mib int) {
	const bound = 4 << 20
	ctx, cancel := context.WithTimeout(t.Context(), 4*limit)
	defer cancel()
	c := dial(t, "/coder/throttle?rate=400000000", nil)
	data := pattern(1 << 20)
	most := int64(0)
	for range mib {
		if err := c.Drain(ctx, bound-int64(len(data))); err != nil {
			t.Fatal(err)
		}
		send(t, c, ws.Bytes(data))
		most = max(most, c.BufferedAmount())
	}
	if err := c.Drain(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWith(1000, ""); err != nil {
		t.Fatal(err)
	}
	if ev := wait(t, c); ev != (ws.CloseEvent{Code: 1000, WasClean: true}) {
		t.Errorf("closed with %+v", ev)
	}
	peak, ok := peakMemory()
	t.Logf("%d MiB: BufferedAmount at most %d, memory at most %d MiB", mib, most, peak>>20)
	if most > bound {
		t.Errorf("BufferedAmount went up to %d, beyond %d", most, bound)
	}
	if ok && !raceDetector && peak > 64<<20 {
		t.Errorf("the process took %d MiB of memory, more than 64", peak>>20)
	}
}

// peakMemory returns the most memory that this process has had resident, where the system tells.
func peakMemory() (int64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10, true
		}
	}
	return 0, false
}
