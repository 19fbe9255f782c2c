//go:build !js

package ws_test

// Programs that end, handlers that end their goroutine or panic, and what a closed connection holds: native only,
// because a browser has neither processes nor a measure of memory.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// wireServer is a server on the level of bytes, which a test writes itself.
type wireServer struct {
	url    string
	client *http.Client // for a TLS server, else nil
}

// newWireServer accepts connections, opens them as WebSockets with the first subprotocol that is offered, and gives
// each to serve, which may leave closing to it.
func newWireServer(t testing.TB, encrypted bool, serve func(net.Conn, *bufio.Reader)) *wireServer {
	t.Helper()
	if encrypted {
		lender := httptest.NewUnstartedServer(nil)
		lender.StartTLS()
		lender.Close()
		return serveWire(t, &tls.Config{Certificates: lender.TLS.Certificates}, lender.Client(), serve)
	}
	return serveWire(t, nil, nil, serve)
}

// serveWire is newWireServer with a server's and a client's side of TLS, or nil.
func serveWire(t testing.TB, config *tls.Config, client *http.Client, serve func(net.Conn, *bufio.Reader)) *wireServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &wireServer{url: "ws://" + listener.Addr().String() + "/", client: client}
	if config != nil {
		s.url = "wss" + strings.TrimPrefix(s.url, "ws")
		listener = tls.NewListener(listener, config)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				if upgradeWire(conn, in) == nil {
					serve(conn, in)
				}
			})
		}
	})
	return s
}

// upgradeWire answers an opening handshake.
func upgradeWire(conn io.Writer, in *bufio.Reader) error {
	request, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	lines := []string{
		"HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]),
	}
	if names := request.Header.Get("Sec-WebSocket-Protocol"); names != "" {
		first, _, _ := strings.Cut(names, ",")
		lines = append(lines, "Sec-WebSocket-Protocol: "+first)
	}
	_, err = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
	return err
}

// clientFrame is a frame of a client, unmasked.
type clientFrame struct {
	first   byte
	payload []byte
}

func (f clientFrame) String() string {
	return fmt.Sprintf("a frame %#02x of %d bytes %q", f.first, len(f.payload), f.payload[:min(len(f.payload), 32)])
}

func readClientFrame(in *bufio.Reader) (clientFrame, error) {
	var head [8]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return clientFrame{}, err
	}
	f := clientFrame{first: head[0]}
	length := uint64(head[1] & 0x7f)
	var err error
	switch length {
	case 126:
		_, err = io.ReadFull(in, head[:2])
		length = uint64(binary.BigEndian.Uint16(head[:2]))
	case 127:
		_, err = io.ReadFull(in, head[:8])
		length = binary.BigEndian.Uint64(head[:8])
	}
	if err != nil {
		return f, err
	}
	var key [4]byte
	if _, err := io.ReadFull(in, key[:]); err != nil {
		return f, err
	}
	f.payload = make([]byte, length)
	_, err = io.ReadFull(in, f.payload)
	for i := range f.payload {
		f.payload[i] ^= key[i%4]
	}
	return f, err
}

// appendWireFrame appends a frame of a server.
func appendWireFrame(b []byte, first byte, payload []byte) []byte {
	switch n := len(payload); {
	case n < 126:
		b = append(b, first, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, first, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, 127), uint64(n))
	}
	return append(b, payload...)
}

// options are those of a client of the server.
func (s *wireServer) options() *ws.Options {
	return &ws.Options{Native: ws.NativeOptions{HTTPClient: s.client}}
}

// programVariable names the program that a child process of the tests below runs, and endURLVariable the URL that it
// uses.
const (
	programVariable = "WS_TEST_END_PROGRAM"
	endURLVariable  = "WS_TEST_END_URL"
)

