//go:build !js

package scenario

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// playServer serves the scenarios of data by Play, and gives what they saw to seen.
func playServer(t *testing.T, ctx context.Context, data string) (address string, seen chan *Connection) {
	t.Helper()
	list, err := Decode([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	seen = make(chan *Connection, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, sc := range list {
			if r.URL.Path != "/s/"+sc.Name {
				continue
			}
			c, err := Play(ctx, sc, w, r)
			if err != nil {
				t.Error(err)
			}
			seen <- c
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), seen
}

// dialPlay sends a request for a scenario, and more with it.
func dialPlay(t *testing.T, address, name, more string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET /s/%s?x=1 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n%s", name, more)
	return conn
}

const playScenarios = `[
	{"name": "greets", "server": [["accept"], ["rx", 1], ["tx", "81026869"], ["polite"]], "expect": {"client": []}},
	{"name": "silent", "server": [["wait", 600000]], "expect": {"client": []}}
]`

func TestPlay(t *testing.T) {
	t.Parallel()
	address, seen := playServer(t, t.Context(), playScenarios)
	// The first frame comes in one piece with the request: net/http has read it by then.
	conn := dialPlay(t, address, "greets", "\x81\x82\x00\x00\x00\x00yo")
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // RFC 6455, section 1.3
	if err != nil || response.StatusCode != 101 || response.Header.Get("Sec-WebSocket-Accept") != accept {
		t.Fatalf("the answer is %v, %v", response, err)
	}
	frame := make([]byte, 4)
	if _, err := io.ReadFull(in, frame); err != nil || string(frame) != "\x81\x02hi" {
		t.Fatalf("the message is %q, %v", frame, err)
	}
	io.WriteString(conn, "\x88\x82\x00\x00\x00\x00\x03\xe8")
	if rest, err := io.ReadAll(in); err != nil || string(rest) != "\x88\x02\x03\xe8" {
		t.Fatalf("the end is %q, %v", rest, err)
	}
	conn.Close()
	c := <-seen
	if want := []string{"text len=2 796f", "close 1000", "client FIN"}; !slices.Equal(CanonicalWire(c.Wire), want) {
		t.Errorf("the wire is %q, want %q", c.Wire, want)
	}
	if c.Request != "GET /s/greets?x=1 HTTP/1.1" || !slices.Equal(c.Values("upgrade"), []string{"websocket"}) {
		t.Errorf("the request is %q, %q", c.Request, c.Header)
	}
}

// A program that would wait for long ends with the context.
func TestPlayCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	address, seen := playServer(t, ctx, playScenarios)
	conn := dialPlay(t, address, "silent", "")
	cancel()
	if rest, err := io.ReadAll(conn); len(rest) > 0 {
		t.Errorf("the silent server said %q, %v", rest, err)
	}
	if c := <-seen; c == nil {
		t.Error("nothing was recorded")
	}
}

func TestPlayWithoutConnection(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder() // no Hijacker
	list, err := Decode([]byte(playScenarios))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Play(t.Context(), list[0], w, httptest.NewRequest(http.MethodGet, "/s/greets", nil))
	if err == nil || c != nil || !strings.Contains(err.Error(), "greets") {
		t.Errorf("it was played, and saw %v: %v", c, err)
	}
}
