package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// dial opens a connection to a path of the server, which may have a query, and returns it with the server's session.
func (w *way) dial(t testing.TB, path string, options *ws.Options) (*ws.Conn, *session) {
	t.Helper()
	id := rand.Text()
	c, err := w.tryDial(testContext(t), path, id, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c, w.server.session(id)
}

func (w *way) tryDial(ctx context.Context, path, id string, options *ws.Options) (*ws.Conn, error) {
	if options == nil {
		options = new(ws.Options)
	}
	options.Native.HTTPClient = w.client
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return ws.Dial(ctx, w.base+path+separator+url.Values{"id": {id}}.Encode(), options)
}

func send(t testing.TB, c *ws.Conn, m ws.Message) {
	t.Helper()
	if err := c.Send(m); err != nil {
		t.Fatal(err)
	}
}

// wantMessage reads a message, which must be text or binary as want is.
func wantMessage(t testing.TB, c *ws.Conn, want ws.Message) {
	t.Helper()
	got, err := c.Read(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	same := got == want
	if buffer, ok := got.(*ws.ArrayBuffer); ok {
		data, binary := want.(ws.Bytes)
		same = binary && bytes.Equal(buffer.Bytes(), data)
	}
	if !same {
		t.Fatalf("got a %T other than the %T that was to come", got, want)
	}
}

// wantEnd waits until the connection has ended, reading what still comes, and compares how.
func wantEnd(t testing.TB, c *ws.Conn, want ws.CloseEvent) {
	t.Helper()
	got, err := c.Wait(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("ended with %+v, want %+v: %v", got, want, c.Err())
	}
}

// noise is data that cannot be compressed.
func noise(size int) ws.Bytes {
	data := make(ws.Bytes, size)
	rand.Read(data)
	return data
}
