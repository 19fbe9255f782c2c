//go:build !js

package greeting

import (
	"os"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
	"github.com/seed2c7e30c3/ws/wstest"
)

func TestMain(m *testing.M) {
	server := wstest.NewServer(func(c *ws.Conn) { _ = c.Send(ws.Text("hello")) })
	os.Setenv("SERVER_URL", server.URL) // for the native tests
	code := m.Run()
	server.Close()
	os.Exit(code)
}

func TestHosts(t *testing.T) {
	hosttest.Run(t, hosttest.Config{
		Hosts: []hosttest.Host{{Host: "chromium"}, {Host: "firefox"}, {Host: "node"}},
		Env:   []string{"SERVER_URL"}, // for the tests in the hosts
	})
}
