package token_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/recipe/token"
	"github.com/seed2c7e30c3/ws/wstest"
)

// TestToken: natively and in a browser, the server knows a user by the token and refuses everybody else.
func TestToken(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for given, name := range map[string]string{"secret": "Ada", "a/b+c==": "Emmy"} {
		c, err := ws.Dial(ctx, server(t)+"/token", token.Options(given))
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
		if c, err := ws.Dial(ctx, server(t)+"/token", token.Options(given)); !errors.As(err, &closed) || c != nil {
			t.Errorf("with the token %q: %v, %v", given, c, err)
		}
	}
}

// TestLogin: a client whose first message is no valid token learns why it is refused.
func TestLogin(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	user := func(given string) (string, bool) { return "Ada", given == "secret" }
	for given, want := range map[string]ws.StatusCode{"secret": ws.StatusNormalClosure, "wrong": token.Refused} {
		client, server, err := wstest.Pair(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer client.CloseNow()
		defer server.CloseNow()
		served := make(chan error, 1)
		go func() {
			name, err := token.Login(ctx, server, user)
			if err == nil && name == "Ada" {
				err = server.Shutdown(ctx, ws.StatusNormalClosure, "")
			}
			served <- err
		}()
		if err := client.Send(ws.Text(given)); err != nil {
			t.Fatal(err)
		}
		if _, err := client.ReadText(ctx); ws.CloseStatus(err) != want {
			t.Errorf("with the token %q: %v, want %d", given, err, want)
		}
		if err := <-served; (err == nil) != (want == ws.StatusNormalClosure) {
			t.Errorf("with the token %q: Login: %v", given, err)
		}
	}
	client, server, err := wstest.Pair(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseNow()
	ended, end := context.WithCancel(ctx)
	end()
	if _, err := token.Login(ended, server, user); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that says nothing: %v", err)
	}
	if _, err := server.Wait(ctx); err != nil {
		t.Errorf("a client that says nothing stays: %v", err)
	}
}
