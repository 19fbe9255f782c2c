package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// stackSize is in KiB. It is what Go's own runner for Node uses, because V8's default is too small for deep recursion.
const stackSize = "8192"

func node(l *launch, script, config string) (*exec.Cmd, error) {
	major, _, _ := strings.Cut(strings.TrimPrefix(l.version, "v"), ".")
	version, err := strconv.Atoi(major)
	if err != nil {
		return nil, fmt.Errorf("%s --version says %q", l.executable, l.version)
	}
	args := []string{"--stack-size=" + stackSize}
	if version == 20 || version == 21 {
		args = append(args, "--experimental-websocket")
	}
	return exec.Command(l.executable, slices.Concat(args, l.args, []string{script, config})...), nil
}

func deno(l *launch, script, config string) (*exec.Cmd, error) {
	args := []string{"run", "--quiet", "--no-config", "--no-lock", "--allow-all", "--v8-flags=--stack-size=" + stackSize}
	return exec.Command(l.executable, slices.Concat(args, l.args, []string{script, config})...), nil
}

func bun(l *launch, script, config string) (*exec.Cmd, error) {
	return exec.Command(l.executable, slices.Concat([]string{"run", "--bun"}, l.args, []string{script, config})...), nil
}
