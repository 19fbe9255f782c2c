package token_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/recipe/token"
)

// TestToken: natively and in a browser the server knows the user, and refuses who is none.
func TestToken(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for given, name := range map[string]string{"secret": "Ada", "a/b+c==": "Emmy"} {
		c, err := token.Dial(ctx, server(t)+"/token", given)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		if m, err := c.Read(ctx); m != ws.Message(ws.Text("hello, "+name)) || err != nil {
			t.Errorf("the greeting is %v, %v", m, err)
		}
		if c.Protocol() != "chat.v1" {
			t.Errorf("the subprotocol is %q", c.Protocol())
		}
		if err := c.Shutdown(ctx, ws.StatusNormalClosure, ""); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
	for _, given := range []string{"", "wrong"} {
		var closed *ws.CloseError
		if c, err := token.Dial(ctx, server(t)+"/token", given); !errors.As(err, &closed) || c != nil {
			t.Errorf("with the token %q: %v, %v", given, c, err)
		}
	}
}
