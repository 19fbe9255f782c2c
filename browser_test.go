//go:build !js

package ws_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/seed2c7e30c3/ws/internal/scenario"
	"github.com/seed2c7e30c3/ws/internal/testserver"
	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
)

// requireVariable names the environment variable that lists the hosts that must be installed, separated by commas; "1"
// means all.
const requireVariable = "WS_REQUIRE_BROWSERS"

// matrixVariable names the environment variable with a file to which the table of hosts is also written: go test shows
// no output of a package that passes.
const matrixVariable = "WS_TEST_MATRIX"

// libraryPackages are tested in every host. The recipes are not: they use only these packages, and starting a host
// takes time for each package.
var libraryPackages = []string{".", "./netconn", "./wsjson", "./wstest"}

var withRecipes = slices.Concat(libraryPackages,
	[]string{"./internal/recipe/token", "./internal/recipe/reconnect", "./internal/recipe/snippet"})

// browserHosts are the hosts with an unchanged page. WS_TEST_HOST is the host's name in the recordings of the truth
// table. The tests of other pages are left out: see page_test.go.
var browserHosts = []hosttest.Host{
	{Host: "chromium", Env: []string{"WS_TEST_HOST=chromium"}, TestFlags: noPages, Packages: withRecipes},
	{Host: "firefox", Env: []string{"WS_TEST_HOST=firefox"}, TestFlags: noPages, Packages: withRecipes},
	{Host: "webkit", Env: []string{"WS_TEST_HOST=webkitgtk"}, TestFlags: noPages, Packages: libraryPackages},
	// The WebSocket of Node 20 and 21, behind a flag, leaves failed connections connecting for ever and ends the program
	// when a server selects a subprotocol that nobody has asked for.
	{Host: "node", Env: []string{"WS_TEST_HOST=node"}, Oldest: 22, TestFlags: noPages, Packages: withRecipes},
	{Host: "deno", Env: []string{"WS_TEST_HOST=deno"}, TestFlags: noPages, Packages: libraryPackages},
	{Host: "bun", Env: []string{"WS_TEST_HOST=bun"}, TestFlags: noPages, Packages: libraryPackages},
	{Name: "chromium-worker", Host: "chromium", Flags: []string{"-worker"}, Env: []string{"WS_TEST_HOST=chromium"},
		TestFlags: noPages, Packages: libraryPackages},
	{Name: "firefox-worker", Host: "firefox", Flags: []string{"-worker"}, Env: []string{"WS_TEST_HOST=firefox"},
		TestFlags: noPages, Packages: libraryPackages},
}

// TestBrowsers runs the module's portable tests, built for GOOS=js, in JavaScript hosts. A host that is not installed,
// or is too old, is skipped, unless WS_REQUIRE_BROWSERS names it.
//
//	go test -run TestBrowsers/firefox                     in one host
//	go test -run TestBrowsers/firefox/TestEcho/65536 -v   only some tests
func TestBrowsers(t *testing.T) {
	var table matrix
	t.Cleanup(func() {
		table.print(os.Stdout)
		if name := os.Getenv(matrixVariable); name != "" {
			table.save(t, name)
		}
	})
	hosttest.Run(t, hosttest.Config{
		Packages: withRecipes,
		Hosts:    slices.Concat(browserHosts, pageHosts()),
		Required: requiredHosts(),
		Start:    startServers,
		Timeout:  15 * time.Minute,
		AtOnce:   3, // the tests wait more than they compute
		Done:     table.add,
	})
}

// requiredHosts returns the hosts that must be installed.
func requiredHosts() []string {
	if required := os.Getenv(requireVariable); required != "1" {
		return strings.Split(required, ",")
	}
	return []string{"all"}
}

// startServers starts the servers that the tests of one host talk to.
func startServers(t *testing.T, _ hosttest.Host) []string {
	scenarios, err := scenario.Decode(scenariosJSON)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := scenario.NewServer(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { truth.Close() })
	server, err := testserver.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return []string{
		serverVariable + "=" + server.URL(),
		"WS_TEST_SCENARIOS=" + truth.URL(),
		acceptServerVariable + "=" + startAcceptServer(t, acceptScenarios(scenarios)),
	}
}

// matrix is the result of TestBrowsers.
type matrix struct {
	mu   sync.Mutex
	rows []matrixRow
}

type matrixRow struct {
	host                           string
	missing                        string
	passed, known, skipped, failed int
	took                           time.Duration
}

// add counts the tests of every level.
func (m *matrix) add(result hosttest.HostResult) {
	row := matrixRow{host: result.Host.Name, missing: result.Missing, took: result.Took}
	if row.host == "" {
		row.host = result.Host.Host
	}
	for _, test := range result.Tests {
		switch {
		case test.Status == hosttest.Passed:
			row.passed++
		case test.Status == hosttest.Failed:
			row.failed++
		case strings.Contains(test.Output, knownBug):
			row.known++
		default:
			row.skipped++
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = append(m.rows, row)
}

func (m *matrix) save(t *testing.T, name string) {
	var text bytes.Buffer
	m.print(&text)
	if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil {
		t.Error(err)
	}
}

// print prints the rows in the order of browserHosts.
func (m *matrix) print(to io.Writer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.rows) == 0 {
		return
	}
	hosts := slices.Concat(browserHosts, pageHosts())
	order := func(row matrixRow) int {
		return slices.IndexFunc(hosts,
			func(h hosttest.Host) bool { return row.host == h.Name || h.Name == "" && row.host == h.Host })
	}
	slices.SortFunc(m.rows, func(a, b matrixRow) int { return order(a) - order(b) })
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "host\tpassed\tknown\tskipped\tfailed\tseconds")
	for _, row := range m.rows {
		if row.missing != "" {
			fmt.Fprintf(w, "%s\tnot run\n", row.host)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%.0f\n", row.host, row.passed, row.known, row.skipped, row.failed,
			row.took.Seconds())
	}
	w.Flush()
}
