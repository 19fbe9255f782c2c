package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// endSignals ask this program to end.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// inGroup keeps Ctrl-C in the console from ending the process before this program can.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup ends the process and its descendants. It is not an error if the process has already ended.
func killGroup(leader int) error {
	if !groupLives(leader) {
		return nil
	}
	out, err := exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(leader)).CombinedOutput()
	if err != nil && groupLives(leader) {
		return fmt.Errorf("taskkill /T /F /PID %d: %w: %s", leader, err, out)
	}
	return nil
}

func stopGroup(leader int) error { return killGroup(leader) }

func groupLives(leader int) bool {
	const queryLimitedInformation = 0x1000
	const stillActive = 259
	handle, err := syscall.OpenProcess(queryLimitedInformation, false, uint32(leader))
	if err != nil {
		return false
	}
	defer syscall.CloseHandle(handle)
	var code uint32
	return syscall.GetExitCodeProcess(handle, &code) == nil && code == stillActive
}

func reapGroup(int) {}

func unsandboxed() bool { return false }

// watchParent closes the channel that it returns when the parent process ends.
func watchParent() (<-chan struct{}, error) {
	handle, err := syscall.OpenProcess(syscall.SYNCHRONIZE, false, uint32(os.Getppid()))
	if err != nil {
		return nil, fmt.Errorf("watching the parent process %d: %w", os.Getppid(), err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer syscall.CloseHandle(handle)
		syscall.WaitForSingleObject(handle, syscall.INFINITE)
	}()
	return gone, nil
}
