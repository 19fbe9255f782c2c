package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// chromium starts Chromium and all browsers of that family.
func chromium(l *launch) (*exec.Cmd, error) {
	args := []string{
		"--user-data-dir=" + filepath.Join(l.dir, "profile"),
		"--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-default-apps",
		// No traffic but the program's.
		"--disable-background-networking", "--disable-component-update", "--disable-domain-reliability", "--disable-sync",
		"--no-pings", "--disable-quic", "--disable-breakpad", "--disable-crash-reporter",
		"--disable-features=Translate,MediaRouter,OptimizationHints,InterestFeedContentSuggestions",
		// Run a page at full speed even if nobody looks at it.
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding",
		"--disable-backgrounding-occluded-windows", "--disable-hang-monitor", "--disable-ipc-flooding-protection",
		// Containers have a small /dev/shm; machines in data centres have no graphics.
		"--disable-dev-shm-usage", "--mute-audio", "--password-store=basic", "--use-mock-keychain",
	}
	if !l.headed {
		args = append(args, "--headless", "--disable-gpu")
	}
	if unsandboxed() {
		args = append(args, "--no-sandbox")
	}
	if len(l.certificates) > 0 {
		args = append(args, "--ignore-certificate-errors-spki-list="+keyHashes(l.certificates))
	}
	cmd := exec.Command(l.executable, slices.Concat(args, l.args, []string{l.url})...)
	cmd.Env = privateEnvironment(l.dir)
	return cmd, nil
}

func isChromium(h *host) bool { return h.name == "chromium" || h.name == "chrome" || h.name == "edge" }

// sandboxAdvice is for systems that deny users what Chromium's sandbox needs, for example Ubuntu since 23.10.
const sandboxAdvice = "if the browser cannot have its sandbox here, -browser-arg=--no-sandbox starts it without: " +
	"fit for the tests of one's own program, not for pages of others; or allow it, on Ubuntu by: " +
	"sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"

// firefoxPreferences keep Firefox quiet and fast, and disable what it does only for human users.
var firefoxPreferences = []string{
	// WebSocket: otherwise attempts to connect to a server that failed before are delayed by seconds.
	`"network.websocket.delay-failed-reconnects", false`,
	// The page's own requests may take as long as the program.
	`"network.http.response.timeout", 0`,
	`"dom.max_script_run_time", 0`,
	`"dom.max_chrome_script_run_time", 0`,
	`"dom.ipc.processHangMonitor", false`,
	`"dom.ipc.reportProcessHangs", false`,
	`"dom.disable_beforeunload", true`,
	// Exact clocks, timers at full speed.
	`"privacy.reduceTimerPrecision", false`,
	`"privacy.reduceTimerPrecision.unconditional", false`,
	`"dom.min_background_timeout_value", 4`,
	`"dom.timeout.enable_budget_timer_throttling", false`,
	`"dom.timeout.background_throttling_max_budget", -1`,
	// No first-run pages and questions.
	`"browser.shell.checkDefaultBrowser", false`,
	`"browser.aboutwelcome.enabled", false`,
	`"browser.startup.homepage_override.mstone", "ignore"`,
	`"startup.homepage_welcome_url", ""`,
	`"datareporting.policy.dataSubmissionEnabled", false`,
	`"datareporting.policy.dataSubmissionPolicyBypassNotification", true`,
	`"termsofuse.bypassNotification", true`,
	`"browser.sessionstore.resume_from_crash", false`,
	`"toolkit.startup.max_resumed_crashes", -1`,
	// No traffic but the program's.
	`"app.normandy.enabled", false`,
	`"app.update.auto", false`,
	`"app.update.disabledForTesting", true`,
	`"browser.newtabpage.enabled", false`,
	`"browser.newtabpage.activity-stream.feeds.system.topstories", false`,
	`"browser.region.network.url", ""`,
	`"browser.region.update.enabled", false`,
	`"browser.safebrowsing.malware.enabled", false`,
	`"browser.safebrowsing.phishing.enabled", false`,
	`"browser.safebrowsing.downloads.remote.enabled", false`,
	`"browser.safebrowsing.blockedURIs.enabled", false`,
	`"browser.safebrowsing.update.enabled", false`,
	`"browser.search.update", false`,
	`"dom.push.connection.enabled", false`,
	`"extensions.autoDisableScopes", 0`,
	`"extensions.blocklist.enabled", false`,
	`"extensions.getAddons.cache.enabled", false`,
	`"extensions.systemAddon.update.enabled", false`,
	`"extensions.update.enabled", false`,
	`"geo.provider.testing", true`,
	`"media.gmp-manager.updateEnabled", false`,
	`"network.captive-portal-service.enabled", false`,
	`"network.connectivity-service.enabled", false`,
	`"network.dns.disablePrefetch", true`,
	`"network.prefetch-next", false`,
	`"network.trr.mode", 5`,
	`"security.remote_settings.crlite_filters.enabled", false`,
	`"security.remote_settings.intermediates.enabled", false`,
	`"services.settings.server", "data:,"`,
	`"toolkit.telemetry.enabled", false`,
	`"toolkit.telemetry.server", "data:,"`,
	`"toolkit.telemetry.unified", false`,
}

