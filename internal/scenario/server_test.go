//go:build !js

package scenario

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// limit bounds every wait of these tests.
const limit = 20 * time.Second

// serve starts a server for scenarios made of server programs.
func serve(t *testing.T, programs map[string]string) *Server {
	t.Helper()
	var lines []string
	for name, program := range programs {
		url := "ws://{H}:{P}/s/{N}"
		if strings.Contains(program, "{") && strings.HasPrefix(program, "ws") {
			url, program, _ = strings.Cut(program, " ")
		}
		lines = append(lines,
			fmt.Sprintf(`{"name": %q, "url": %q, "server": %s, "expect": {"client": []}}`, name, url, program))
	}
	list, err := Decode([]byte("[" + strings.Join(lines, ",") + "]"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(list)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func ask(t *testing.T, url string, answer any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%s: no page may read it: %v", url, response.Header)
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		t.Fatalf("%s: %s: %v", url, response.Status, err)
	}
}

func start(t *testing.T, s *Server, name string) *Run {
	t.Helper()
	r := new(Run)
	ask(t, s.URL()+"/start?name="+name, r)
	return r
}

// finish ends a run. Its connections must end by themselves.
func finish(t *testing.T, s *Server, r *Run) []*Connection {
	t.Helper()
	var connections []*Connection
	ask(t, fmt.Sprintf("%s/finish?id=%s&wait=%d", s.URL(), r.ID, limit.Milliseconds()), &connections)
	return connections
}

// A peer is a client that may send anything.
type peer struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, address string) *peer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(limit))
	return &peer{t: t, Conn: conn, in: bufio.NewReader(conn)}
}

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) request(path string, header ...string) {
	p.t.Helper()
	p.send("GET " + path + " HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		strings.Join(append(header, ""), "\r\n") + "\r\n")
}

// head reads the answer's lines up to the empty one.
func (p *peer) head() []string {
	p.t.Helper()
	var lines []string
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			p.t.Fatalf("after %q: %v", lines, err)
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return lines
		}
		lines = append(lines, line)
	}
}

// rest reads until the server ends the connection.
func (p *peer) rest() (string, error) {
	b, err := io.ReadAll(p.in)
	return string(b), err
}

// masked builds a client's frame with the mask 0x55555555.
func masked(first byte, payload string) string {
	b := frame(0, []byte(payload))
	header := b[:len(b)-len(payload)]
	header[0] = first
	header[1] |= 0x80
	out := append(slices.Clone(header), "\x55\x55\x55\x55"...)
	for i := range len(payload) {
		out = append(out, payload[i]^0x55)
	}
	return string(out)
}

func wantWire(t *testing.T, connections []*Connection, want ...string) {
	t.Helper()
	if len(connections) != 1 {
		t.Fatalf("%d connections", len(connections))
	}
	if got := connections[0].Wire; !slices.Equal(got, want) {
		t.Errorf("the wire is %q, want %q", got, want)
	}
}

