//go:build !js

package netconn_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/testserver"
)

var testServer *testserver.Server

func TestMain(m *testing.M) {
	s, err := testserver.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testServer = s
	code := m.Run()
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// server returns the URL of the test server.
func server(testing.TB) string { return testServer.URL() }

// exampleServer is server for an Example.
func exampleServer() string { return testServer.URL() }
