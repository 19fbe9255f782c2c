package reconnect

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// TestRun: a connection that the server closes is followed by another one, until the session has what it wants.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	connections := 0
	err := Run(ctx, server(t)+"/close?messages=1", nil, func(ctx context.Context, c *ws.Conn) error {
		connections++
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return err
			}
			if m != ws.Message(ws.Text("message 0")) {
				t.Errorf("the server says %v", m)
			}
			if connections == 3 {
				return nil
			}
		}
		return errors.New("the loop ended without an error")
	})
	if err != nil || connections != 3 {
		t.Errorf("Run: %v after %d connections", err, connections)
	}
}

// TestBadArgument: what can never work is not tried twice.
func TestBadArgument(t *testing.T) {
	err := Run(t.Context(), "ftp://127.0.0.1", nil, nil)
	if !errors.Is(err, ws.ErrSyntax) {
		t.Errorf("Run: %v, want ErrSyntax", err)
	}
}

// TestCancel: a Run that waits for its next attempt ends with ctx.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, server(t)+"/close", nil, func(context.Context, *ws.Conn) error {
		cancel()
		return errors.New("lost")
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v, want context.Canceled", err)
	}
}
