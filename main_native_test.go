//go:build !js

package ws_test

import (
	"github.com/seed2c7e30c3/ws/internal/testserver"
)

// startTestServer starts the test server in this process.
func startTestServer() (url string, stop func(), err error) {
	server, err := testserver.New()
	if err != nil {
		return "", nil, err
	}
	return server.URL(), func() {
		// The tests are over, so the error no longer matters.
		_ = server.Close()
	}, nil
}
