//go:build !js

package hosttest_test

import (
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/testbrowser/hosttest"
	"github.com/seed2c7e30c3/ws/wstest"
)

// t is the parameter of a test, func TestHosts(t *testing.T). The example is the body of that test.
var t *testing.T

// The tests run in two hosts and use a server that the native test starts for each host. They get its URL from
// os.Getenv("SERVER_URL").
func ExampleRun() {
	hosttest.Run(t, hosttest.Config{
		Hosts: []hosttest.Host{{Host: "chromium"}, {Host: "node"}},
		Start: func(t *testing.T, _ hosttest.Host) []string {
			server := wstest.NewServer(func(c *ws.Conn) { _ = c.Send(ws.Text("hello")) })
			t.Cleanup(server.Close)
			return []string{"SERVER_URL=" + server.URL}
		},
	})
}
