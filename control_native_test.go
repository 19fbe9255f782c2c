//go:build !js

package ws_test

// Pings, pongs and the Close frame while messages wait to be sent. Native only: browsers write control frames as
// they like, and have no PingInterval. White-box tests of the same are in internal/engine.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
)

// controlBuffer is the size of the system's buffers at both ends. It is small, so that a test sees what the library has
// handed over and not what the system holds. Linux doubles it.
const controlBuffer = 32 << 10

// systemHolds is more than all of the system's buffers between the library and a test's server can hold.
const systemHolds = 4*controlBuffer + 128<<10

// line is a server whose part the test plays, on connections with small buffers.
type line struct {
	url      string
	opts     *ws.Options // for a client of it
	accepted chan net.Conn
}

// lineOptions say what a line's server is like.
type lineOptions struct {
	tls, compressed bool
}

func (o lineOptions) String() string {
	name := "plain"
	if o.tls {
		name = "TLS"
	}
	if o.compressed {
		name += ", compressed"
	}
	return name
}

// newLine starts a server whose connections, after the handshake, belong to the test.
func newLine(t testing.TB, o lineOptions) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{url: "ws://" + listener.Addr().String() + "/", accepted: make(chan net.Conn, 100)}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			shrink(conn)
		}
		return conn, err
	}}
	var config *tls.Config
	if o.tls {
		l.url = "wss" + strings.TrimPrefix(l.url, "ws")
		config, transport.TLSClientConfig = tlsConfigs()
	}
	l.opts = &ws.Options{Native: ws.NativeOptions{HTTPClient: &http.Client{Transport: transport},
		DisableCompression: !o.compressed}}
	over := make(chan struct{})
	t.Cleanup(func() { close(over); listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			shrink(conn)
			if o.tls {
				conn = tls.Server(conn, config)
			}
			go func() {
				defer conn.Close()
				if openRaw(conn, o.compressed) == nil {
					l.accepted <- conn
					<-over
				}
			}()
		}
	}()
	return l
}

func shrink(conn net.Conn) {
	conn.(*net.TCPConn).SetReadBuffer(controlBuffer)
	conn.(*net.TCPConn).SetWriteBuffer(controlBuffer)
}

// tlsConfigs returns configurations of a server and of a client that trusts it.
func tlsConfigs() (server, client *tls.Config) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return s.TLS, &tls.Config{InsecureSkipVerify: true}
}