func TestServerAnswersTheHandshake(t *testing.T) {
	s := serve(t, map[string]string{
		"plain": `[["accept"], ["polite"]]`,
		"odd": `[["accept", {"status": "HTTP/1.1 200 OK", "upgrade": null, "connection": ["a", "b"], "accept": " {ACCEPT}",
			"proto": "c", "ext": "e", "extra": "X: y\r\n", "tail": "810178"}], ["close"]]`,
	})
	r := start(t, s, "plain")
	p := dial(t, r.Vars["H"]+":"+r.Vars["P"])
	p.request("/s/plain?q", "Sec-WebSocket-Protocol: x, y", "X-A:  b ")
	want := []string{"HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol: x"}
	if got := p.head(); !slices.Equal(got, want) {
		t.Errorf("answered %q, want %q", got, want)
	}
	p.send(masked(0x88, "\x03\xe8bye"))
	if got, err := p.rest(); got != "\x88\x05\x03\xe8bye" || err != nil {
		t.Errorf("answered the Close frame with %q, %v", got, err)
	}
	p.Close()
	connections := finish(t, s, r)
	wantWire(t, connections, `close 1000 "bye"`, "client FIN")
	if c := connections[0]; c.Request != "GET /s/plain?q HTTP/1.1" || c.Port != "P" ||
		!slices.Equal(c.Values("x-a"), []string{"b"}) {
		t.Errorf("recorded %+v", c)
	}

	r = start(t, s, "odd")
	p = dial(t, r.Vars["H"]+":"+r.Vars["P"])
	p.request("/elsewhere")
	want = []string{"HTTP/1.1 200 OK", "Connection: a", "Connection: b",
		"Sec-WebSocket-Accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol: c", "Sec-WebSocket-Extensions: e",
		"X: y"}
	if got := p.head(); !slices.Equal(got, want) {
		t.Errorf("answered %q, want %q", got, want)
	}
	if got, _ := p.rest(); got != "\x81\x01x" {
		t.Errorf("the tail is %q", got)
	}
	finish(t, s, r)
}

func TestServerSends(t *testing.T) {
	s := serve(t, map[string]string{"sends": `[["raw", "\u00ff{ACCEPT}"], ["rawrep", "ab", 3], ["drip", "cd", 1],
		["tx", "0102"], ["txframe", 1, "6162", 100], ["sleep", 1], ["fin"], ["wait", 10000]]`})
	r := start(t, s, "sends")
	p := dial(t, r.Vars["H"]+":"+r.Vars["P"])
	p.request("/s/sends")
	want := "\xffs3pPLMBiTxaQ9kYGzzhZRbK+xOo=" + "ababab" + "cd" + "\x01\x02" + "\x81\x7e\x00\xc8" +
		strings.Repeat("ab", 100)
	if got, err := p.rest(); got != want || err != nil {
		t.Errorf("sent %q, %v; want %q", got, err, want)
	}
	p.Close()
	wantWire(t, finish(t, s, r), "client FIN")
}

func TestServerRecordsFrames(t *testing.T) {
	s := serve(t, map[string]string{
		"frames": `[["accept", {"ext": "permessage-deflate"}], ["rxclose", 20000], ["echoclose"], ["wait", 20000]]`,
	})
	for _, test := range []struct {
		name   string
		frames []string
		wire   []string
	}{
		{"data", []string{masked(0x81, "é"), masked(0x82, strings.Repeat("a", 70000)), masked(0x81, "")},
			[]string{"text len=2 c3a9", "bin len=70000 616161616161616161616161..", "text len=0 ", "client FIN"}},
		{"fragments around a ping", []string{masked(0x01, "a"), masked(0x89, "p"), masked(0x00, "b"), masked(0x80, "c")},
			[]string{"ping len=1 70", "text len=3 616263 in 3 frames", "client FIN"}},
		{"compressed with context",
			[]string{masked(0xc1, "\xca\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01\x00"), masked(0xc1, "\xca\x40\x27\x01\x00")},
			[]string{"text rsv=4 len=11 ca48cdc9c957c84027010000.. inflated=23 68656c6c6f2068656c6c6f20.."}},
		{"close", []string{masked(0x88, "")}, []string{"close (empty)", "client FIN"}},
		{"close with half a code", []string{masked(0x88, "\x03")}, []string{"close (1 byte)", "client FIN"}},
		{"close, not UTF-8", []string{masked(0x88, "\x03\xe8A\xff")}, []string{`close 1000 "A\xff"`, "client FIN"}},
		{"close, long reason", []string{masked(0x88, "\x0b\xb8"+strings.Repeat("\uFFFD", 41))},
			[]string{"close 3000 reason[123]=efbfbdefbfbdefbfbdefbfbd..", "client FIN"}},
		{"unmasked", []string{"\x81\x01a"}, []string{"text len=1 61 unmasked", "client FIN"}},
		{"unfinished frame", []string{"\x82\xfe\xff\xff\x00\x00\x00\x00abc"},
			[]string{"PARTIAL bin len=65535", "client FIN"}},
		{"unfinished message", []string{masked(0x02, "abc")}, []string{"client FIN", "bin unfinished, 3 bytes in 1 frames"}},
		{"unknown opcode", []string{masked(0x83, "a")}, []string{"opcode-3 len=1 61", "client FIN"}},
		{"reserved bit", []string{masked(0xa2, "a")}, []string{"bin rsv=2 len=1 61", "client FIN"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, s, "frames")
			p := dial(t, r.Vars["H"]+":"+r.Vars["P"])
			p.request("/s/frames")
			p.head()
			for _, f := range test.frames {
				p.send(f)
			}
			p.Conn.(*net.TCPConn).CloseWrite()
			p.rest()
			connections := finish(t, s, r)
			if test.name == "compressed with context" {
				// The second message refers to the first, whatever it says then.
				if w := connections[0].Wire; len(w) != 3 ||
					w[0] != "text rsv=4 len=11 ca48cdc9c957c840270100 inflated=23 68656c6c6f2068656c6c6f20.." ||
					!strings.Contains(w[1], "inflated=") {
					t.Errorf("the wire is %q", w)
				}
				return
			}
			wantWire(t, connections, test.wire...)
		})
	}
}