func firefox(l *launch) (*exec.Cmd, error) {
	profile := filepath.Join(l.dir, "profile")
	if err := os.MkdirAll(profile, 0o700); err != nil {
		return nil, fmt.Errorf("Firefox's profile: %w", err)
	}
	var preferences strings.Builder
	for _, preference := range firefoxPreferences {
		fmt.Fprintf(&preferences, "user_pref(%s);\n", preference)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(preferences.String()), 0o600); err != nil {
		return nil, fmt.Errorf("Firefox's profile: %w", err)
	}
	if len(l.certificates) > 0 {
		if err := os.WriteFile(filepath.Join(profile, "cert_override.txt"), []byte(firefoxOverrides(l.certificates)),
			0o600); err != nil {
			return nil, fmt.Errorf("Firefox's profile: %w", err)
		}
	}
	args := []string{"--no-remote", "--new-instance", "--profile", profile}
	if !l.headed {
		args = append(args, "--headless")
	}
	cmd := exec.Command(l.executable, slices.Concat(args, l.args, []string{l.url})...)
	cmd.Env = append(privateEnvironment(l.dir), "MOZ_CRASHREPORTER_DISABLE=1", "MOZ_DISABLE_LAUNCHER_PROCESS=1")
	return cmd, nil
}

// loopbackDirect keeps requests to this machine away from a proxy that the environment names, which could not answer
// them.
func loopbackDirect(env []string) []string {
	const loopback = "localhost,127.0.0.1,127.0.0.0/8,::1,[::1]"
	var excepted []string
	for _, name := range []string{"no_proxy", "NO_PROXY"} {
		if value := os.Getenv(name); value != "" && !slices.Contains(excepted, value) {
			excepted = append(excepted, value)
		}
	}
	all := strings.Join(append(excepted, loopback), ",")
	return append(env, "no_proxy="+all, "NO_PROXY="+all)
}

// webkit is WebKitGTK's MiniBrowser.
func webkit(l *launch) (*exec.Cmd, error) {
	args := []string{"--private"}
	if len(l.certificates) > 0 {
		args = append(args, "--ignore-tls-errors")
	}
	cmd := exec.Command(l.executable, slices.Concat(args, l.args, []string{l.url})...)
	cmd.Env = append(privateEnvironment(l.dir), webkitEnvironment...)
	return cmd, nil
}

// wpe is Cog, the launcher of WPE WebKit.
func wpe(l *launch) (*exec.Cmd, error) {
	args := []string{"--platform=headless"}
	if len(l.certificates) > 0 {
		args = append(args, "--ignore-tls-errors")
	}
	cmd := exec.Command(l.executable, slices.Concat(args, l.args, []string{l.url})...)
	cmd.Env = append(privateEnvironment(l.dir), webkitEnvironment...)
	return cmd, nil
}

var webkitEnvironment = []string{
	"WEBKIT_DISABLE_COMPOSITING_MODE=1", "WEBKIT_DISABLE_DMABUF_RENDERER=1", "LIBGL_ALWAYS_SOFTWARE=1",
	// Its sandbox is Bubblewrap, which does not work in containers and for root.
	"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1", "WEBKIT_FORCE_SANDBOX=0",
}

// privateEnvironment returns this process's environment, with the places where browsers leave files inside dir. On
// macOS and Windows it is unchanged: browsers there find their files by other means, and the profile is private anyway.
func privateEnvironment(dir string) []string {
	env := os.Environ()
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return env
	}
	return append(env,
		"HOME="+dir, "TMPDIR="+filepath.Join(dir, "tmp"),
		"XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"),
		"XDG_DATA_HOME="+filepath.Join(dir, "data"), "XDG_STATE_HOME="+filepath.Join(dir, "state"),
		"XDG_RUNTIME_DIR="+filepath.Join(dir, "runtime"),
		// Start no desktop daemons: they would outlive the run.
		"DBUS_SESSION_BUS_ADDRESS=disabled:", "NO_AT_BRIDGE=1", "GTK_A11Y=none", "GIO_USE_VFS=local",
		"GSETTINGS_BACKEND=memory",
	)
}

// makePrivateDirs creates the directories that privateEnvironment names.
func makePrivateDirs(dir string) error {
	for _, name := range []string{"tmp", "config", "cache", "data", "state", "runtime"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}
