//go:build !js

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// errNoBrowser is the error of -once if none of the browsers is installed.
var errNoBrowser = errors.New("no browser was found")

// once runs the program natively and in a browser without a window, and compares the two logs.
func once(ctx context.Context, set settings, s *server, built files, out io.Writer) error {
	native := program{Title: "native, " + platform()}
	var err error
	native.Lines, err = runNative(ctx, set.timeout, s.url, s.catalogue)
	native.print(out)
	if err != nil {
		return fmt.Errorf("the program failed natively: %w", err)
	}
	runner := filepath.Join(built.dir, "testbrowser.exe") // Windows needs the suffix; elsewhere it does no harm
	if _, err := goCommand(ctx, nil, "build", "-o", runner, module+"/testbrowser"); err != nil {
		return fmt.Errorf("building testbrowser: %w", err)
	}
	b, err := findBrowser(ctx, runner, set.browsers)
	if err != nil {
		return err
	}
	browser := program{Title: b.title}
	browser.Lines, err = runBrowser(ctx, set.timeout, runner, b.name, built.wasm, s.url)
	differing := browser.printMarked(out, native)
	if err != nil {
		return fmt.Errorf("the program failed in %s: %w", b.name, err)
	}
	if differing > 0 {
		return fmt.Errorf("%d lines differ", differing)
	}
	fmt.Fprintf(out, "\nThe two logs are equal, %d lines.\n", len(native.Lines))
	return nil
}

type browser struct{ name, title string }

// findBrowser returns the first of the named browsers that is installed.
func findBrowser(ctx context.Context, runner, names string) (browser, error) {
	var advice strings.Builder
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		// For a browser that is not installed there is an exit code, and a line that says how to install it.
		cmd := exec.CommandContext(ctx, runner, "-list", "-host", name)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		listed, err := cmd.Output()
		fields := strings.Split(strings.TrimSuffix(string(listed), "\n"), "\t")
		switch {
		case err == nil && len(fields) == 3:
			return browser{name, strings.TrimSuffix("in a browser, "+name+", "+fields[2], ", ")}, nil
		case len(fields) == 3:
			fmt.Fprintf(&advice, "\n  %s", fields[2])
		default:
			return browser{}, fmt.Errorf("looking for %s: %v %s", name, err, bytes.TrimSpace(stderr.Bytes()))
		}
	}
	return browser{}, fmt.Errorf("%w:%s", errNoBrowser, &advice)
}

// runBrowser returns the lines that the program prints in a browser.
func runBrowser(ctx context.Context, timeout time.Duration, runner, host, wasm, base string) ([]string, error) {
	cmd := exec.CommandContext(ctx, runner, "-host", host, "-timeout", timeout.String(), wasm, "-base", base)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that testbrowser ends the browser
	cmd.WaitDelay = 20 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	printed, err := cmd.Output()
	var lines []string
	if text := strings.TrimSpace(string(printed)); text != "" {
		lines = strings.Split(text, "\n")
	}
	if err != nil {
		return lines, fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return lines, nil
}