func TestServerEndsConnections(t *testing.T) {
	s := serve(t, map[string]string{
		"rst":   `[["accept"], ["rx", 1, 20000], ["rst"]]`,
		"close": `[["accept"], ["rx", 1, 20000], ["close"]]`,
		"fin":   `[["accept"], ["fin"], ["rxclose", 20000], ["wait", 20000]]`,
		"over":  `[["accept"], ["rx", 1, 1]]`,
	})
	for _, name := range []string{"rst", "close", "fin", "over"} {
		r := start(t, s, name)
		p := dial(t, r.Vars["H"]+":"+r.Vars["P"])
		p.request("/s/" + name)
		p.head()
		if name == "rst" || name == "close" {
			p.send(masked(0x81, "x"))
		}
		_, err := p.rest()
		if reset := errors.Is(err, syscall.ECONNRESET); reset != (name == "rst") {
			t.Errorf("%s: the client sees %v", name, err)
		}
		switch name {
		case "fin": // the client's direction is still open
			p.send(masked(0x88, "\x0f\xa0"))
			p.Close()
			wantWire(t, finish(t, s, r), "close 4000", "client FIN")
		case "over":
			wantWire(t, finish(t, s, r))
		default:
			wantWire(t, finish(t, s, r), "text len=1 78")
		}
	}
}

func TestServerPauses(t *testing.T) {
	s := serve(t, map[string]string{"pauses": `[["accept"], ["rx", 1, 20000], ["pause"], ["tx", "8a00"], ["rx", 2, 200],
		["tx", "8a00"], ["resume"], ["rx", 2, 20000], ["tx", "8a00"], ["wait", 20000]]`})
	r := start(t, s, "pauses")
	p := dial(t, r.Vars["H"]+":"+r.Vars["P"])
	p.request("/s/pauses")
	p.head()
	p.send(masked(0x81, "a"))
	for i, send := range []string{masked(0x81, "b"), "", ""} {
		var pong [2]byte
		if _, err := io.ReadFull(p.in, pong[:]); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		p.send(send)
	}
	p.Close()
	wantWire(t, finish(t, s, r), "text len=1 61", "text len=1 62", "client FIN")
}

