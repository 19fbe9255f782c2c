package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// guardArgument makes this program a guard instead of a runner.
const guardArgument = "-guard-of-a-testbrowser-run"

// guard is a second process of this program that outlives the first. When its standard input ends, because the first
// process has ended in whatever way, it kills the process groups and removes the directories that it was told about.
//
// The alternative on Linux, Pdeathsig, ends only the direct child, and does so too early when the thread that started
// it ends.
type guard struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	keep  []int // processes that do not belong to a run: the guard itself and those that existed before it
}

func startGuard() (*guard, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("starting the guard process: %w", err)
	}
	cmd := exec.Command(self, guardArgument)
	cmd.Stderr = os.Stderr
	inGroup(cmd)
	keep := children()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the guard process: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the guard process: %w", err)
	}
	return &guard{cmd, stdin, append(keep, cmd.Process.Pid)}, nil
}

func (g *guard) note(kind, value string) error {
	if _, err := fmt.Fprintf(g.stdin, "%s %s\n", kind, value); err != nil {
		return fmt.Errorf("the guard process has ended: %w", err)
	}
	return nil
}

// watch tells the guard about a process group, remove about a directory; forgetGroup and forgetDir revoke that.
func (g *guard) watch(leader int) error       { return g.note("watch", strconv.Itoa(leader)) }
func (g *guard) forgetGroup(leader int) error { return g.note("forget-group", strconv.Itoa(leader)) }
func (g *guard) remove(dir string) error      { return g.note("remove", dir) }
func (g *guard) forgetDir(dir string) error   { return g.note("forget-dir", dir) }

// end ends the guard, which first does everything that it was told and that was not revoked.
func (g *guard) end() error {
	return errors.Join(g.stdin.Close(), g.cmd.Wait())
}

// runGuard is the guard process.
func runGuard(commands io.Reader) error {
	var groups, dirs []string
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		kind, value, _ := strings.Cut(lines.Text(), " ")
		switch kind {
		case "watch":
			groups = append(groups, value)
		case "forget-group":
			groups = without(groups, value)
		case "remove":
			dirs = append(dirs, value)
		case "forget-dir":
			dirs = without(dirs, value)
		}
	}
	errs := []error{lines.Err()}
	// End the last one first: a browser before its display.
	for _, group := range slices.Backward(groups) {
		leader, err := strconv.Atoi(group)
		if err != nil || leader <= 1 {
			errs = append(errs, fmt.Errorf("guard: no process group: %q", group))
			continue
		}
		errs = append(errs, guardEnd(leader))
	}
	for _, dir := range dirs {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

func without(values []string, value string) []string {
	return slices.DeleteFunc(values, func(v string) bool { return v == value })
}

// guardEnd ends a group whose processes are not the guard's children: no event says that they are gone.
func guardEnd(leader int) error {
	err := stopGroup(leader)
	for deadline := time.Now().Add(guardPatience); groupLives(leader); {
		if time.Now().After(deadline) {
			return errors.Join(err, killGroup(leader))
		}
		time.Sleep(guardInterval)
	}
	return err
}

const (
	guardPatience = 5 * time.Second
	guardInterval = 10 * time.Millisecond
)
