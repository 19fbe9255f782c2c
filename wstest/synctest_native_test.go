//go:build !js

package wstest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

// Bubbles work only natively: under GOOS=js events come from outside the bubble.

// bubblePair is pair in a bubble, where every goroutine must end before the test function does.
func bubblePair(t *testing.T, opts *wstest.Options) (client, server *ws.Conn) {
	t.Helper()
	client, server, err := wstest.Pair(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseNow()
		server.CloseNow()
		synctest.Wait()
	})
	return client, server
}

// TestBubble: messages and the closing handshake take no time.
func TestBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		client, server := bubblePair(t, nil)
		block := make(ws.Bytes, 1<<20)
		for range 20 {
			if err := errors.Join(client.Send(block), server.Send(block)); err != nil {
				t.Fatal(err)
			}
			for _, c := range []*ws.Conn{client, server} {
				if m, err := c.Read(t.Context()); err != nil || len(m.(*ws.ArrayBuffer).Bytes()) != len(block) {
					t.Fatalf("Read: %v, %v", m, err)
				}
			}
		}
		if err := client.Shutdown(t.Context(), 4000, "done"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if e, err := server.Wait(t.Context()); err != nil || e.Code != 4000 || !e.WasClean {
			t.Errorf("Wait: %+v, %v", e, err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

// TestBubblePings: pings of either end keep an idle connection open, for an hour.
func TestBubblePings(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*wstest.Options{
		"client": {Client: &ws.Options{Native: ws.NativeOptions{PingInterval: time.Minute}}},
		"server": {Server: &ws.Options{Native: ws.NativeOptions{PingInterval: time.Minute}}},
		"Accept": {Native: wstest.NativeOptions{Accept: &ws.AcceptOptions{}}}, // every 30 seconds
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := bubblePair(t, opts)
				time.Sleep(time.Hour)
				if client.ReadyState() != ws.Open || server.ReadyState() != ws.Open {
					t.Fatalf("client %v, server %v", client.ReadyState(), server.ReadyState())
				}
				if err := client.Send(ws.Text("still there")); err != nil {
					t.Fatal(err)
				}
				if m, err := server.Read(t.Context()); m != ws.Message(ws.Text("still there")) || err != nil {
					t.Errorf("Read: %v, %v", m, err)
				}
			})
		})
	}
}

// deaf returns options of an end that stops reading at its first message, so that it no longer answers anything.
func deaf() *ws.Options { return &ws.Options{ReadBuffer: 1} }

// TestBubbleLostPeer: a peer that answers no ping is found within two intervals.
func TestBubbleLostPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const interval = time.Minute
		client, _ := bubblePair(t, &wstest.Options{
			Client: &ws.Options{Native: ws.NativeOptions{PingInterval: interval}}, Server: deaf(),
		})
		if err := client.Send(ws.Text("never read")); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		e, err := client.Wait(t.Context())
		if err != nil || e.Code != ws.StatusAbnormalClosure || e.WasClean {
			t.Errorf("Wait: %+v, %v", e, err)
		}
		if took := time.Since(began); took < interval || took > 2*interval+time.Second {
			t.Errorf("it took %v, want about two intervals of %v at most", took, interval)
		}
	})
}

// TestBubbleCloseTimeout: the wait for a peer that does not answer the Close frame ends.
func TestBubbleCloseTimeout(t *testing.T) {
	t.Parallel()
	t.Run("client", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client, _ := bubblePair(t, &wstest.Options{Server: deaf()})
			timeToClose(t, client, 60*time.Second, 3*time.Minute)
		})
	})
	t.Run("server", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, server := bubblePair(t, &wstest.Options{
				Client: deaf(), Native: wstest.NativeOptions{Accept: &ws.AcceptOptions{PingInterval: -1}},
			})
			timeToClose(t, server, 10*time.Second, 3*time.Minute)
		})
	})
}

// timeToClose sends what makes the peer deaf, closes, and checks how long that takes.
func timeToClose(t *testing.T, c *ws.Conn, least, most time.Duration) {
	t.Helper()
	if err := c.Send(ws.Text("never read")); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	began := time.Now()
	err := c.Shutdown(t.Context(), ws.StatusNormalClosure, "")
	var closed *ws.CloseError
	if !errors.As(err, &closed) || closed.WasClean {
		t.Errorf("Shutdown: %v", err)
	}
	if took := time.Since(began); took < least || took > most {
		t.Errorf("it took %v, want %v to %v", took, least, most)
	}
}

// TestBubbleShutdownEnds: Shutdown gives up with its context, in fake time too.
func TestBubbleShutdownEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := bubblePair(t, &wstest.Options{Server: deaf()})
		if err := client.Send(ws.Text("never read")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := client.Shutdown(ctx, ws.StatusNormalClosure, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		// The server reads what it was sent, and then learns that the connection is lost.
		if m, err := server.Read(t.Context()); m != ws.Message(ws.Text("never read")) || err != nil {
			t.Errorf("Read: %v, %v", m, err)
		}
		if _, err := server.Read(t.Context()); err == nil {
			t.Error("Read of a lost connection returns nil")
		}
	})
}

// TestBubbleSlowPeer: the server's SendBuffer limits what is held for a client that does not read.
func TestBubbleSlowPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, server := bubblePair(t, &wstest.Options{
			Client: deaf(), Native: wstest.NativeOptions{Accept: &ws.AcceptOptions{SendBuffer: 1 << 20}},
		})
		block := make(ws.Bytes, 256<<10)
		var err error
		for range 20 {
			if err = server.Send(block); err != nil {
				break
			}
		}
		if !errors.Is(err, ws.ErrSlowPeer) {
			t.Errorf("Send: %v, want %v", err, ws.ErrSlowPeer)
		}
		if e, err := server.Wait(t.Context()); err != nil || e.Code != ws.StatusAbnormalClosure {
			t.Errorf("Wait: %+v, %v", e, err)
		}
	})
}

// TestBubbleRefused: what does not open leaves nothing behind.
func TestBubbleRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range []*wstest.Options{
			{Client: &ws.Options{Protocols: []string{"a"}}},
			{Client: &ws.Options{BinaryType: "text"}},
			{Server: &ws.Options{BinaryType: "text"}},
			{Native: wstest.NativeOptions{Accept: &ws.AcceptOptions{Origins: []string{"no origin"}}}},
		} {
			if c, s, err := wstest.Pair(opts); c != nil || s != nil || err == nil {
				t.Errorf("Pair: %v, %v, %v", c, s, err)
			}
			synctest.Wait()
		}
	})
}