// endPrograms are small programs. Each process ends right after its function has returned.
var endPrograms = map[string]func(ctx context.Context, url string) error{
	"example": greet,
	"CloseWith": func(ctx context.Context, url string) error {
		c, err := greeted(ctx, url)
		if err != nil {
			return err
		}
		return c.CloseWith(4000, "thank you")
	},
	"Close": func(ctx context.Context, url string) error {
		c, err := greeted(ctx, url)
		if err != nil {
			return err
		}
		return c.Close()
	},
	"CloseWith while another goroutine reads": func(ctx context.Context, url string) error {
		c, err := greeted(ctx, url)
		if err != nil {
			return err
		}
		go c.Read(ctx)
		if err := c.Send(ws.Text("last")); err != nil {
			return err
		}
		return c.CloseWith(4000, "thank you")
	},
	"CloseWith in OnMessage": func(ctx context.Context, url string) error {
		closed := make(chan error)
		c, err := ws.Dial(ctx, url, &ws.Options{OnMessage: func(c *ws.Conn, _ ws.Message) {
			closed <- c.CloseWith(4000, "thank you")
		}})
		if err != nil {
			return err
		}
		if err := c.Send(ws.Text("hello")); err != nil {
			return err
		}
		return <-closed
	},
	"Shutdown": func(ctx context.Context, url string) error {
		c, err := ws.Dial(ctx, url, nil)
		if err != nil {
			return err
		}
		if err := c.Send(ws.Text("hello")); err != nil {
			return err
		}
		for range 10 {
			if err := c.Send(ws.Bytes(make([]byte, 1<<20))); err != nil {
				return err
			}
		}
		return c.Shutdown(ctx, 4000, "thank you")
	},
}

func greeted(ctx context.Context, url string) (*ws.Conn, error) {
	c, err := ws.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	if err := c.Send(ws.Text("hello")); err != nil {
		return nil, err
	}
	_, err = c.Read(ctx)
	return c, err
}

// endChild runs this test binary as a program.
func endChild(t testing.TB, program, url string) (stderr string, err error) {
	cmd := exec.CommandContext(testContext(t), os.Args[0], "-test.run=^TestEndPrograms$")
	cmd.Env = append(os.Environ(), programVariable+"="+program, endURLVariable+"="+url, serverVariable+"="+serverURL)
	var out bytes.Buffer
	cmd.Stderr, cmd.Stdout = &out, &out
	err = cmd.Run()
	return out.String(), err
}

// said is what a server has got from a client.
type said struct {
	close clientFrame // or zero
	bytes int         // of messages
	err   error       // the end, if there was no Close frame
}

// listen answers the first message with itself, and reads until the Close frame, which it answers.
func listen(conn net.Conn, in *bufio.Reader) (s said) {
	for first := true; ; {
		f, err := readClientFrame(in)
		switch {
		case err != nil:
			s.err = err
			return s
		case f.first == fin|closeFrame:
			s.close = f
			// The client may be gone.
			_, _ = conn.Write(appendWireFrame(nil, f.first, f.payload))
			return s
		case first:
			first = false
			if _, err := conn.Write(appendWireFrame(nil, f.first, f.payload)); err != nil {
				s.err = err
				return s
			}
		}
		s.bytes += len(f.payload)
	}
}

// TestEndPrograms: a small program that exits right after Close or CloseWith has sent its Close frame, 100 times out of
// 100. What was sent before Shutdown arrives, all of it.
func TestEndPrograms(t *testing.T) {
	if program := os.Getenv(programVariable); program != "" {
		runProgram(program)
	}
	t.Parallel()
	for name := range endPrograms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs := 100
			want := said{close: clientFrame{fin | closeFrame, []byte(closeBody(4000, "thank you"))}, bytes: len("hello")}
			switch name {
			case "Close":
				want.close.payload = nil
			case "CloseWith while another goroutine reads":
				want.bytes += len("last")
			case "Shutdown":
				runs, want.bytes = 20, want.bytes+10<<20
			}
			if testing.Short() || raceDetector {
				runs = 5
			}
			heard := make(chan said, 1)
			s := newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) { heard <- listen(conn, in) })
			for i := range runs {
				if out, err := endChild(t, name, s.url); err != nil {
					t.Fatalf("run %d: %v\n%s", i, err, out)
				}
				got := await(t, "end at the server", heard)
				if got.err != nil || got.close.first != want.close.first || !bytes.Equal(got.close.payload, want.close.payload) ||
					got.bytes != want.bytes {
					t.Fatalf("run %d: the server got %d bytes, then %v, %v; want %d bytes and %v", i, got.bytes, got.close, got.err,
						want.bytes, want.close)
				}
			}
		})
	}
}