// openRaw answers the opening handshake.
func openRaw(conn net.Conn, compressed bool) error {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	extension := ""
	if compressed {
		extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err = fmt.Fprintf(conn,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%sSec-WebSocket-Accept: %s\r\n\r\n",
		extension, base64.StdEncoding.EncodeToString(sum[:]))
	return err
}

// dial opens a connection, and returns the server's end too.
func (l *line) dial(t testing.TB) (*ws.Conn, *wire) {
	t.Helper()
	c, err := ws.Dial(testContext(t), l.url, l.opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, l.accept(t)
}

// accept returns the server's end of the next connection.
func (l *line) accept(t testing.TB) *wire {
	t.Helper()
	conn := await(t, "server's end", l.accepted)
	t.Cleanup(func() { conn.Close() })
	return &wire{t: t, Conn: conn, in: bufio.NewReaderSize(conn, 4096)}
}

// wire is the server's end of a connection.
type wire struct {
	t testing.TB
	net.Conn
	in    *bufio.Reader
	read  int64         // bytes of frames that have been read
	delay time.Duration // how long serve takes to answer a ping
}

// wireFrame is a frame of the client, without the payload of a data frame.
type wireFrame struct {
	first   byte
	length  int64
	payload []byte // of a control frame
}

// frame reads a frame.
func (w *wire) frame() (f wireFrame, err error) {
	var h [14]byte
	if _, err = io.ReadFull(w.in, h[:2]); err != nil {
		return f, err
	}
	f.first, f.length = h[0], int64(h[1]&0x7f)
	size := 2
	switch f.length {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	size += 4 // the masking key
	if _, err = io.ReadFull(w.in, h[2:size]); err != nil {
		return f, err
	}
	switch f.length {
	case 126:
		f.length = int64(binary.BigEndian.Uint16(h[2:]))
	case 127:
		f.length = int64(binary.BigEndian.Uint64(h[2:]))
	}
	if f.first&0x8 == 0 {
		_, err = io.CopyN(io.Discard, w.in, f.length)
	} else {
		f.payload = make([]byte, f.length)
		_, err = io.ReadFull(w.in, f.payload)
		for i := range f.payload {
			f.payload[i] ^= h[size-4+i%4]
		}
	}
	w.read += int64(size) + f.length
	return f, err
}

// next is frame of a frame that must come.
func (w *wire) next() wireFrame {
	w.t.Helper()
	w.SetReadDeadline(time.Now().Add(limit))
	f, err := w.frame()
	if err != nil {
		w.t.Fatalf("the next frame, after %d bytes: %v", w.read, err)
	}
	return f
}

// send writes a short frame.
func (w *wire) send(first byte, payload string) {
	w.t.Helper()
	if _, err := w.Write(append([]byte{first, byte(len(payload))}, payload...)); err != nil {
		w.t.Fatal(err)
	}
}

// noise returns n bytes that cannot be compressed.
func noise(n int) ws.Bytes {
	data := make(ws.Bytes, n+8)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(data[i:], r.Uint64())
	}
	return data[:n]
}

// grain returns n bytes that take long to compress, to about 60 %.
func grain(n int) ws.Bytes {
	data := noise(n)
	for i := range data {
		data[i] = "0123456789abcdefghij"[data[i]%20]
	}
	return data
}

// TestControlPongDuringUpload: whatever the size of the messages that wait to be sent, little of them leaves before the
// pong.
func TestControlPongDuringUpload(t *testing.T) {
	for _, o := range []lineOptions{{false, false}, {false, true}, {true, false}, {true, true}} {
		for _, size := range []int{16, 5000, 16 << 10, 100 << 10, 1 << 20, 48 << 20} {
			t.Run(fmt.Sprintf("%v/%d", o, size), func(t *testing.T) {
				total := 16 << 20
				if testing.Short() || raceDetector {
					size, total = min(size, 2<<20), 2<<20
				}
				if size == 16 {
					total = 512 << 10
				}
				pongDuringUpload(t, o, size, max(total, size))
			})
		}
	}
}

func pongDuringUpload(t *testing.T, o lineOptions, size, total int) {
	c, server := newLine(t, o).dial(t)
	data := noise(max(size, 1<<20)) // no message is like one before that compression remembers
	if o.compressed {
		data = grain(len(data))
	}
	for i := range total / size {
		at := i * size % (len(data) - size + 1)
		send(t, c, data[at:at+size])
	}
	if n := c.BufferedAmount(); n < int64(total)/4 {
		t.Fatalf("only %d of %d bytes wait to be sent", n, total)
	}
	server.send(fin|ping, "?")
	server.send(fin|text, "after the ping")
	read(t, c)
	for {
		f := server.next()
		if f.first == fin|pong {
			break
		}
		if f.length > 128<<10 {
			t.Fatalf("a frame has %d bytes", f.length)
		}
	}
	t.Logf("the pong came after %d bytes", server.read)
	if server.read > 256<<10+systemHolds {
		t.Errorf("the pong came after %d bytes, with less than %d in the system's buffers", server.read, systemHolds)
	}
}

// relay carries connections to another address, at a rate in bytes a second in the direction to there.
func relay(t testing.TB, to string, rate int) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				return
			}
			shrink(near)
			shrink(far)
			go func() {
				io.Copy(near, far)
				near.(*net.TCPConn).CloseWrite()
			}()
			go func() {
				trickle(far, near, rate)
				far.(*net.TCPConn).CloseWrite()
			}()
		}
	}()
	return l.Addr().String()
}

// trickle copies at a rate in bytes a second.
func trickle(to io.Writer, from io.Reader, rate int) {
	const step = 10 * time.Millisecond
	begin, n := time.Now(), int64(0)
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		<-tick.C
		allowed := int64(time.Since(begin).Seconds()*float64(rate)) - n
		k, err := io.CopyN(to, from, max(1, min(allowed, int64(rate)/20)))
		n += k
		if err != nil {
			return
		}
	}
}

