//go:build !js

package token_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/recipe/token"
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

// TestRefused: natively the error has the status that says that the token was wrong.
func TestRefused(t *testing.T) {
	var refused *ws.HandshakeError
	_, err := ws.Dial(t.Context(), server(t)+"/token", token.Options("wrong"))
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusUnauthorized {
		t.Errorf("Dial: %v, want a *HandshakeError with status 401", err)
	}
}

// TestDocumented: docs/authentication.md shows these files as they are.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "authentication.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dial.go", "dial_native.go", "dial_js.go", "server.go", "login.go"} {
		code, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if block := "`" + name + "`:\n\n```go\n" + string(code) + "```\n"; !strings.Contains(string(page), block) {
			t.Errorf("docs/authentication.md has no block\n%s", block)
		}
	}
}