// runProgram runs one of the programs, and ends the process.
func runProgram(program string) {
	run := endPrograms[program]
	if run == nil {
		run = panicPrograms[program]
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := run(ctx, os.Getenv(endURLVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// panicPrograms are programs one of whose handlers panics.
var panicPrograms = map[string]func(ctx context.Context, url string) error{
	"OnOpen":      panicIn("OnOpen"),
	"OnMessage":   panicIn("OnMessage"),
	"OnError":     panicIn("OnError"),
	"OnClose":     panicIn("OnClose"),
	"OnHandshake": panicIn("OnHandshake"),
}

func panicIn(handler string) func(context.Context, string) error {
	happened := func(name string) {
		fmt.Fprintf(os.Stderr, "event: %s\n", name)
		if name == handler {
			panicHere(name)
		}
	}
	return func(ctx context.Context, url string) error {
		opts := &ws.Options{
			OnOpen:    func(*ws.Conn) { happened("OnOpen") },
			OnMessage: func(*ws.Conn, ws.Message) { happened("OnMessage") },
			OnError:   func(*ws.Conn, error) { happened("OnError") },
			OnClose:   func(*ws.Conn, ws.CloseEvent) { happened("OnClose") },
		}
		opts.Native.OnHandshake = func(*http.Response) { happened("OnHandshake") }
		if _, err := ws.New(url, opts); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

// panicHere has a name that the test looks for in the stack. The panic comes while events arrive, which must not be
// handled.
func panicHere(name string) {
	// A program's own deferred functions run. An event too many would come meanwhile.
	defer time.Sleep(20 * time.Millisecond)
	panic("thrown in " + name)
}

// TestEndPanic: a handler that panics ends the program, with its own stack, and no event follows.
func TestEndPanic(t *testing.T) {
	t.Parallel()
	for name := range panicPrograms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) {
				data := appendWireFrame(nil, fin|text, []byte("a"))
				data = appendWireFrame(data, fin|text, []byte("b"))
				if name == "OnError" {
					data = append(data, reservedFrame...)
				} else {
					data = appendWireFrame(data, fin|closeFrame, []byte(closeBody(4000, "")))
				}
				if _, err := conn.Write(data); err == nil {
					io.Copy(io.Discard, in)
				}
			})
			out, err := endChild(t, name, s.url)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Errorf("the program ended with %v", err)
			}
			for _, want := range []string{"panic: thrown in " + name, "ws_test.panicHere("} {
				if !strings.Contains(out, want) {
					t.Errorf("the output has no %q", want)
				}
			}
			events, _, _ := strings.Cut(out, "panic: ")
			if last := strings.TrimSpace(events); !strings.HasSuffix(last, "event: "+name) ||
				strings.Count(out, "event: "+name+"\n") != 1 {
				t.Errorf("events:\n%s", events)
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// TestEndGoexitHandshake: a function of the program that the opening handshake calls and that ends its goroutine
// fails the attempt.
func TestEndGoexitHandshake(t *testing.T) {
	exit := func() { runtime.Goexit() }
	dialer := func(context.Context, string, string) (net.Conn, error) { exit(); return nil, nil }
	secure := func(t *testing.T, change func(*tls.Config)) *http.Client {
		s := httptest.NewTLSServer(nil)
		defer s.Close()
		transport := s.Client().Transport.(*http.Transport).Clone()
		change(transport.TLSClientConfig)
		return &http.Client{Transport: transport}
	}
	for name, test := range map[string]struct {
		encrypted bool
		options   func(*testing.T) ws.NativeOptions
	}{
		"OnHandshake": {false, func(*testing.T) ws.NativeOptions {
			return ws.NativeOptions{OnHandshake: func(*http.Response) { exit() }}
		}},
		"OnHandshake, TLS": {true, func(t *testing.T) ws.NativeOptions {
			return ws.NativeOptions{HTTPClient: secure(t, func(*tls.Config) {}), OnHandshake: func(*http.Response) { exit() }}
		}},
		"DialContext": {false, func(*testing.T) ws.NativeOptions {
			return ws.NativeOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dialer}}}
		}},
		"Dial": {false, func(*testing.T) ws.NativeOptions {
			return ws.NativeOptions{HTTPClient: &http.Client{Transport: &http.Transport{
				//lint:ignore SA1019 programs that have it must work
				Dial: func(string, string) (net.Conn, error) { exit(); return nil, nil },
			}}}
		}},
		"DialTLSContext": {true, func(*testing.T) ws.NativeOptions {
			return ws.NativeOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialTLSContext: dialer}}}
		}},
		"VerifyConnection": {true, func(t *testing.T) ws.NativeOptions {
			return ws.NativeOptions{HTTPClient: secure(t, func(c *tls.Config) {
				c.VerifyConnection = func(tls.ConnectionState) error { exit(); return nil }
			})}
		}},
		"Proxy": {false, func(*testing.T) ws.NativeOptions {
			return ws.NativeOptions{HTTPClient: &http.Client{Transport: &http.Transport{
				Proxy: func(*http.Request) (*url.URL, error) { exit(); return nil, nil },
			}}}
		}},
		"RoundTripper": {false, func(*testing.T) ws.NativeOptions {
			return ws.NativeOptions{HTTPClient: &http.Client{Transport: exitingTransport{}}}
		}},
		"Jar": {false, func(*testing.T) ws.NativeOptions {
			jar, _ := cookiejar.New(nil)
			return ws.NativeOptions{HTTPClient: &http.Client{Jar: exitingJar{jar}}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			before := ownGoroutines()
			ended := make(chan error, 1)
			s := newWireServer(t, test.encrypted, func(conn net.Conn, in *bufio.Reader) {
				_, err := readClientFrame(in)
				ended <- err
			})
			opts := &ws.Options{Native: test.options(t)}
			log := record(opts)
			ctx := testContext(t)
			c, err := ws.Dial(ctx, s.url, opts)
			closeUnwanted(t, c)
			var closed *ws.CloseError
			if !errors.As(err, &closed) || closed.CloseEvent != abnormal || closed.Err == nil {
				t.Errorf("Dial returned %v", err)
			}
			log.want(t, errorEvent, event(abnormal))
			if strings.HasPrefix(name, "OnHandshake") {
				if err := await(t, "end of TCP", ended); err != io.EOF {
					t.Errorf("the server got %v, want the end of TCP", err)
				}
			}
			wantNoGoroutines(t, before)
		})
	}
}

