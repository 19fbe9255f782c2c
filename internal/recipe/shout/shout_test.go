package shout

import (
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

func TestServe(t *testing.T) {
	client, server, err := wstest.Pair(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseNow()
	defer server.CloseNow()
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), server) }()

	if err := client.Send(ws.Text("hello")); err != nil {
		t.Fatal(err)
	}
	if text, err := client.ReadText(t.Context()); text != "HELLO" || err != nil {
		t.Errorf("ReadText: %q, %v", text, err)
	}
	if err := client.Shutdown(t.Context(), ws.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	if err := <-served; ws.CloseStatus(err) != ws.StatusNormalClosure {
		t.Error(err)
	}
}
