//go:build !js

package handshake

import (
	"net"
	"strings"
	"testing"
)

// urlCase is a line of testdata/urls.jsonl. {P} stands for the port of a server. Names that begin with u- are those of
// scenarios in which browsers were recorded.
type urlCase struct {
	Name, URL, Base string
	Href            string // "": not a WebSocket URL
	Request, Host   string // what the server gets, if the URL leads there
}

func TestURLs(t *testing.T) {
	for _, c := range readCases[urlCase](t, "testdata/urls.jsonl") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c *urlCase) run(t *testing.T) {
	requests := make(chan *request, 1)
	address := "127.0.0.1:0"
	if strings.HasPrefix(c.Host, "[::1]") {
		address = "[::1]:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := serveOn(t, listener, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(req.open("", "")))
		requests <- req
		ended(t, conn)
	})
	port := func(s string) string { return strings.ReplaceAll(s, "{P}", server.port()) }

	u, err := ParseURL(port(c.URL), port(c.Base))
	if c.Href == "" {
		if err == nil {
			t.Fatalf("parsed as %s", u.Href)
		}
		t.Log(err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if u.Href != port(c.Href) {
		t.Errorf("href %s, want %s", u.Href, port(c.Href))
	}
	if c.Request == "" {
		return
	}
	result, err := Dial(patient(t), &Config{URL: u})
	if err != nil {
		t.Fatal(err)
	}
	result.Stream.Close()
	req := <-requests
	if req.line() != port(c.Request) || req.field("Host") != port(c.Host) {
		t.Errorf("%s, Host: %s; want %s, %s", req.line(), req.field("Host"), port(c.Request), port(c.Host))
	}
	if auth := req.field("Authorization"); auth != "" {
		t.Errorf("Authorization: %s in the first request", auth)
	}
}

func TestURLFields(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want URL
	}{
		{"ws://u%40:p%3a%zz@h/x?y", URL{"ws://u%40:p%3a%zz@h/x?y", false, "h", "/x?y", "u@", "p:%zz", 80}},
		{"wss://:@h", URL{"wss://h/", true, "h", "/", "", "", 443}},
		{"https://h:80?", URL{"wss://h:80/?", true, "h:80", "/?", "", "", 80}},
		{"http://h:443//a", URL{"ws://h:443//a", false, "h:443", "//a", "", "", 443}},
		{"ws://h:0/", URL{"ws://h:0/", false, "h:0", "/", "", "", 0}},
		{"WS://B\u00fccher.DE", URL{"ws://xn--bcher-kva.de/", false, "xn--bcher-kva.de", "/", "", "", 80}},
		{"ws://fa\u00df.de", URL{"ws://xn--fa-hia.de/", false, "xn--fa-hia.de", "/", "", "", 80}},
		{"ws://h/\xe2\x82x\xed\xa0\x80", URL{"ws://h/%EF%BF%BDx%EF%BF%BD%EF%BF%BD%EF%BF%BD", false, "h",
			"/%EF%BF%BDx%EF%BF%BD%EF%BF%BD%EF%BF%BD", "", "", 80}},
	} {
		u, err := ParseURL(c.raw, "")
		if err != nil {
			t.Errorf("%q: %v", c.raw, err)
			continue
		}
		if *u != c.want {
			t.Errorf("%q: %+v, want %+v", c.raw, *u, c.want)
		}
	}
}

func FuzzURL(f *testing.F) {
	for _, c := range readCases[urlCase](f, "testdata/urls.jsonl") {
		f.Add(c.URL, c.Base)
	}
	for _, seed := range []string{"ws://[::ffff:1.2.3.4]/", "ws://[1:2:3:4:5:6:7::]", "ws://1.2.3.+4", "ws://xn--a-/",
		"ws://@@/",
		"ws://h/\xff\xe2\x82", "ws://h:65535/?#", "ws://0xffffffff", "ws:///h\\..\\%2E%2e/%", "//h", "?q", "\u0000ws://h"} {
		f.Add(seed, "")
		f.Add(seed, "https://user:pass@[::1]:81/a/b?q")
	}
	f.Fuzz(func(t *testing.T, raw, base string) {
		u, err := ParseURL(raw, base)
		if err != nil {
			if u != nil {
				t.Fatalf("%+v and error %v", u, err)
			}
			return
		}
		if strings.ContainsFunc(u.Host+u.Target, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q: host %q and target %q are not fit for a request", raw, u.Host, u.Target)
		}
		if !strings.HasPrefix(u.Target, "/") || u.Host == "" {
			t.Errorf("%q: host %q, target %q", raw, u.Host, u.Target)
		}
		again, err := ParseURL(u.Href, "")
		if err != nil {
			t.Fatalf("%q: its serialisation %q: %v", raw, u.Href, err)
		}
		if *again != *u {
			t.Errorf("%q: serialised and parsed again: %+v, was %+v", raw, again, u)
		}
		if got := requestURL(u).RequestURI(); got != u.Target && !strings.HasPrefix(u.Target, "//") {
			t.Errorf("%q: request target %q, want %q", raw, got, u.Target)
		}
	})
}
