//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// endSignals ask this program to end. go test sends SIGQUIT to a test that takes too long.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// inGroup makes the process of cmd the leader of a process group of its own.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// killGroup ends all processes of the group at once. A group without processes is not an error.
func killGroup(leader int) error { return signalGroup(leader, syscall.SIGKILL) }

// stopGroup asks the processes of the group to end.
func stopGroup(leader int) error { return signalGroup(leader, syscall.SIGTERM) }

func signalGroup(leader int, signal syscall.Signal) error {
	if err := syscall.Kill(-leader, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// groupLives reports whether a process of the group is left.
func groupLives(leader int) bool {
	return !errors.Is(syscall.Kill(-leader, 0), syscall.ESRCH)
}

// reapGroup waits until the killed processes of the group are gone. They became children of this process because their
// parents were killed.
func reapGroup(leader int) {
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(-leader, &status, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
			return // ECHILD: none left
		}
	}
}

// unsandboxed reports whether browsers refuse to use their sandbox, as they do for root.
func unsandboxed() bool { return syscall.Geteuid() == 0 }
