//go:build !js

package nettest

import (
	"os"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
)

// TestHosts runs TestConn in JavaScript hosts. A missing one is skipped unless WS_REQUIRE_BROWSERS names it.
func TestHosts(t *testing.T) {
	required := strings.Split(os.Getenv("WS_REQUIRE_BROWSERS"), ",")
	if len(required) == 1 && required[0] == "1" {
		required = []string{"all"}
	}
	hosttest.Run(t, hosttest.Config{
		Hosts: []hosttest.Host{
			{Host: "chromium"}, {Host: "firefox"}, {Host: "webkit"}, {Host: "node", Oldest: 22}, {Host: "deno"}, {Host: "bun"},
		},
		Required: required,
	})
}
