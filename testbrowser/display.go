package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// startDisplay starts an invisible X server, which chooses its display number itself, and returns its name.
func (r *run) startDisplay(ctx context.Context) (string, error) {
	executable, ok := lookUp([]string{"Xvfb"}, nil)
	if !ok {
		return "", notFound(r.host, "Xvfb")
	}
	number, numberWriter, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("starting Xvfb: %w", err)
	}
	defer number.Close()
	cmd := exec.Command(executable, "-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{numberWriter}
	cmd.Stdout, cmd.Stderr = r.log, r.log
	// Ask it to end: it does not remove its lock file when it is killed.
	_, err = r.start(cmd, stopGroup)
	numberWriter.Close()
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { number.Close() })
	defer stop()
	line, err := bufio.NewReader(number).ReadString('\n')
	if err != nil {
		return "", r.withLog(fmt.Errorf("Xvfb did not start: %w", err))
	}
	return ":" + strings.TrimSpace(line), nil
}

// onDisplay returns the environment variables that make a program use the display.
func onDisplay(display string) []string {
	return []string{"DISPLAY=" + display, "WAYLAND_DISPLAY=", "GDK_BACKEND=x11"}
}
