// Package greeting is the code of docs/testing.md for tests that dial a server, natively and in hosts.
package greeting

import (
	"os"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

func TestGreeting(t *testing.T) {
	c, err := ws.Dial(t.Context(), os.Getenv("SERVER_URL"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if text, err := c.ReadText(t.Context()); text != "hello" || err != nil {
		t.Errorf("ReadText: %q, %v", text, err)
	}
}
