//go:build !js

package ws_test

import (
	"os"
	"path/filepath"

	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
)

// page is a page that changes the host's objects: see testdata/pages/README.md. Its tests are in page_js_test.go.
type page struct {
	name   string
	script string // "" is none
	policy string // its Content-Security-Policy; "" is testbrowser's own
	run    string // which tests
}

// zoneVariable names the environment variable with the file of zone.js, which is not part of the project.
const zoneVariable = "WS_TEST_ZONE"

var pages = []*page{
	{
		name: "zone", script: os.Getenv(zoneVariable),
		run: "^Test(PageZone|Echo|Flood|Receive$|Batch|Read|Close|Server|Lost|Leak|Released|Buffered|Drain|Send|Handler)",
	},
	{name: "policy", policy: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'", run: "^TestPagePolicy"},
	{name: "realm", script: "testdata/pages/realm.js", run: "^Test(PageRealm|Echo|Flood|Receive$|Batch|Byte|Blob|Array)"},
	{name: "mocks", script: "testdata/pages/mocks.js", run: "^TestPageMock"},
	{name: "count", script: "testdata/pages/count.js", run: "^TestPageCalls"},
}

// pageBrowsers are the browsers that are given the pages.
var pageBrowsers = []string{"chromium", "firefox"}

// noPages are the flags of the test binary in an unchanged page.
var noPages = []string{"-test.skip=^TestPage"}

// pageHosts are the browsers with each of the pages.
func pageHosts() (hosts []hosttest.Host) {
	for _, browser := range pageBrowsers {
		for _, p := range pages {
			hosts = append(hosts, hosttest.Host{
				Name:      browser + "-" + p.name,
				Host:      browser,
				Flags:     p.flags(),
				Env:       []string{"WS_TEST_HOST=" + browser, "WS_TEST_PAGE=" + p.name},
				Packages:  []string{"."},
				TestFlags: []string{"-test.run=" + p.run},
				Missing:   p.missing(),
			})
		}
	}
	return hosts
}

func (p *page) missing() string {
	if p.name == "zone" && p.script == "" {
		return "zone.js is not installed: .ci/run install does it; or npm install zone.js, and " + zoneVariable +
			" names its bundles/zone.umd.js"
	}
	return ""
}

// flags are those of testbrowser.
func (p *page) flags() (flags []string) {
	if p.script != "" {
		file, err := filepath.Abs(p.script)
		if err != nil {
			file = p.script
		}
		flags = append(flags, "-script", file)
	}
	if p.policy != "" {
		flags = append(flags, "-csp", p.policy)
	}
	return flags
}
