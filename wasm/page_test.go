//go:build !js

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// driverVariable names a directory whose node_modules have puppeteer-core and axe-core.
const driverVariable = "WS_TEST_DRIVER"

// TestPage clicks through the page in real browsers: testdata/click.mjs, whose checks are the sub-tests.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves the browsers out")
	}
	for _, name := range []string{"chromium", "firefox"} {
		t.Run(name, func(t *testing.T) {
			page := startPage(t, name)
			page.node(t, "click.mjs", func(line string) {
				var c struct {
					Check string
					Fault string
					MS    int
				}
				if err := json.Unmarshal([]byte(line), &c); err != nil {
					t.Log(line)
					return
				}
				t.Run(c.Check, func(t *testing.T) {
					t.Logf("%d ms", c.MS)
					if c.Fault != "" {
						t.Error(c.Fault)
					}
				})
			})
		})
	}
}

// TestScreenshots takes the screenshots of README.md again, into the directory that WS_SCREENSHOTS names.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("WS_SCREENSHOTS")
	if dir == "" {
		t.Skip("WS_SCREENSHOTS does not say where the screenshots go: .ci/run screenshots does")
	}
	page := startPage(t, "chromium")
	page.node(t, "screenshots.mjs", func(line string) { t.Log(line) }, dir)
}

// pageRun is the page in a server, and what opens it in a browser.
type pageRun struct {
	browser    string
	executable string
	nodePath   string
	url        string
}

// startPage serves the page, and finds a browser and what drives it. Where one of them is missing, the test is skipped.
func startPage(t *testing.T, name string) *pageRun {
	t.Helper()
	p := &pageRun{browser: name}
	driver := os.Getenv(driverVariable)
	if _, err := os.Stat(filepath.Join(driver, "node_modules", "puppeteer-core")); driver == "" || err != nil {
		missing(t, name, driverVariable+" names no directory with puppeteer-core and axe-core: "+
			"npm install --prefix DIR puppeteer-core axe-core")
	}
	dir := t.TempDir()
	runner := filepath.Join(dir, "testbrowser.exe")
	if _, err := goCommand(t.Context(), nil, "build", "-o", runner, module+"/testbrowser"); err != nil {
		t.Fatal(err)
	}
	p.executable = installed(t, runner, name, name)
	p.nodePath = installed(t, runner, "node", name)
	built, err := build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t)
	s.publish(built)
	p.url = s.url
	return p
}

// installed returns the path of what testbrowser knows under a name. Where it is missing, the test of a browser is
// skipped.
func installed(t *testing.T, runner, name, browser string) string {
	t.Helper()
	out, err := exec.Command(runner, "-list", "-host", name).Output()
	fields := strings.Split(strings.TrimSpace(string(out)), "\t")
	if err != nil || len(fields) < 2 {
		missing(t, browser, strings.Join(fields, " "))
	}
	return fields[1]
}

func missing(t *testing.T, browser, why string) {
	t.Helper()
	if required(browser) {
		t.Fatal(why)
	}
	t.Skip(why)
}

// scripts are looked at so that go test's cache knows them.
var scripts = []string{"browser.mjs", "steps.mjs", "click.mjs", "screenshots.mjs"}

// node runs a script, and gives each line that it prints to line.
func (p *pageRun) node(t *testing.T, script string, line func(string), args ...string) {
	t.Helper()
	for _, name := range scripts {
		if _, err := os.Stat(filepath.Join("testdata", name)); err != nil {
			t.Fatal(err)
		}
	}
	const limit = 8 * time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args = append([]string{filepath.Join("testdata", script), p.browser, p.executable, p.url, t.TempDir()}, args...)
	cmd := exec.CommandContext(ctx, p.nodePath, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends the browser
	cmd.WaitDelay = 20 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20) // what is wrong may be long
	for lines.Scan() {
		line(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", script, err, &stderr)
	}
}