// TestControlPython: a server of the Python package websockets, which ends connections whose pong does not come
// within 3 s, does not end one on which 12 MiB leave by a line of 2 MB/s, in one message or in many.
func TestControlPython(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short leaves out what takes 7 s: 12 MiB by a line of 2 MB/s, twice")
	}
	cmd := exec.CommandContext(t.Context(), pythonWebsockets(t), "testdata/keepalive.py")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the server says: %s", stderr.Bytes())
		}
	})
	lines := make(chan string, 10)
	go func() {
		in := bufio.NewScanner(out)
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	url := "ws://" + relay(t, "127.0.0.1:"+await(t, "port of the server", lines), 2e6)
	const size = 12 << 20
	var both sync.WaitGroup
	for name, upload := range map[string]func(*ws.Conn) error{
		"one message": func(c *ws.Conn) error { return c.Send(noise(size)) },
		"io.Copy": func(c *ws.Conn) error {
			n, err := io.Copy(netconn.New(c), io.LimitReader(bytes.NewReader(noise(size)), size))
			if n != size {
				t.Errorf("io.Copy copied %d bytes", n)
			}
			return err
		},
	} {
		c := dial(t, url, nil)
		both.Go(func() {
			if err := upload(c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			c.CloseWith(1000, "")
			ctx, cancel := context.WithTimeout(t.Context(), 4*limit)
			defer cancel()
			if ev, err := c.Wait(ctx); err != nil || ev != (ws.CloseEvent{Code: 1000, WasClean: true}) {
				t.Errorf("%s: closed with %+v, %v", name, ev, err)
			}
		})
	}
	both.Wait()
	for range 2 {
		if got, want := await(t, "server's report", lines), fmt.Sprint(size, " 1000"); got != want {
			t.Errorf("the server got %q, want %q", got, want)
		}
	}
}

// pythonWebsockets returns a Python that has the package websockets.
func pythonWebsockets(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} { // the system's may be hidden by another
		if exec.Command(python, "-c", "import websockets").Run() == nil {
			return python
		}
	}
	const missing = "no Python with the package websockets (Debian's python3-websockets)"
	if os.Getenv("WS_REQUIRE_BROWSERS") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// serve answers pings and the Close frame as a server does, and returns how many bytes of messages came.
func (w *wire) serve() (n int64) {
	for {
		f, err := w.frame()
		switch {
		case err != nil:
			return n
		case f.first == fin|ping:
			time.Sleep(w.delay) // the test wants a server that answers late
			w.Write(append([]byte{fin | pong, byte(len(f.payload))}, f.payload...))
		case f.first == fin|closeFrame:
			w.Write(append([]byte{fin | closeFrame, byte(len(f.payload))}, f.payload...))
			w.Close()
			return n
		case f.first&0x8 == 0:
			n += f.length
		}
	}
}

// TestControlPingDuringUpload: a connection is not failed while a large message leaves slowly, for several intervals.
func TestControlPingDuringUpload(t *testing.T) {
	t.Parallel()
	const size, rate = 2 << 20, 700e3
	l := newLine(t, lineOptions{})
	address := strings.TrimSuffix(strings.TrimPrefix(l.url, "ws://"), "/")
	l.opts.Native.PingInterval = 500 * time.Millisecond
	c := dial(t, "ws://"+relay(t, address, rate), l.opts)
	server := l.accept(t)
	got := make(chan int64, 1)
	go func() { got <- server.serve() }()
	send(t, c, noise(size))
	if err := c.Drain(testContext(t), 0); err != nil {
		t.Fatal(err)
	}
	c.CloseWith(1000, "")
	if ev := wait(t, c); !ev.WasClean {
		t.Errorf("closed with %+v: %v", ev, c.Err())
	}
	if n := await(t, "message", got); n != size {
		t.Errorf("%d bytes arrived of %d", n, size)
	}
}

// TestControlPingSlowReaders: connections are not failed while the program reads slowly and they stop and begin to
// read, again and again, although a flood arrives; their server answers each ping at once.
func TestControlPingSlowReaders(t *testing.T) {
	t.Parallel()
	connections, lasts := 40, 4*time.Second
	if testing.Short() {
		connections, lasts = 10, 2*time.Second
	}
	message := append([]byte{fin | binaryFrame, 126, 0x10, 0}, make([]byte, 4096)...)
	l := newLine(t, lineOptions{})
	l.opts.ReadBuffer = 1 << 13
	l.opts.Native.PingInterval = 500 * time.Millisecond
	var all sync.WaitGroup
	for range connections {
		c, server := l.dial(t)
		var writing sync.Mutex
		go func() {
			for {
				f, err := server.frame()
				if err != nil {
					return
				}
				if f.first == fin|ping {
					writing.Lock()
					server.Write([]byte{fin | pong, 0})
					writing.Unlock()
				}
			}
		}()
		go func() {
			for {
				writing.Lock()
				_, err := server.Write(message)
				writing.Unlock()
				if err != nil {
					return
				}
			}
		}()
		all.Go(func() {
			pace := time.NewTicker(2 * time.Millisecond)
			defer pace.Stop()
			for begin := time.Now(); time.Since(begin) < lasts; <-pace.C {
				if _, err := c.Read(t.Context()); err != nil {
					t.Errorf("after %v: %v", time.Since(begin), err)
					return
				}
			}
			server.Close()
		})
	}
	all.Wait()
}

// TestControlPongsAfterClose: while what Close has promised to send leaves, each ping is answered.
func TestControlPongsAfterClose(t *testing.T) {
	t.Parallel()
	for _, o := range []lineOptions{{}, {tls: true}, {compressed: true}} {
		t.Run(o.String(), func(t *testing.T) {
			c, server := newLine(t, o).dial(t)
			const size = 16 << 20
			send(t, c, noise(size))
			c.CloseWith(4000, "bye")
			pings := 0
			for server.read < size/2 {
				payload := fmt.Sprint("ping ", pings)
				server.send(fin|ping, payload)
				pings++
				for asked := server.read; ; {
					f := server.next()
					if f.first == fin|pong {
						if string(f.payload) != payload {
							t.Fatalf("the pong to %q says %q", payload, f.payload)
						}
						break
					}
					if f.first == fin|closeFrame {
						t.Fatalf("the Close frame came after %d bytes, and no pong for %q", server.read, payload)
					}
					if server.read-asked > size/2-1<<20 {
						t.Fatalf("no pong came for %q in 7 MiB", payload)
					}
					time.Sleep(3 * time.Millisecond) // or a busy machine would have sent all before it reads
				}
			}
			for server.next().first != fin|closeFrame {
			}
			server.send(fin|closeFrame, closeBody(4000, "bye"))
			server.Close()
			if ev := wait(t, c); ev != (ws.CloseEvent{Code: 4000, Reason: "bye", WasClean: true}) {
				t.Errorf("closed with %+v", ev)
			}
			t.Logf("%d pings", pings)
			if pings < 5 {
				t.Errorf("only %d pings were answered", pings)
			}
		})
	}
}

// TestControlNothingBehindClose: nothing follows the Close frame, whenever pings arrive, and whatever waits (RFC 6455,
// section 5.5.1).
func TestControlNothingBehindClose(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for _, o := range []lineOptions{{}, {tls: true}} {
		t.Run(o.String(), func(t *testing.T) {
			l := newLine(t, o)
			for round := range rounds {
				size := 2 << 20
				if round%4 == 0 {
					size = 12 << 20
				}
				r := rand.New(rand.NewPCG(uint64(round), 1))
				c, server := l.dial(t)
				stop := make(chan struct{})
				var pinging sync.WaitGroup
				send(t, c, noise(size), noise(5000))
				if round%2 == 0 {
					// A single ping, which the client has got before Close.
					server.send(fin|ping, "?")
					server.send(fin|text, "after the ping")
					read(t, c)
				} else {
					pinging.Go(func() {
						for i := 0; ; i++ {
							server.Write([]byte{fin | ping, 1, byte(i)})
							select {
							case <-stop:
								return
							case <-time.After(time.Duration(r.IntN(2000)) * time.Microsecond): // pings at random moments
							}
						}
					})
				}
				c.CloseWith(1000, "")
				messages := 0
				for {
					f := server.next()
					if f.first == fin|closeFrame {
						break
					}
					if f.first&(fin|0x8) == fin {
						messages++
					}
				}
				if messages != 2 {
					t.Fatalf("round %d: %d messages came before the Close frame", round, messages)
				}
				close(stop)
				pinging.Wait()
				server.Write([]byte{fin | ping, 0, fin | ping, 0})
				server.send(fin|closeFrame, closeBody(1000, ""))
				server.Write([]byte{fin | ping, 0})
				if tcp, ok := server.Conn.(*net.TCPConn); ok {
					tcp.CloseWrite()
				} else {
					server.Conn.(*tls.Conn).CloseWrite()
				}
				if f, err := server.frame(); err == nil {
					t.Fatalf("round %d: a frame %#x follows the Close frame", round, f.first)
				}
				if ev := wait(t, c); !ev.WasClean {
					t.Fatalf("round %d: closed with %+v: %v", round, ev, c.Err())
				}
			}
		})
	}
}

// TestControlCloseDuringSend: Close does not wait for a Send that takes long, and the Close frame follows its message.
func TestControlCloseDuringSend(t *testing.T) {
	t.Parallel()
	// Enough for Send to be at work, compressing, when Close is called: so much also with -short. The race detector makes
	// it slow by itself.
	size := 64 << 20
	if raceDetector {
		size = 8 << 20
	}
	c, server := newLine(t, lineOptions{compressed: true}).dial(t)
	data := grain(size)
	var sent atomic.Int64
	began := time.Now()
	go func() {
		c.Send(data)
		sent.Store(int64(time.Since(began)))
	}()
	for c.BufferedAmount() == 0 {
		if time.Since(began) > limit {
			t.Fatal("Send does not begin")
		}
		time.Sleep(time.Millisecond) // nothing announces that Send has begun; the wait is bounded by what is asked above
	}
	closing := time.Now()
	c.CloseWith(4000, "")
	took := time.Since(closing)
	if sent.Load() != 0 {
		t.Error("Close returned after Send")
	}
	var length int64
	complete := false
	for {
		f := server.next()
		if f.first == fin|closeFrame {
			break
		}
		if complete {
			t.Fatalf("a frame %#x follows the message", f.first)
		}
		length += f.length
		complete = f.first&fin != 0
	}
	if !complete || length < int64(size)/4 {
		t.Errorf("before the Close frame there were %d bytes, complete %v", length, complete)
	}
	server.send(fin|closeFrame, closeBody(4000, ""))
	server.Close()
	wait(t, c)
	t.Logf("Close took %v, Send %v", took, time.Duration(sent.Load()))
	if took > 100*time.Millisecond && took > time.Duration(sent.Load())/4 {
		t.Errorf("Close took %v while Send took %v", took, time.Duration(sent.Load()))
	}
}

// latencies are how long calls took.
type latencies []time.Duration

func (l *latencies) call(f func()) {
	begin := time.Now()
	f()
	*l = append(*l, time.Since(begin))
}

// want checks that calls do not wait. A busy machine may make a few of them slow.
func (l latencies) want(t testing.TB, what string) {
	t.Helper()
	slices.Sort(l)
	median, most, worst := l[len(l)/2], l[len(l)*98/100], l[len(l)-1]
	t.Logf("%s: %d calls, median %v, 98 of 100 %v, worst %v", what, len(l), median, most, worst)
	if median > 10*time.Millisecond || most > 100*time.Millisecond || worst > time.Second {
		t.Errorf("%s takes %v, 98 of 100 take %v, the worst %v", what, median, most, worst)
	}
}

// TestControlLocks: methods answer at once while a large message is being sent.
func TestControlLocks(t *testing.T) {
	size := 100 << 20
	if testing.Short() || raceDetector {
		size = 8 << 20
	}
	for _, o := range []lineOptions{{}, {compressed: true}} {
		t.Run(o.String(), func(t *testing.T) {
			c, server := newLine(t, o).dial(t)
			go io.Copy(io.Discard, server)
			data := grain(size)
			sent := make(chan struct{})
			go func() {
				c.Send(data)
				close(sent)
			}()
			var state, amount, closes latencies
			for sending := true; sending; {
				state.call(func() { c.ReadyState() })
				amount.call(func() { c.BufferedAmount() })
				select {
				case <-sent:
					sending = false
				case <-time.After(time.Millisecond): // not all of the lock's time for this
				}
			}
			closes.call(func() { c.Close() })
			state.want(t, "ReadyState")
			amount.want(t, "BufferedAmount")
			closes.want(t, "Close")
			server.Close()
			wait(t, c)
		})
	}
}

// TestControlLinger: a close that waits in the system (SO_LINGER) makes no method wait.
func TestControlLinger(t *testing.T) {
	t.Parallel()
	const linger = 4
	for name, end := range map[string]func(*ws.Conn, *wire){
		"CloseNow":        func(c *ws.Conn, _ *wire) { c.CloseNow() },
		"broken protocol": func(_ *ws.Conn, server *wire) { server.Write([]byte(reservedFrame)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, lineOptions{})
			client := l.opts.Native.HTTPClient.Transport.(*http.Transport)
			dialContext := client.DialContext
			client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dialContext(ctx, network, addr)
				if err == nil {
					conn.(*net.TCPConn).SetLinger(linger)
				}
				return conn, err
			}
			c, server := l.dial(t)
			send(t, c, noise(8<<20))
			var calls latencies
			calls.call(func() { end(c, server) })
			for begin := time.Now(); time.Since(begin) < limit; {
				var before = c.ReadyState()
				calls.call(func() { c.ReadyState(); c.BufferedAmount(); c.Close(); c.Err(); c.Send(ws.Text("late")) })
				if before == ws.Closed {
					break
				}
				time.Sleep(5 * time.Millisecond) // not all of the lock's time for this
			}
			wantState(t, c, ws.Closed)
			for range 100 {
				calls.call(func() { c.ReadyState(); c.BufferedAmount(); c.Send(ws.Text("late")) })
				time.Sleep(time.Millisecond) // spreads the calls over what may still hold the lock
			}
			calls.want(t, "a method")
		})
	}
}

