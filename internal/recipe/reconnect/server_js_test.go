package reconnect

import (
	"context"
	"os"
	"syscall/js"
	"testing"
	"time"
)

// server returns the URL of the test server, which the parent of a browser's test run has started.
func server(t *testing.T) string {
	t.Helper()
	url := os.Getenv("WS_TEST_SERVER")
	if url == "" {
		t.Fatal("WS_TEST_SERVER is not set: it is the URL of an internal/testserver")
	}
	return url
}

// TestOnline: the network's return ends a wait.
func TestOnline(t *testing.T) {
	global := js.Global()
	if !global.Get("addEventListener").Truthy() || !global.Get("Event").Truthy() {
		t.Skip("this host has no events of its own")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	wake := make(chan struct{}, 1)
	stop := watch(wake)
	defer stop()
	for range 3 { // more than there is room for
		global.Call("dispatchEvent", global.Get("Event").New("online"))
	}
	select {
	case <-wake:
	case <-ctx.Done():
		t.Error("the event has woken nobody")
	}
}