type exitingTransport struct{}

func (exitingTransport) RoundTrip(*http.Request) (*http.Response, error) {
	runtime.Goexit()
	return nil, nil
}

type exitingJar struct{ http.CookieJar }

func (exitingJar) Cookies(*url.URL) []*http.Cookie {
	runtime.Goexit()
	return nil
}

// TestEndCloseNowOpening: CloseNow at the moment when the connection opens ends it, although the peer answers no Close
// frame.
func TestEndCloseNowOpening(t *testing.T) {
	t.Parallel()
	s := newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) { io.Copy(io.Discard, in) })
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	for i := range rounds {
		opts := s.options()
		log := record(opts)
		c := construct(t, s.url, opts)
		time.Sleep(time.Duration(i%100) * 5 * time.Microsecond) // somewhere in the handshake: any moment is fine
		c.CloseNow()
		got := strings.Join(log.all(t), ", ")
		got = strings.Replace(got, "open CLOSING", openEvent, 1)
		if got != openEvent+", "+event(abnormal) && got != errorEvent+", "+event(abnormal) {
			t.Fatalf("round %d: events %s", i, got)
		}
	}
}

// heldBy returns how much heap each of n connections holds that make has returned, when it has been closed. It is
// the least of some tries, because other things may happen at the same time.
func heldBy(t *testing.T, n int, make func() *ws.Conn) int64 {
	t.Helper()
	if raceDetector {
		t.Skip("under the race detector memory figures are not those of the program")
	}
	least := int64(-1)
	others := ownGoroutines() // of connections of earlier tests, which may still be closing
	make()                    // what is made once
	for range 3 {
		conns := []*ws.Conn{}
		before := heap()
		for range n {
			conns = append(conns, make())
		}
		wantNoGoroutines(t, others)
		per := (heap() - before) / int64(n)
		runtime.KeepAlive(conns)
		if least < 0 || per < least {
			least = per
		}
		if least <= closedHolds {
			break
		}
	}
	return least
}

