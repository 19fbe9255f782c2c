package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// pathVariable lists directories in which hosts are looked up before PATH.
const pathVariable = "TESTBROWSER_PATH"

// host is a JavaScript host that a program can run in.
type host struct {
	name        string
	executables []string // names, looked up in pathVariable's directories and PATH
	places      []string // patterns with environment variables, looked up next
	install     string   // how to install it, for the user
	systems     string   // GOOS values; empty means all

	// needsDisplay is set for hosts without a headless mode, which get a private X server.
	needsDisplay bool

	// Exactly one of these is set: a browser opens a page, an interpreter runs a script, and workerd runs a worker, which
	// is neither.
	browser func(l *launch) (*exec.Cmd, error)
	script  func(l *launch, script, config string) (*exec.Cmd, error)
	worker  func(l *launch, config string) *exec.Cmd

	// open is for browsers that do not take a URL from their command line. It is called after the command has started. The
	// function that it returns closes the page.
	open func(ctx context.Context, l *launch) (func(context.Context) error, error)
}

// launch is one start of a host.
type launch struct {
	executable string
	version    string
	url        string // of the page; for browsers
	dir        string // new, and only for this run
	headed     bool
	args       []string // the user's, for the host's command line

	certificates []*certificate // to accept
	driver       string         // URL of the program that opens the page, for host.open
}

var hosts = []*host{
	{
		name: "chromium",
		executables: []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
			"microsoft-edge", "msedge"},
		places:  append(append(chromiumPlaces, chromePlaces...), edgePlaces...),
		install: "Debian: apt-get install chromium; or Google Chrome or Microsoft Edge",
		browser: chromium,
	},
	{
		name:        "chrome",
		executables: []string{"google-chrome", "google-chrome-stable", "chrome"},
		places:      chromePlaces,
		install:     "https://www.google.com/chrome/",
		browser:     chromium,
	},
	{
		name:        "edge",
		executables: []string{"microsoft-edge", "microsoft-edge-stable", "msedge"},
		places:      edgePlaces,
		install:     "https://www.microsoft.com/edge",
		browser:     chromium,
	},
	{
		name:        "firefox",
		executables: []string{"firefox", "firefox-esr"},
		places: []string{
			"/Applications/Firefox.app/Contents/MacOS/firefox",
			`${ProgramFiles}\Mozilla Firefox\firefox.exe`, `${ProgramFiles(x86)}\Mozilla Firefox\firefox.exe`,
			`${LocalAppData}\Mozilla Firefox\firefox.exe`,
		},
		install: "Debian: apt-get install firefox-esr; or https://www.mozilla.org/firefox/",
		browser: firefox,
	},
	{
		name:        "webkit",
		executables: []string{"MiniBrowser"},
		places: []string{
			"/usr/lib/*/webkit2gtk-4.1/MiniBrowser", "/usr/lib/*/webkitgtk-6.0/MiniBrowser",
			"/usr/lib/*/webkit2gtk-4.0/MiniBrowser",
			"/usr/lib*/webkit2gtk-4.1/MiniBrowser", "/usr/lib*/webkitgtk-6.0/MiniBrowser",
			"/usr/libexec/webkit2gtk-4.1/MiniBrowser", "/usr/libexec/webkitgtk-6.0/MiniBrowser",
		},
		install:      "Debian: apt-get install libwebkit2gtk-4.1-0 xvfb",
		systems:      "linux freebsd",
		needsDisplay: true,
		browser:      webkit,
	},
	{
		name:        "wpe",
		executables: []string{"cog"},
		install:     "Debian: apt-get install cog",
		systems:     "linux",
		browser:     wpe,
	},
	{
		name:        "safari",
		executables: []string{"safaridriver"},
		install:     "comes with macOS; once: safaridriver --enable",
		systems:     "darwin",
		browser:     safari,
		open:        openInSafari,
	},
	{
		name:        "node",
		executables: []string{"node", "nodejs"},
		places:      []string{`${ProgramFiles}\nodejs\node.exe`},
		install:     "https://nodejs.org/, npm install node@24 or, Debian: apt-get install nodejs",
		script:      node,
	},
	{
		name:        "deno",
		executables: []string{"deno"},
		places:      []string{"${HOME}/.deno/bin/deno", `${USERPROFILE}\.deno\bin\deno.exe`},
		install:     "https://deno.com/ or npm install deno",
		script:      deno,
	},
	{
		name:        "bun",
		executables: []string{"bun"},
		places:      []string{"${HOME}/.bun/bin/bun", `${USERPROFILE}\.bun\bin\bun.exe`},
		install:     "https://bun.sh/ or npm install bun",
		script:      bun,
	},
	{
		name:        "workerd",
		executables: []string{"workerd"},
		install:     "npm install workerd",
		systems:     "linux darwin", // it reports through an inherited pipe where it listens
		worker:      workerd,
	},
}

