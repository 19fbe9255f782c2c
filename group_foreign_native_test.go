//go:build !js

package ws_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/seed2c7e30c3/ws"
)

// TestGroupForeign: another library gets what a Group sends, of all lengths and in order, beside what its member is
// sent alone.
func TestGroupForeign(t *testing.T) {
	t.Parallel()
	for server := ws.CompressAlone; server <= ws.NoCompression; server++ {
		for _, client := range []websocket.CompressionMode{
			websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover,
		} {
			t.Run(fmt.Sprint(server, client), func(t *testing.T) {
				t.Parallel()
				groupForeign(t, server, client)
			})
		}
	}
}

func groupForeign(t *testing.T, server ws.Compression, client websocket.CompressionMode) {
	const count = 24 // each of the lengths several times
	shared := newNumbered(1, []int{20, 3000, 70_000, 300_000})
	alone := newNumbered(2, []int{10, 20_000, 200_000})
	var group ws.Group
	accepted := make(chan *ws.Conn, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, &ws.AcceptOptions{Group: &group, Compression: server, SendBuffer: -1})
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		accepted <- c
	}))
	t.Cleanup(s.Close)
	var working sync.WaitGroup
	for range 3 {
		c, _, err := websocket.Dial(testContext(t), s.URL, &websocket.DialOptions{CompressionMode: client})
		if err != nil {
			t.Fatal(err)
		}
		c.SetReadLimit(-1)
		t.Cleanup(func() { _ = c.CloseNow() })
		working.Go(func() { wantBoth(t, c, shared, alone, count) })
	}
	for range 3 {
		c := await(t, "member", accepted)
		working.Go(func() {
			for i := range count {
				data, _ := alone.message(i)
				if err := c.Send(ws.Bytes(data)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range count {
		data, _ := shared.message(i)
		if err := group.Send(ws.Text(data)); err != nil {
			t.Fatal(err)
		}
	}
	working.Wait()
}

// wantBoth reads what a member is sent: texts by the Group, and binary messages alone.
func wantBoth(t *testing.T, c *websocket.Conn, shared, alone *numbered, count int) {
	next := map[websocket.MessageType]int{}
	for range 2 * count {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		kind, data, err := c.Read(ctx)
		cancel()
		if err != nil {
			t.Errorf("after %v: %v", next, err)
			return
		}
		from := shared
		if kind == websocket.MessageBinary {
			from = alone
		}
		i, err := from.check(data)
		if err != nil || i != next[kind] {
			t.Errorf("message %d, want %d: %v", i, next[kind], err)
			return
		}
		next[kind]++
	}
}
