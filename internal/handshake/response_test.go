//go:build !js

package handshake

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// responseCase is a line of testdata/responses.jsonl: a server's response and what comes of it. Those whose names
// begin with h- or z- are scenarios in which browsers were recorded; where their engines differ, the one with the
// stricter reading of the standard is followed.
type responseCase struct {
	Name        string
	Protocols   []string
	Plain       bool // compression is not offered
	Credentials bool // in the URL

	Response string // as Latin-1; {ACCEPT} stands for the right key
	Early    string // hex bytes in the same segment
	Silent   bool   // the connection stays open behind a response that does not open it

	Open       bool
	Protocol   string
	Extensions string
	Status     int // of the StatusError; 0: another error
	Body       string
}

func readCases[T any](t testing.TB, path string) []T {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cases []T
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		var c T
		if err := json.Unmarshal(scanner.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v in %s", path, err, scanner.Text())
		}
		cases = append(cases, c)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

// latin1 is s with every character below 256 as one byte.
func latin1(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

func TestResponses(t *testing.T) {
	for _, c := range readCases[responseCase](t, "testdata/responses.jsonl") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c *responseCase) run(t *testing.T) {
	early, err := hex.DecodeString(c.Early)
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, func(conn net.Conn) {
		req := readRequest(t, conn)
		conn.Write([]byte(strings.ReplaceAll(latin1(c.Response), "{ACCEPT}", req.accept()) + string(early)))
		if !c.Open && !c.Silent {
			conn.(*net.TCPConn).CloseWrite()
		}
		ended(t, conn)
	})
	credentials := ""
	if c.Credentials {
		credentials = "user:pass@"
	}
	result, err := Dial(patient(t), &Config{
		URL:         parseURL(t, "ws://"+credentials+server.Addr().String()+"/s/"+c.Name),
		Protocols:   c.Protocols,
		Compression: !c.Plain,
	})
	if !c.Open {
		c.failed(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer result.Stream.Close()
	if result.Protocol != c.Protocol || result.Extensions != c.Extensions {
		t.Errorf("protocol %q, extensions %q; want %q, %q", result.Protocol, result.Extensions, c.Protocol, c.Extensions)
	}
	if result.Deflated != strings.HasPrefix(c.Extensions, "permessage-deflate") {
		t.Errorf("deflated is %v with extensions %q", result.Deflated, c.Extensions)
	}
	if string(result.Early) != string(early) {
		t.Errorf("early bytes %x, want %x", result.Early, early)
	}
	if _, ok := result.Stream.(*net.TCPConn); !ok {
		t.Errorf("stream is a %T", result.Stream)
	}
}

// failed checks the error of a handshake that must not succeed.
func (c *responseCase) failed(t *testing.T, err error) {
	if err == nil {
		t.Fatal("opened")
	}
	t.Log(err)
	var status *StatusError
	if is := errors.As(err, &status); is != (c.Status != 0) {
		t.Fatalf("error %v: is StatusError: %v", err, is)
	}
	if c.Status == 0 {
		return
	}
	if status.StatusCode != c.Status || string(status.Body) != c.Body {
		t.Errorf("status %d, body %q; want %d, %q", status.StatusCode, status.Body, c.Status, c.Body)
	}
	if (c.Status == 101) != (status.Cause != nil) {
		t.Errorf("status %d with cause %v", status.StatusCode, status.Cause)
	}
	if status.Header == nil {
		t.Error("no header")
	}
}

func TestBodyLimit(t *testing.T) {
	server := serve(t, func(conn net.Conn) {
		readRequest(t, conn)
		conn.Write([]byte("HTTP/1.1 500 No\r\nX-A: 1\r\nX-A: 2\r\n\r\n" + strings.Repeat("x", 5000)))
		ended(t, conn)
	})
	_, err := Dial(patient(t), &Config{URL: server.url(t, "/")})
	var status *StatusError
	if !errors.As(err, &status) {
		t.Fatal(err)
	}
	if string(status.Body) != strings.Repeat("x", 1024) {
		t.Errorf("body of %d bytes", len(status.Body))
	}
	if a := status.Header["X-A"]; len(a) != 2 || a[0] != "1" || a[1] != "2" {
		t.Errorf("header %v", status.Header)
	}
}

func TestHeaderLimit(t *testing.T) {
	for size, open := range map[int]bool{headerLimit - 1000: true, headerLimit + 1000: false} {
		server := serve(t, func(conn net.Conn) {
			req := readRequest(t, conn)
			conn.Write([]byte(req.open("X-Long: "+strings.Repeat("x", size)+"\r\n", "")))
			ended(t, conn)
		})
		result, err := Dial(patient(t), &Config{URL: server.url(t, "/")})
		if (err == nil) != open {
			t.Errorf("header of %d bytes: %v", size, err)
		}
		if err == nil {
			result.Stream.Close()
		}
	}
}

func TestInterimResponsesWithoutEnd(t *testing.T) {
	server := serve(t, func(conn net.Conn) {
		readRequest(t, conn)
		interim := []byte(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100))
		for {
			if _, err := conn.Write(interim); err != nil {
				return
			}
		}
	})
	if _, err := Dial(patient(t), &Config{URL: server.url(t, "/")}); err == nil {
		t.Error("opened")
	} else {
		t.Log(err)
	}
}

// FuzzResponse has a server answer with response, in which {ACCEPT} stands for the right key, and end the connection.
func FuzzResponse(f *testing.F) {
	for _, c := range readCases[responseCase](f, "testdata/responses.jsonl") {
		early, err := hex.DecodeString(c.Early)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(latin1(c.Response)+string(early)), strings.Join(c.Protocols, ","), !c.Plain)
	}
	f.Fuzz(func(t *testing.T, response []byte, protocols string, compression bool) {
		cfg := &Config{URL: parseURL(t, "ws://nowhere.invalid/"), Compression: compression}
		for name := range strings.SplitSeq(protocols, ",") {
			if ValidProtocol(name) {
				cfg.Protocols = append(cfg.Protocols, name)
			}
		}
		sent := make(chan string, 1)
		cfg.Client = &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					defer far.Close()
					req := readRequest(t, far)
					text := strings.ReplaceAll(string(response), "{ACCEPT}", req.accept())
					sent <- text
					io.WriteString(far, text)
				}()
				return near, nil
			},
		}}
		result, err := Dial(patient(t), cfg)
		if err != nil {
			return
		}
		defer result.Stream.Close()
		text := <-sent
		rest, err := io.ReadAll(result.Stream)
		if err != nil {
			t.Fatal(err)
		}
		head, ok := strings.CutSuffix(text, string(result.Early)+string(rest))
		if !ok || !strings.HasSuffix(head, "\n\n") && !strings.HasSuffix(head, "\n\r\n") {
			t.Errorf("%q: stream begins with %q and goes on with %q", text, result.Early, rest)
		}
		if protocol := result.Protocol; !slices.Contains(append(cfg.Protocols, ""), protocol) ||
			(protocol == "") != (cfg.Protocols == nil) {
			t.Errorf("%q: protocol %q of %q", text, protocol, cfg.Protocols)
		}
		if result.Deflated && !compression || result.Deflated != (result.Extensions != "") {
			t.Errorf("%q: extensions %q, offered: %v", text, result.Extensions, compression)
		}
		for _, need := range []string{" 101", "websocket", "upgrade"} {
			if !strings.Contains(strings.ToLower(head), need) {
				t.Errorf("%q opens without %q", text, need)
			}
		}
	})
}
