//go:build !js

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	module = "github.com/seed2c7e30c3/ws"

	// binary is the program for the browser, in the directory that it is built into.
	binary = "demo.wasm"
)

// files are what a page needs to run the program.
type files struct {
	wasm     string
	wasmExec string // Go's support script
	dir      string // for further files
}

// build compiles this package for the browser.
func build(ctx context.Context, dir string) (files, error) {
	f := files{wasm: filepath.Join(dir, binary), dir: dir}
	if _, err := goCommand(ctx, []string{"GOOS=js", "GOARCH=wasm"}, "build", "-o", f.wasm, module+"/wasm"); err != nil {
		return files{}, fmt.Errorf("building the program for the browser: %w", err)
	}
	root, err := goCommand(ctx, nil, "env", "GOROOT")
	if err != nil {
		return files{}, err
	}
	f.wasmExec = filepath.Join(root, "lib", "wasm", "wasm_exec.js")
	if _, err := os.Stat(f.wasmExec); err != nil {
		return files{}, fmt.Errorf("Go's support script: %w", err)
	}
	return f, nil
}

// moduleDir returns the directory of the module's source.
func moduleDir(ctx context.Context) (string, error) {
	dir, err := goCommand(ctx, nil, "list", "-f", "{{.Module.Dir}}", module+"/wasm")
	if err != nil {
		return "", fmt.Errorf("finding the source of %s: %w", module, err)
	}
	return dir, nil
}

// goCommand returns what a go command prints.
func goCommand(ctx context.Context, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH + ", " + runtime.Version() }
