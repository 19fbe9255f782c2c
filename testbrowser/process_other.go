//go:build !unix && !windows

package main

import (
	"errors"
	"os"
	"os/exec"
)

// Systems without process groups: only the process itself can be ended.

// endSignals ask this program to end.
var endSignals = []os.Signal{os.Interrupt}

func inGroup(*exec.Cmd) {}

func killGroup(leader int) error {
	process, err := os.FindProcess(leader)
	if err != nil {
		return err
	}
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

func stopGroup(leader int) error { return killGroup(leader) }

func groupLives(int) bool { return false }

func reapGroup(int) {}

func unsandboxed() bool { return false }
