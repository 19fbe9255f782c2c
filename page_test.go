//go:build !js

package ws_test

import (
	"os"
	"path/filepath"
)

// page is one that is not clean: testdata/pages/README.md. Its tests are in page_js_test.go.
type page struct {
	name   string
	script string // "" is none
	policy string // its Content-Security-Policy; "" is testbrowser's own
	run    string // which tests
}

// zoneVariable names the environment variable with the file of zone.js, which is no part of the project.
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

func pageHosts() (hosts []browserHost) {
	for _, h := range browserHosts {
		for _, name := range pageBrowsers {
			for _, p := range pages {
				if h.name == name {
					h.name, h.page = name+"-"+p.name, p
					hosts = append(hosts, h)
					h.name = name
				}
			}
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

// args are the flags of testbrowser.
func (p *page) args() []string {
	args := []string{"-env", "WS_TEST_PAGE=" + p.name}
	if p.script != "" {
		file, err := filepath.Abs(p.script)
		if err != nil {
			file = p.script
		}
		args = append(args, "-script", file)
	}
	if p.policy != "" {
		args = append(args, "-csp", p.policy)
	}
	return args
}

// tests are the flags of the test binary. A page has its own; an empty one has those that need no other.
func (p *page) tests() []string {
	if p == nil {
		return []string{"-test.skip=^TestPage"}
	}
	return []string{"-test.run=" + p.run}
}