// heap returns how much memory is in use.
func heap() int64 {
	var stats runtime.MemStats
	for range 3 { // pools give back what they hold at the second collection
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// closedHolds is how many bytes a closed connection may hold.
const closedHolds = 4 << 10

// user is a part of the test that keeps no references to its connections.
type user struct {
	testing.TB
	ctx context.Context
}

func (u *user) dial(url string, opts *ws.Options) *ws.Conn {
	u.Helper()
	c, err := ws.Dial(u.ctx, url, opts)
	if err != nil {
		u.Fatalf("Dial(%s): %v", url, err)
	}
	return c
}

func (u *user) construct(url string) *ws.Conn {
	u.Helper()
	c, err := ws.New(url, nil)
	if err != nil {
		u.Fatalf("New(%s): %v", url, err)
	}
	return c
}

func (u *user) read(c *ws.Conn) ws.Message {
	u.Helper()
	m, err := c.Read(u.ctx)
	if err != nil {
		u.Fatalf("Read: %v", err)
	}
	return m
}

func (u *user) shutdown(c *ws.Conn) {
	u.Helper()
	if err := c.Shutdown(u.ctx, 1000, ""); err != nil {
		u.Fatalf("Shutdown: %v", err)
	}
}

// TestEndMemory: a closed connection that is still referenced holds next to nothing, whatever was under way.
func TestEndMemory(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector memory figures are not those of the program")
	}
	closing := func(u *user, s *wireServer, opts *ws.Options) *ws.Conn {
		c := u.dial(s.url, opts)
		send(u, c, ws.Text("hello"))
		u.read(c)
		u.shutdown(c)
		return c
	}
	// cut sends the beginning of a message of 100 MiB. It has been received when the pong has come.
	cut := func(conn net.Conn, in *bufio.Reader) {
		head := binary.BigEndian.AppendUint64([]byte{fin | binaryFrame, 127}, 100<<20)
		conn.Write(append(head, make([]byte, 1<<20)...))
	}
	for name, test := range map[string]struct {
		n      int
		server func(*testing.T) *wireServer
		make   func(*user, *wireServer) *ws.Conn
	}{
		"plain": {100,
			func(t *testing.T) *wireServer {
				return newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) { listen(conn, in) })
			},
			func(u *user, s *wireServer) *ws.Conn { return closing(u, s, nil) },
		},
		"TLS": {100,
			func(t *testing.T) *wireServer {
				return newWireServer(t, true, func(conn net.Conn, in *bufio.Reader) { listen(conn, in) })
			},
			func(u *user, s *wireServer) *ws.Conn { return closing(u, s, s.options()) },
		},
		"pings": {100,
			func(t *testing.T) *wireServer {
				return newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) { listen(conn, in) })
			},
			func(u *user, s *wireServer) *ws.Conn {
				return closing(u, s, &ws.Options{Native: ws.NativeOptions{PingInterval: time.Hour}})
			},
		},
		"compression with context": {50,
			func(*testing.T) *wireServer { return &wireServer{url: absolute("/echo?compress=1")} },
			func(u *user, s *wireServer) *ws.Conn {
				c := u.dial(s.url, nil)
				if c.Extensions() == "" {
					u.Fatal("no compression")
				}
				for range 4 {
					send(u, c, ws.Text(strings.Repeat("a message that is compressed ", 5000)))
					u.read(c)
				}
				u.shutdown(c)
				return c
			},
		},
		"compression, CloseNow": {50,
			func(*testing.T) *wireServer { return &wireServer{url: absolute("/echo?compress=1")} },
			func(u *user, s *wireServer) *ws.Conn {
				c := u.dial(s.url, nil)
				send(u, c, ws.Text(strings.Repeat("a message that is compressed ", 5000)))
				u.read(c)
				c.CloseNow()
				return c
			},
		},
		"a large message cut by the peer": {20,
			func(t *testing.T) *wireServer { return newWireServer(t, false, cut) },
			func(u *user, s *wireServer) *ws.Conn {
				c := u.dial(s.url, nil)
				<-c.Done()
				return c
			},
		},
		"a large message cut by CloseNow": {20,
			func(t *testing.T) *wireServer {
				return newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) {
					cut(conn, in)
					io.Copy(io.Discard, in)
				})
			},
			func(u *user, s *wireServer) *ws.Conn {
				c := u.dial(s.url, nil)
				c.CloseNow()
				return c
			},
		},
		"a large message cut by Close": {20,
			func(t *testing.T) *wireServer {
				return newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) {
					cut(conn, in)
					readClientFrame(in)
				})
			},
			func(u *user, s *wireServer) *ws.Conn {
				c := u.dial(s.url, nil)
				c.Close()
				<-c.Done()
				return c
			},
		},
		"a queue that nobody takes": {10,
			func(t *testing.T) *wireServer {
				return newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) {
					in.Peek(1)
					time.Sleep(time.Second) // or until the test is over: it does not matter
				})
			},
			func(u *user, s *wireServer) *ws.Conn {
				c := u.dial(s.url, nil)
				for range 12 {
					send(u, c, make(ws.Bytes, 1<<20))
				}
				c.CloseNow()
				return c
			},
		},
		"unread messages, dropped": {50,
			func(t *testing.T) *wireServer {
				return newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) {
					conn.Write(bytes.Repeat([]byte{fin | text, 1, 'x'}, 20000))
					listen(conn, in)
				})
			},
			func(u *user, s *wireServer) *ws.Conn {
				c := u.dial(s.url, nil)
				for range 100 {
					u.read(c)
				}
				c.Close()
				<-c.Done()
				return c
			},
		},
		"failed handshake": {100,
			func(*testing.T) *wireServer { return &wireServer{url: ""} },
			func(u *user, s *wireServer) *ws.Conn {
				c := u.construct("ws://127.0.0.1:2/") // nobody listens
				<-c.Done()
				return c
			},
		},
		"abandoned": {100,
			func(t *testing.T) *wireServer {
				return newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) { listen(conn, in) })
			},
			func(u *user, s *wireServer) *ws.Conn {
				c := u.construct(s.url)
				c.Close()
				<-c.Done()
				return c
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.server(t)
			u := &user{t, testContext(t)}
			held := heldBy(t, test.n, func() *ws.Conn { return test.make(u, s) })
			t.Logf("a closed connection holds %d bytes", held)
			if held > closedHolds {
				t.Errorf("a closed connection holds %d bytes, more than %d", held, closedHolds)
			}
		})
	}
}

