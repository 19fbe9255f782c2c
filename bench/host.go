package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// jsHost is a JavaScript host. command returns the command that opens a page in it and keeps all of its files in dir.
type jsHost struct {
	name        string
	executables []string
	command     func(executable, url, dir string) (*exec.Cmd, error)
}

var jsHosts = []jsHost{
	{"chromium", []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}, chromiumCommand},
	{"firefox", []string{"firefox", "firefox-esr"}, firefoxCommand},
	{"node", []string{"node", "nodejs"}, nodeCommand},
}

func hostNamed(name string) (*jsHost, error) {
	var names []string
	for i := range jsHosts {
		if jsHosts[i].name == name {
			return &jsHosts[i], nil
		}
		names = append(names, jsHosts[i].name)
	}
	return nil, fmt.Errorf("no host is called %q, but %s", name, strings.Join(names, ", "))
}

// find looks in the directories that TESTBROWSER_PATH lists and then in those of PATH.
func (h *jsHost) find() (string, error) {
	for _, dir := range filepath.SplitList(os.Getenv("TESTBROWSER_PATH")) {
		for _, name := range h.executables {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil && dir != "" {
				return path, nil
			}
		}
	}
	for _, name := range h.executables {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: neither TESTBROWSER_PATH nor PATH has %s", h.name,
		strings.Join(h.executables, ", "))
}

// open runs the host on the page until ctx ends, and returns the host's output. It is an error if the host ends by
// itself. started is called with its process.
func (h *jsHost) open(ctx context.Context, url string, started func(pid int)) (said string, err error) {
	executable, err := h.find()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "ws-bench-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, removeAll(dir)) }()
	made, err := h.command(executable, url, dir)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, made.Path, made.Args[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir,
		"XDG_RUNTIME_DIR="+dir, "DBUS_SESSION_BUS_ADDRESS=disabled:", "MOZ_CRASHREPORTER_DISABLE=1")
	// Use a file, not a pipe, so that nothing waits for processes of the browser that still hold it.
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return "", err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	inGroup(cmd)
	if err = cmd.Start(); err == nil {
		started(cmd.Process.Pid)
		err = cmd.Wait()
	}
	if ctx.Err() != nil {
		err = nil
	} else {
		err = fmt.Errorf("%s has ended before the benchmark: %v", h.name, err)
	}
	text, readErr := os.ReadFile(log.Name())
	return string(text), errors.Join(err, readErr)
}

// removeAll tries again for a while: processes of a browser that was ended may still be writing.
func removeAll(dir string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := os.RemoveAll(dir)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func chromiumCommand(executable, url, dir string) (*exec.Cmd, error) {
	args := []string{
		"--headless", "--disable-gpu", "--user-data-dir=" + filepath.Join(dir, "profile"),
		"--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-default-apps",
		// No traffic but ours.
		"--disable-background-networking", "--disable-component-update", "--disable-domain-reliability", "--disable-sync",
		"--no-pings", "--disable-quic", "--disable-breakpad", "--disable-crash-reporter",
		// Run a page at full speed even if nobody looks at it.
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding",
		"--disable-backgrounding-occluded-windows",
		"--disable-hang-monitor", "--disable-ipc-flooding-protection", "--disable-dev-shm-usage", "--mute-audio",
		// Samples begin without the garbage of the previous one.
		"--js-flags=--expose-gc",
	}
	if os.Getuid() == 0 {
		args = append(args, "--no-sandbox")
	}
	return exec.Command(executable, append(args, url)...), nil
}

// firefoxPreferences keep it quiet, and give exact clocks and timers at full speed.
var firefoxPreferences = []string{
	`"privacy.reduceTimerPrecision", false`,
	`"dom.min_background_timeout_value", 4`,
	`"dom.timeout.enable_budget_timer_throttling", false`,
	`"dom.max_script_run_time", 0`,
	`"dom.ipc.processHangMonitor", false`,
	`"browser.shell.checkDefaultBrowser", false`,
	`"browser.aboutwelcome.enabled", false`,
	`"browser.startup.homepage_override.mstone", "ignore"`,
	`"startup.homepage_welcome_url", ""`,
	`"datareporting.policy.dataSubmissionEnabled", false`,
	`"datareporting.policy.dataSubmissionPolicyBypassNotification", true`,
	`"termsofuse.bypassNotification", true`,
	`"app.normandy.enabled", false`,
	`"app.update.disabledForTesting", true`,
	`"browser.newtabpage.enabled", false`,
	`"browser.region.network.url", ""`,
	`"browser.safebrowsing.malware.enabled", false`,
	`"browser.safebrowsing.phishing.enabled", false`,
	`"browser.search.update", false`,
	`"dom.push.connection.enabled", false`,
	`"extensions.getAddons.cache.enabled", false`,
	`"extensions.systemAddon.update.enabled", false`,
	`"media.gmp-manager.updateEnabled", false`,
	`"network.captive-portal-service.enabled", false`,
	`"network.connectivity-service.enabled", false`,
	`"network.trr.mode", 5`,
	`"services.settings.server", "data:,"`,
	`"toolkit.telemetry.enabled", false`,
	`"toolkit.telemetry.server", "data:,"`,
}

func firefoxCommand(executable, url, dir string) (*exec.Cmd, error) {
	profile := filepath.Join(dir, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		return nil, err
	}
	var preferences strings.Builder
	for _, preference := range firefoxPreferences {
		fmt.Fprintf(&preferences, "user_pref(%s);\n", preference)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(preferences.String()), 0o600); err != nil {
		return nil, err
	}
	return exec.Command(executable, "--no-remote", "--new-instance", "--headless", "--profile", profile, url), nil
}

func nodeCommand(executable, url, dir string) (*exec.Cmd, error) {
	script, err := pageFiles.ReadFile("page/node.mjs")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "node.mjs")
	if err := os.WriteFile(file, script, 0o600); err != nil {
		return nil, err
	}
	args := []string{"--expose-gc", "--no-warnings"}
	// Node 20 and 21 have WebSocket only with this flag; 22 and later take it and ignore it.
	args = append(args, "--experimental-websocket")
	return exec.Command(executable, append(args, file, url)...), nil
}
