//go:build !js

package ws_test

// Reads that begin and give up while something arrives. Native, because there a Read reads from the network by
// itself, and because the rounds are too many for the remote control of a browser's peer.

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// rawDial returns a connection to a raw server, and the server's end.
func rawDial(t *testing.T, opts *ws.Options) (*ws.Conn, net.Conn) {
	t.Helper()
	accepted, over := make(chan net.Conn, 1), make(chan struct{})
	url := rawServer(t, func(conn net.Conn) {
		accepted <- conn
		<-over
	})
	t.Cleanup(func() { close(over) })
	c := dial(t, url, opts)
	return c, await(t, "server's end", accepted)
}

func mustWrite(t *testing.T, conn net.Conn, data ...[]byte) {
	t.Helper()
	for _, p := range data {
		if _, err := conn.Write(p); err != nil {
			t.Fatal(err)
		}
	}
}

func spin(n int) {
	for range n {
		runtime.Gosched()
	}
}

// TestReadStopsAmongData: a Read gives up when its context ends, while the server sends fragments and pings.
func TestReadStopsAmongData(t *testing.T) {
	t.Parallel()
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	c, conn := rawDial(t, nil)
	go io.Copy(io.Discard, conn) // takes the pongs
	part := func(first byte) []byte {
		return append([]byte{first, 126, 0xf0, 0}, append(make([]byte, 60<<10), fin|ping, 0)...)
	}
	for i := range rounds {
		mustWrite(t, conn, []byte("\x81\x05first"))
		read(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := c.Read(ctx)
			result <- err
		}()
		mustWrite(t, conn, part(text), part(continuation))
		spin(i % 50)
		cancel()
		if err := await(t, "end of the Read", result); !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: Read returned %v", i, err)
		}
		mustWrite(t, conn, []byte{fin | continuation, 1, '.'})
		read(t, c)
	}
}

// TestReadsPassNothingOn: the context of one Read ends when a message comes and another Read begins, which must not
// be given the message while it waits for the network.
func TestReadsPassNothingOn(t *testing.T) {
	t.Parallel()
	rounds := 3000
	if testing.Short() {
		rounds = 500
	}
	c, conn := rawDial(t, nil)
	message := []byte("\x81\x07message")
	for i := range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := c.Read(ctx)
			first <- err
		}()
		spin(5)
		go func() {
			spin(i % 37)
			cancel()
		}()
		go func() {
			spin(i % 41)
			_, err := c.Read(t.Context())
			second <- err
		}()
		mustWrite(t, conn, message)
		if err := <-first; err == nil {
			mustWrite(t, conn, message)
		}
		if err := await(t, "message that came before", second); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}
}