func TestServerPorts(t *testing.T) {
	s := serve(t, map[string]string{
		"tls":    `wss://{H}:{TLS}/s/{N} [["accept"], ["polite"]]`,
		"ref":    `ws://127.0.0.1:{REF}/ [["accept"]]`,
		"ipv6":   `ws://[::1]:{P}/ [["accept"], ["polite"]]`,
		"silent": `ws://{BAD}:{X3}/s/{N} [["wait", 60000]]`,
	})
	r := start(t, s, "tls")
	p := dial(t, r.Vars["H"]+":"+r.Vars["TLS"])
	secure := tls.Client(p.Conn, &tls.Config{ServerName: "localhost"})
	if err := secure.Handshake(); err == nil || !strings.Contains(err.Error(), "authority") {
		t.Errorf("the certificate is trusted: %v", err)
	}
	if c := finish(t, s, r); len(c) != 0 {
		t.Errorf("a connection without a request is recorded: %+v", c)
	}
	r = start(t, s, "tls")
	p = dial(t, r.Vars["H"]+":"+r.Vars["TLS"])
	secure = tls.Client(p.Conn, &tls.Config{InsecureSkipVerify: true})
	p = &peer{t: t, Conn: secure, in: bufio.NewReader(secure)}
	p.request("/s/tls")
	p.head()
	p.send(masked(0x88, ""))
	if got, err := p.rest(); got != "\x88\x00" || err != nil {
		t.Errorf("over TLS the Close frame is answered with %q, %v", got, err)
	}
	p.Close()
	wantWire(t, finish(t, s, r), "close (empty)", "client FIN")

	r = start(t, s, "ref")
	if conn, err := net.DialTimeout("tcp", "127.0.0.1:"+r.Vars["REF"], limit); err == nil {
		conn.Close()
		t.Error("the port for refused connections accepts them")
	}
	finish(t, s, r)

	r = start(t, s, "silent")
	p = dial(t, r.Vars["BAD"]+":"+r.Vars["X3"])
	p.request("/s/silent")
	var connections []*Connection
	ask(t, s.URL()+"/finish?wait=0&id="+r.ID, &connections) // ends the program, which would wait on
	if _, err := p.rest(); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the end of the run leaves the connection: %v", err)
	}
	if runtime.GOOS == "linux" && r.Vars["BAD"] == r.Vars["H"] {
		t.Error("{BAD} is {H}")
	}

	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Logf("this machine has no IPv6: %v", err)
		return
	} else {
		l.Close()
	}
	r = start(t, s, "ipv6")
	p = dial(t, "[::1]:"+r.Vars["P"])
	p.request("/")
	p.head()
	p.Close()
	if c := finish(t, s, r); len(c) != 1 {
		t.Errorf("%d connections over IPv6", len(c))
	}
}

func TestServerRefusesWhatItDoesNotKnow(t *testing.T) {
	s := serve(t, map[string]string{"a": `[["accept"]]`})
	for path, status := range map[string]int{
		"/start?name=b": http.StatusNotFound, "/finish?id=9&wait=1": http.StatusNotFound, "/": http.StatusNotFound,
	} {
		response, err := http.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("%s: %s, want %d", path, response.Status, status)
		}
	}
	r := start(t, s, "a")
	response, err := http.Get(s.URL() + "/finish?wait=soon&id=" + r.ID)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("wait=soon: %s", response.Status)
	}
}

// Runs side by side do not see each other's connections, and Close ends those that nobody finished.
func TestServerRunsSideBySide(t *testing.T) {
	s := serve(t, map[string]string{"a": `[["accept"], ["polite"]]`, "forever": `[["accept"], ["sleep", 3600000]]`})
	t.Run("runs", func(t *testing.T) {
		for i := range 20 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				r := start(t, s, "a")
				p := dial(t, r.Vars["H"]+":"+r.Vars["P"])
				p.request("/s/a")
				p.head()
				p.send(masked(0x88, string([]byte{0x0f, byte(i)})))
				p.rest()
				p.Close()
				wantWire(t, finish(t, s, r), fmt.Sprintf("close %d", 0x0f00+i), "client FIN")
			})
		}
	})
	r := start(t, s, "forever")
	p := dial(t, r.Vars["H"]+":"+r.Vars["P"])
	p.request("/s/forever")
	p.head()
}