// TestEndMemoryOfMessages: a small message that the program keeps pins no more than its part of a slab, and unread
// ones take no more than twice what Options.ReadBuffer says.
func TestEndMemoryOfMessages(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector memory figures are not those of the program")
	}
	for name, first := range map[string]byte{"text": fin | text, "binary": fin | binaryFrame} {
		t.Run("kept "+name, func(t *testing.T) {
			const kept, each = 5000, 20
			flood := bytes.Repeat(appendWireFrame(nil, first, []byte("0123456789abcdef")), 1000)
			s := newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) {
				for range kept * each / 1000 {
					if _, err := conn.Write(flood); err != nil {
						return
					}
				}
				listen(conn, in)
			})
			messages := make([]ws.Message, 0, kept)
			u := &user{t, testContext(t)}
			others, before := ownGoroutines(), heap()
			c := u.dial(s.url, nil)
			for i := range kept * each {
				m := u.read(c)
				if i%each == 0 {
					messages = append(messages, m)
				}
			}
			u.shutdown(c)
			wantNoGoroutines(t, others)
			per := float64(heap()-before) / kept
			runtime.KeepAlive(messages)
			t.Logf("a message of 16 bytes that is kept pins %.0f bytes", per)
			if per > 256+8 { // for what the test itself has in memory
				t.Errorf("a message of 16 bytes that is kept pins %.0f bytes, more than 256", per)
			}
		})
		t.Run("unread "+name, func(t *testing.T) {
			const n = 16<<20/81 - 100 // a message counts 80 bytes more than it has: just not enough for reading to stop
			flood := bytes.Repeat([]byte{first, 1, 'x'}, n)
			received := make(chan error, 1)
			s := newWireServer(t, false, func(conn net.Conn, in *bufio.Reader) {
				conn.Write(append(flood, fin|ping, 0))
				_, err := readClientFrame(in) // the pong: everything has been received
				received <- err
				listen(conn, in)
			})
			u := &user{t, testContext(t)}
			before := heap()
			c := u.dial(s.url, nil)
			if err := await(t, "pong", received); err != nil {
				t.Fatal(err)
			}
			took := heap() - before
			t.Logf("%d unread messages of 1 byte take %.1f MiB", n, float64(took)/(1<<20))
			if took > 32<<20 {
				t.Errorf("%d unread messages of 1 byte take %.1f MiB, more than 32", n, float64(took)/(1<<20))
			}
			for range n {
				u.read(c)
			}
			u.shutdown(c)
		})
	}
}

