// Package harness has what the tests of the examples share.
//
// A test without build tags runs natively and in JavaScript hosts, and asks [URL] for the server. The server itself is
// native: Main starts it once for the tests of a package, and Hosts runs the same tests, built for js, against it.
package harness

import (
	"context"
	"crypto/rand"
	"os"
	"testing"
	"time"
)

// serverVariable names the environment variable with the URL of the server under test.
const serverVariable = "EXAMPLES_SERVER"

// NobodyListens is the URL of a server that is not there. Its port is one that browsers do not refuse to use.
const NobodyListens = "ws://127.0.0.1:2"

// limit is how long a test may take. Examples are small, but the machine may be busy.
const limit = 2 * time.Minute

// URL returns the URL of the server, like "ws://127.0.0.1:4567".
func URL(t testing.TB) string {
	t.Helper()
	url := os.Getenv(serverVariable)
	if url == "" {
		t.Fatalf("%s is not set: in a JavaScript host the tests are run by TestHosts", serverVariable)
	}
	return url
}

// Context returns a context that ends with the test, or when the test takes too long.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// Pattern returns n bytes that do not repeat soon, so that bytes in a wrong place show.
func Pattern(n int) []byte {
	data := make([]byte, n)
	x := uint32(n) | 1
	for i := range data {
		x = x*1664525 + 1013904223
		data[i] = byte(x >> 24)
	}
	return data
}

// Unique returns a name that no other test uses, natively or in a host: all of them share the server.
func Unique(t testing.TB) string { return t.Name() + "-" + rand.Text() }