// TestControlOrder: the messages of each of several goroutines arrive in order and in one piece, whatever their sizes.
func TestControlOrder(t *testing.T) {
	t.Parallel()
	const senders = 6
	each := 300
	if testing.Short() {
		each = 80
	}
	for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionContextTakeover} {
		t.Run(fmt.Sprintf("compression mode %d", mode), func(t *testing.T) {
			t.Parallel()
			failed := make(chan error, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				failed <- receiveInOrder(w, r, mode, senders, each)
			}))
			defer server.Close()
			c := dial(t, wsURL(server), nil)
			pool := noise(300 << 10)
			var all sync.WaitGroup
			for sender := range senders {
				all.Go(func() {
					r := rand.New(rand.NewPCG(uint64(sender), 1))
					for i := range each {
						size := []int{8, 100, 5000, 16<<10 - 1, 16 << 10, 70 << 10, 300 << 10}[r.IntN(7)]
						data := slices.Clone(pool[:size])
						binary.BigEndian.PutUint32(data, uint32(sender))
						binary.BigEndian.PutUint32(data[4:], uint32(i))
						if err := c.Send(data); err != nil {
							t.Errorf("Send: %v", err)
							return
						}
					}
				})
			}
			all.Wait()
			c.Close()
			if err := await(t, "end of the server's", failed); err != nil {
				t.Error(err)
			}
			wait(t, c)
		})
	}
}

func receiveInOrder(w http.ResponseWriter, r *http.Request, mode websocket.CompressionMode, senders, each int) error {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: mode})
	if err != nil {
		return err
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	pool := noise(300 << 10)
	next := make([]int, senders)
	for range senders * each {
		_, data, err := c.Read(context.Background())
		if err != nil {
			return err
		}
		sender, i := binary.BigEndian.Uint32(data), int(binary.BigEndian.Uint32(data[4:]))
		if next[sender] != i {
			return fmt.Errorf("message %d of sender %d came, want %d", i, sender, next[sender])
		}
		next[sender]++
		if !bytes.Equal(data[8:], pool[8:len(data)]) {
			return fmt.Errorf("message %d of sender %d, of %d bytes, is damaged", i, sender, len(data))
		}
	}
	if _, _, err := c.Read(context.Background()); websocket.CloseStatus(err) != websocket.StatusNoStatusRcvd {
		return err
	}
	return nil
}
