//go:build !js

package room

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

func TestShutdown(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := new(Room)
	server := httptest.NewServer(r)
	defer server.Close()
	url := strings.Replace(server.URL, "http", "ws", 1) + "?name=somebody"
	c, err := ws.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if _, err := c.ReadText(ctx); err != nil { // so the room knows
		t.Fatal(err)
	}
	if err := r.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if ev, err := c.Wait(ctx); err != nil || ev.Code != ws.StatusGoingAway || !ev.WasClean {
		t.Errorf("closed with %+v, %v", ev, err)
	}
	if late, err := ws.Dial(ctx, url, nil); err == nil {
		late.CloseNow()
		t.Error("somebody got in after the end")
	}
}
