package netconn_test

import (
	"os"
	"testing"
)

// server returns the URL of the test server, which the parent of a browser's test run has started.
func server(t testing.TB) string {
	t.Helper()
	url := os.Getenv("WS_TEST_SERVER")
	if url == "" {
		t.Fatal("WS_TEST_SERVER is not set: it is the URL of an internal/testserver")
	}
	return url
}

// exampleServer is server for an Example.
func exampleServer() string { return os.Getenv("WS_TEST_SERVER") }
