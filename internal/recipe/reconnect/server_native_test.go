//go:build !js

package reconnect

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/testserver"
)

// server returns the URL of a test server that runs until the test ends.
func server(t *testing.T) string {
	t.Helper()
	s, err := testserver.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.URL()
}

// TestRefused: natively a refusal by the server ends Run.
func TestRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := Run(ctx, server(t)+"/token", &ws.Options{Protocols: []string{"chat.v1"}}, nil)
	refused, ok := errors.AsType[*ws.HandshakeError](err)
	if !ok || refused.StatusCode != http.StatusUnauthorized {
		t.Errorf("Run: %v, want a *HandshakeError with status 401", err)
	}
}