var (
	chromiumPlaces = []string{
		"/Applications/Chromium.app/Contents/MacOS/Chromium",
		`${ProgramFiles}\Chromium\Application\chrome.exe`, `${LocalAppData}\Chromium\Application\chrome.exe`,
	}
	chromePlaces = []string{
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/opt/google/chrome/chrome",
		`${ProgramFiles}\Google\Chrome\Application\chrome.exe`, `${ProgramFiles(x86)}\Google\Chrome\Application\chrome.exe`,
		`${LocalAppData}\Google\Chrome\Application\chrome.exe`,
	}
	edgePlaces = []string{
		"/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge", "/opt/microsoft/msedge/msedge",
		`${ProgramFiles}\Microsoft\Edge\Application\msedge.exe`, `${ProgramFiles(x86)}\Microsoft\Edge\Application\msedge.exe`,
	}
)

// notInstalledError is the error for a known host that is not installed.
type notInstalledError struct {
	host   *host
	reason string
}

func (e *notInstalledError) Error() string {
	return fmt.Sprintf("%s is not installed: %s (%s)", e.host.name, e.reason, e.host.install)
}

// notFound returns the error of a host whose executables were not found.
func notFound(h *host, executables ...string) error {
	return &notInstalledError{h,
		fmt.Sprintf("no %s in %s, PATH and the usual places", strings.Join(executables, ", "), pathVariable)}
}

func hostNamed(name string) (*host, error) {
	var names []string
	for _, h := range hosts {
		if h.name == name {
			return h, nil
		}
		names = append(names, h.name)
	}
	return nil, fmt.Errorf("no host is called %q, but %s", name, strings.Join(names, ", "))
}

// errNoHost is the error on a machine without any host.
var errNoHost = &notInstalledError{&host{name: "a JavaScript host",
	install: "testbrowser -list says how to install one"}, "no known one was found"}

// find returns the host's executable, or a *notInstalledError.
func (h *host) find() (string, error) {
	if h.systems != "" && !strings.Contains(h.systems, runtime.GOOS) {
		return "", &notInstalledError{h, "there is none for " + runtime.GOOS}
	}
	executable, ok := lookUp(h.executables, h.places)
	if !ok {
		return "", notFound(h, h.executables...)
	}
	if h.needsDisplay {
		if _, ok := lookUp([]string{"Xvfb"}, nil); !ok {
			return "", notFound(h, "Xvfb")
		}
	}
	return executable, nil
}

func lookUp(names, places []string) (string, bool) {
	for _, name := range names {
		for _, dir := range filepath.SplitList(os.Getenv(pathVariable)) {
			if dir == "" {
				continue
			}
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, true
			}
		}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	for _, place := range places {
		matches, _ := filepath.Glob(os.Expand(place, os.Getenv)) // a pattern that a variable makes invalid matches nothing
		for _, match := range matches {
			if path, err := exec.LookPath(match); err == nil {
				return path, true
			}
		}
	}
	return "", false
}

// version asks the host for its version, to show it to the user. It is "" if the host does not say.
func (h *host) version(ctx context.Context, executable string) (string, error) {
	if runtime.GOOS == "windows" && h.browser != nil || h.name == "safari" {
		return "", nil // there browsers open a window instead
	}
	if !h.needsDisplay {
		return hostVersion(ctx, executable, nil), nil
	}
	g, err := startGuard()
	if err != nil {
		return "", err
	}
	r := &run{host: h, guard: g}
	if err := r.prepare(); err != nil {
		return "", errors.Join(err, g.end())
	}
	var version string
	display, err := r.startDisplay(ctx)
	if err == nil {
		version = hostVersion(ctx, executable, append(privateEnvironment(r.dir), onDisplay(display)...))
	}
	return version, errors.Join(err, r.clean(), g.end())
}

// hostVersion returns the first line that an executable prints; a nil environment means this process's.
func hostVersion(ctx context.Context, executable string, env []string) string {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable, "--version")
	cmd.Env = env
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(line)
}

// printList prints a line for each host: name, executable and version, separated by tabs; "-" and how to install it if
// it is not installed. It reports whether all are installed.
func printList(ctx context.Context, which []*host) bool {
	all := true
	for _, h := range which {
		executable, err := h.find()
		if err != nil {
			all = false
			fmt.Printf("%s\t-\t%v\n", h.name, err)
			continue
		}
		version, err := h.version(ctx, executable)
		if err != nil {
			version = err.Error()
		}
		fmt.Printf("%s\t%s\t%s\n", h.name, executable, version)
	}
	return all
}
