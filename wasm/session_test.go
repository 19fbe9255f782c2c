//go:build !js

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wasm/demo"
)

// A pageSide is what a page has of its session, without a browser.
type pageSide struct {
	t       *testing.T
	ctx     context.Context
	conn    *ws.Conn
	session string
}

func openSession(t *testing.T, s *server) *pageSide {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	control, err := demo.DialControl(ctx, s.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { control.CloseNow() })
	hello := control.Hello
	if !strings.HasPrefix(hello.Title, "native, ") || len(hello.Servers) != len(servers) || len(control.Scenarios) < 200 {
		t.Errorf("the server says %q, %d servers, %d scenarios", hello.Title, len(hello.Servers), len(control.Scenarios))
	}
	return &pageSide{t: t, ctx: ctx, conn: control.Conn, session: hello.Session}
}

func (p *pageSide) send(v any) {
	p.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.conn.Send(ws.Text(data)); err != nil {
		p.t.Fatal(err)
	}
}

// until returns the lines that come, as SIDE KIND: TEXT, up to a report that is the last.
func (p *pageSide) until(last func(demo.FromServer) bool) []string {
	p.t.Helper()
	var lines []string
	for m, err := range p.conn.Messages(p.ctx) {
		if err != nil {
			p.t.Fatalf("after %q: %v", lines, err)
		}
		var r demo.FromServer
		if err := json.Unmarshal([]byte(m.(ws.Text)), &r); err != nil {
			p.t.Fatal(err)
		}
		if r.Line != nil {
			lines = append(lines, fmt.Sprintf("%s %s: %s", r.Side, r.Line.Kind, r.Line.Text))
		}
		if last(r) {
			break
		}
	}
	return lines
}

func (p *pageSide) ended(id int) []string {
	p.t.Helper()
	return p.until(func(r demo.FromServer) bool { return r.Ended == id })
}

func line(text string) func(demo.FromServer) bool {
	return func(r demo.FromServer) bool { return r.Line != nil && strings.Contains(r.Line.Text, text) }
}

// all is for reports whose order is not known: it is true when each of them has come.
func all(reports ...func(demo.FromServer) bool) func(demo.FromServer) bool {
	missing := slices.Clone(reports)
	return func(r demo.FromServer) bool {
		missing = slices.DeleteFunc(missing, func(is func(demo.FromServer) bool) bool { return is(r) })
		return len(missing) == 0
	}
}

func wants(t *testing.T, lines []string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, w) }) {
			t.Errorf("no line %q in\n\t%s", w, strings.Join(lines, "\n\t"))
		}
	}
}

// The native client does what the page says.
func TestSession(t *testing.T) {
	t.Parallel()
	p := openSession(t, start(t))
	p.send(demo.Action{ID: 1, Do: demo.Connect, URL: demo.EchoPath, Protocols: []string{demo.Protocol}})
	wants(t, p.ended(1), `native event: open, protocol "demo.v1"`, `native call: Dial(ctx, "/echo", demo.v1) → nil`)
	if err := p.conn.Send(ws.Bytes("contents")); err != nil {
		t.Fatal(err)
	}
	p.send(demo.Action{ID: 2, Do: demo.SendFile, Type: "text/plain"})
	wants(t, p.until(line("message")),
		"native call: Send(Blob, 8 bytes, text/plain) → nil", "native event: message ArrayBuffer 63 6f")
	p.send(demo.Action{ID: 3, Do: demo.Shutdown, Code: 4000, Reason: "bye"})
	wants(t, p.ended(3), `native call: Shutdown(ctx, 4000, "bye") → nil`)
	p.send(demo.Action{ID: 4, Do: "dance"})
	wants(t, p.ended(4), `native call: the demo → "dance" is no action`)
}

// A Dial to the silent server waits until it is cancelled; while it does, there is no other.
func TestSessionCancel(t *testing.T) {
	t.Parallel()
	p := openSession(t, start(t))
	p.send(demo.Action{ID: 1, Do: demo.Connect, URL: demo.SilentPath + p.session})
	p.send(demo.Action{ID: 2, Do: demo.Connect, URL: demo.EchoPath})
	lines := p.ended(2)
	p.send(demo.Action{ID: 3, Do: demo.CancelDial})
	lines = append(lines, p.ended(1)...)
	wants(t, lines, "native call: a Dial waits already", "native call: cancel()",
		`native call: Dial(ctx, "/silent/`+p.session+`") → context canceled`)
}

// The server tells what it has seen of the client, also when its program waits for what never comes.
func TestSessionReplay(t *testing.T) {
	t.Parallel()
	p := openSession(t, start(t))
	p.send(demo.Action{ID: 1, Do: demo.Replay, Scenario: "k-data-then-close", Play: p.session + ".1", Limit: defaultLimit})
	wants(t, p.until(all(line(`close 4000 "x", clean`), line("client FIN"))), `native event: message text "before"`,
		`native event: close 4000 "x", clean`, `native wire: close 4000 "x"`, "native wire: client FIN")
	p.send(demo.Action{ID: 2, Do: demo.Replay, Scenario: "h-never-answers", Play: p.session + ".2", Limit: 100})
	lines := p.ended(2)
	p.send(demo.Action{Do: demo.Finish, Play: "2."})
	const fin = "native wire: client FIN"
	if !slices.Contains(lines, fin) { // the server may have seen it before the program's end
		lines = append(lines, p.until(line("client FIN"))...)
	}
	wants(t, lines, "native call: the program gives up: CloseNow()",
		`native event: close 1006 "", not clean`, fin)
	p.send(demo.Action{ID: 3, Do: demo.Replay, Scenario: "nonesuch"})
	wants(t, p.ended(3), `native call: the demo → it has no scenario "nonesuch" that it can replay`)
}

// A page that sends nonsense loses its session.
func TestSessionNonsense(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, message := range []ws.Text{"{", `{"do": "file"}`} {
		p := openSession(t, s)
		if err := p.conn.Send(message); err != nil {
			t.Fatal(err)
		}
		if _, err := p.conn.Read(p.ctx); ws.CloseStatus(err) != ws.StatusUnsupportedData {
			t.Errorf("%s: %v", message, err)
		}
	}
}