// TestDrainAfterClose: after Close a Drain to 0 waits until the Close frame too has left, so that nothing is lost by
// what comes then; one to more does not wait for it.
func TestDrainAfterClose(t *testing.T) {
	t.Parallel()
	read, got := make(chan struct{}), make(chan said, 1)
	url := rawServer(t, func(conn net.Conn) {
		<-read
		in := bufio.NewReader(conn)
		var s said
		for s.close.first == 0 && s.err == nil {
			var f clientFrame
			if f, s.err = readClientFrame(in); f.first == fin|closeFrame {
				s.close = f
			} else {
				s.bytes += len(f.payload)
			}
		}
		got <- s
	})
	var once sync.Once
	release := func() { once.Do(func() { close(read) }) }
	t.Cleanup(release)
	c := dial(t, url, &ws.Options{Native: ws.NativeOptions{DisableCompression: true}})
	const size = 32 << 20
	send(t, c, ws.Bytes(make([]byte, size)))
	c.Close()
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Drain(short, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain while the peer does not read: %v", err)
	}
	if err := c.Drain(testContext(t), size); err != nil {
		t.Errorf("Drain to what is buffered: %v", err)
	}
	release()
	if err := c.Drain(testContext(t), 0); err != nil {
		t.Errorf("Drain: %v", err)
	}
	c.CloseNow() // drops what is still queued
	if s := await(t, "end of the peer", got); s.bytes != size || s.close.first != fin|closeFrame {
		t.Errorf("the peer got %d bytes, Close frame %x, %v", s.bytes, s.close.first, s.err)
	}
	if err := c.Drain(testContext(t), 0); err != nil {
		t.Errorf("Drain of what has all left: %v", err)
	}
}
