//go:build !js

package ws_test

// A fault at every byte of a session, in both directions. Native only: it takes some ten thousand connections.

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// faultKind is what happens to the connection.
type faultKind int

const (
	noFault    faultKind = iota
	delayed              // the bytes from there on come a little later
	split                // they come in another segment
	coalesced            // they come together with those that follow
	truncated            // the stream ends
	reset                // the connection is reset
	stalled              // they come when the test lets them, then all goes on
	stalledNow           // the same, but the client calls CloseNow
	faultKinds
)

func (k faultKind) String() string {
	return [...]string{"none", "delay", "split", "coalesce", "truncate", "reset", "stall", "stall, CloseNow"}[k]
}

// harmless tells whether everything must arrive.
func (k faultKind) harmless() bool { return k <= coalesced || k == stalled }

// faultPlace is where it happens: before a byte of one direction.
type faultPlace struct {
	kind faultKind
	down bool // from the server to the client
	at   int
}

func (f faultPlace) String() string {
	direction := "to the server"
	if f.down {
		direction = "to the client"
	}
	return fmt.Sprintf("%v before byte %d %s", f.kind, f.at, direction)
}

// faultProxy is between a client and a server.
type faultProxy struct {
	listener *net.TCPListener
	server   string
	place    faultPlace
	reached  chan struct{} // of a stall
	release  chan struct{}
	passed   [2]int // bytes, by direction; valid when ended is closed
	ended    chan struct{}
}

// run takes one connection.
func (p *faultProxy) run() error {
	client, err := p.listener.AcceptTCP()
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", p.server)
	if err != nil {
		return err
	}
	server := conn.(*net.TCPConn)
	var both sync.WaitGroup
	both.Go(func() { p.pump(server, client, false) })
	both.Go(func() { p.pump(client, server, true) })
	both.Wait()
	client.Close()
	server.Close()
	close(p.ended)
	return nil
}

// pump carries one direction.
func (p *faultProxy) pump(to, from *net.TCPConn, down bool) {
	passed := &p.passed[0]
	if down {
		passed = &p.passed[1]
	}
	pending := p.place.kind != noFault && p.place.down == down
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		data := buf[:n]
		if pending && *passed+n > p.place.at {
			pending = false
			before := p.place.at - *passed
			to.Write(data[:before])
			*passed += before
			data = data[before:]
			if data = p.fault(to, from, data); data == nil {
				return
			}
		}
		*passed += len(data)
		to.Write(data) // who does not take it will not get it
		switch {
		case err == io.EOF:
			to.CloseWrite()
			return
		case err != nil:
			abortBoth(to, from)
			return
		}
	}
}

// fault makes the fault. It returns what is to be carried next; nil ends the direction.
func (p *faultProxy) fault(to, from *net.TCPConn, data []byte) []byte {
	switch p.place.kind {
	case delayed:
		time.Sleep(300 * time.Microsecond) // that is the fault
	case split:
		runtime.Gosched()
	case coalesced:
		more := make([]byte, 64<<10)
		from.SetReadDeadline(time.Now().Add(time.Millisecond)) // the sender may wait for an answer to what is held
		n, _ := io.ReadFull(from, more)
		from.SetReadDeadline(time.Time{})
		return append(slices.Clone(data), more[:n]...)
	case truncated:
		to.CloseWrite()
		io.Copy(io.Discard, from)
		return nil
	case reset:
		abortBoth(to, from)
		return nil
	case stalled, stalledNow:
		close(p.reached)
		<-p.release
	}
	return data
}

func abortBoth(conns ...*net.TCPConn) {
	for _, c := range conns {
		c.SetLinger(0)
		c.Close()
	}
}

// The session. What the client sends: texts[0], large, texts[1], a pong, Close 4000. What the server sends: the
// same messages, the first text compressed and the second in fragments, with a ping, and the answer to Close.
var (
	faultTexts = [2]string{strings.Repeat("compressible ", 40), "the second text, in three fragments: é€😀"}
	faultLarge = pattern(70_000)
	faultClose = ws.CloseEvent{Code: 4000, Reason: "bye", WasClean: true}
)

// faultSays returns what the server sends after its handshake, except the Close frame, and where in it each message
// ends.
func faultSays() (stream []byte, ends []int) {
	var deflated bytes.Buffer
	w, _ := flate.NewWriter(&deflated, flate.BestSpeed)
	io.WriteString(w, faultTexts[0])
	w.Flush()
	stream = appendWireFrame(stream, fin|0x40|text, bytes.TrimSuffix(deflated.Bytes(), []byte("\x00\x00\xff\xff")))
	ends = append(ends, len(stream))
	stream = appendWireFrame(stream, fin|ping, []byte("ping"))
	stream = appendWireFrame(stream, fin|binaryFrame, faultLarge)
	ends = append(ends, len(stream))
	second := []byte(faultTexts[1])
	stream = appendWireFrame(stream, text, second[:10])
	stream = appendWireFrame(stream, continuation, second[10:len(second)-3]) // in the middle of a character
	stream = appendWireFrame(stream, fin|continuation, second[len(second)-3:])
	return stream, append(ends, len(stream))
}

// faultHeard is what the server got.
type faultHeard struct {
	opened   bool
	header   int // the length of its handshake
	messages []string
	pong     bool
	closed   bool
	err      error // damage; the end of the stream is none
}

func faultServe(conn net.Conn, stream []byte) (heard faultHeard) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var response bytes.Buffer
	if upgradeWire(&response, in) != nil {
		return heard
	}
	header := bytes.Replace(response.Bytes(), []byte("\r\n\r\n"),
		[]byte("\r\nSec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; "+
			"server_no_context_takeover\r\n\r\n"), 1)
	heard.opened, heard.header = true, len(header)
	var writing sync.WaitGroup
	writing.Go(func() { conn.Write(append(header, stream...)) })
	defer writing.Wait()
	var message []byte
	deflated := false
	for {
		f, err := readClientFrame(in)
		if err != nil {
			return heard
		}
		switch f.first &^ (fin | 0x40) {
		case pong:
			heard.pong = string(f.payload) == "ping"
			continue
		case closeFrame:
			heard.closed = string(f.payload) == closeBody(4000, "bye")
			if !heard.closed {
				heard.err = fmt.Errorf("the client sent %v", f)
			}
			writing.Wait()
			conn.Write(appendWireFrame(nil, fin|closeFrame, f.payload))
			return heard
		case text, binaryFrame:
			message, deflated = nil, f.first&0x40 != 0
		case continuation:
		default:
			heard.err = fmt.Errorf("the client sent %v", f)
			return heard
		}
		message = append(message, f.payload...)
		if f.first&fin == 0 {
			continue
		}
		if deflated {
			message, err = io.ReadAll(flate.NewReader(bytes.NewReader(append(message,
				"\x00\x00\xff\xff\x01\x00\x00\xff\xff"...))))
			if err != nil {
				heard.err = err
				return heard
			}
		}
		heard.messages = append(heard.messages, string(message))
	}
}

var faultMessages = []string{faultTexts[0], string(faultLarge), faultTexts[1]}

// prefix checks messages that may have been cut.
func prefix(got []string) error {
	if len(got) > len(faultMessages) {
		return fmt.Errorf("%d messages, of %d", len(got), len(faultMessages))
	}
	for i, m := range got {
		if m != faultMessages[i] {
			return fmt.Errorf("message %d is damaged: %d bytes, sent were %d", i, len(m), len(faultMessages[i]))
		}
	}
	return nil
}

// faultBench runs cells one after another.
type faultBench struct {
	listener net.Listener // of the server
	proxy    *net.TCPListener
	tls      *tls.Config // of the server; nil is plain
	client   *http.Client
	stream   []byte
	ends     []int
}

func newFaultBench(t testing.TB, server *tls.Config, client *http.Client) *faultBench {
	t.Helper()
	b := &faultBench{tls: server, client: client}
	b.stream, b.ends = faultSays()
	for _, to := range []*net.Listener{&b.listener, nil} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		if to != nil {
			*to = l
		} else {
			b.proxy = l.(*net.TCPListener)
		}
	}
	return b
}

// cell runs the session with one fault and returns what is wrong, and how much went through the proxy.
func (b *faultBench) cell(place faultPlace) (passed [2]int, header int, err error) {
	p := &faultProxy{
		listener: b.proxy, server: b.listener.Addr().String(), place: place,
		reached: make(chan struct{}), release: make(chan struct{}), ended: make(chan struct{}),
	}
	heard := make(chan faultHeard, 1)
	go func() {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		if b.tls != nil {
			conn = tls.Server(conn, b.tls)
		}
		heard <- faultServe(conn, b.stream)
	}()
	go p.run()
	client := &faultClient{byRead: place.at%2 == 0, closed: make(chan struct{})}
	if err := client.start(b); err != nil {
		return passed, 0, err
	}
	if place.kind == stalled || place.kind == stalledNow {
		select {
		case <-p.reached:
		case <-client.closed: // the client had no need of that byte
		case <-time.After(limit):
			return passed, 0, errors.New("the proxy has not got there")
		}
		if place.kind == stalledNow {
			client.conn.CloseNow()
			select {
			case <-client.closed: // while the bytes are still held
			case <-time.After(limit):
				return passed, 0, fmt.Errorf("no close event after CloseNow, in state %v", client.conn.ReadyState())
			}
		}
	}
	close(p.release)
	select {
	case <-client.closed:
	case <-time.After(limit):
		return passed, 0, fmt.Errorf("no close event, in state %v", client.conn.ReadyState())
	}
	<-p.ended
	said := <-heard
	return p.passed, said.header, client.check(b, place, said)
}

// faultClient is the client's part of the session.
type faultClient struct {
	conn     *ws.Conn
	byRead   bool
	mu       sync.Mutex
	events   []string
	messages []string
	event    ws.CloseEvent
	err      error
	closed   chan struct{} // the close event has come, and Reads have ended
}

func (f *faultClient) note(event string) {
	f.mu.Lock()
	f.events = append(f.events, event)
	f.mu.Unlock()
}

func (f *faultClient) start(b *faultBench) error {
	var users sync.WaitGroup
	users.Add(1)
	opts := &ws.Options{Native: ws.NativeOptions{HTTPClient: b.client}}
	opened := make(chan struct{})
	opts.OnOpen = func(c *ws.Conn) {
		f.note("open")
		for _, m := range []ws.Message{ws.Text(faultTexts[0]), ws.Bytes(faultLarge), ws.Text(faultTexts[1])} {
			if err := c.Send(m); err != nil && c.ReadyState() == ws.Open {
				f.note("Send: " + err.Error())
			}
		}
		close(opened)
	}
	opts.OnError = func(*ws.Conn, error) { f.note("error") }
	opts.OnClose = func(_ *ws.Conn, ev ws.CloseEvent) {
		f.note("close")
		f.event = ev
		users.Done()
	}
	if !f.byRead {
		opts.OnMessage = func(c *ws.Conn, m ws.Message) {
			if f.got(m) {
				f.err = c.CloseWith(4000, "bye")
			}
		}
	}
	scheme := "ws://"
	if b.tls != nil {
		scheme = "wss://"
	}
	c, err := ws.New(scheme+b.proxy.Addr().String()+"/", opts)
	if err != nil {
		return err
	}
	f.conn = c
	if f.byRead {
		users.Go(func() { f.readAll(c, opened) })
	}
	go func() { users.Wait(); close(f.closed) }()
	return nil
}

// got takes a message, and reports whether it was the last.
func (f *faultClient) got(m ws.Message) bool {
	switch m := m.(type) {
	case ws.Text:
		f.messages = append(f.messages, string(m))
	case *ws.ArrayBuffer:
		f.messages = append(f.messages, string(m.Bytes()))
	}
	return len(f.messages) == len(faultMessages)
}

func (f *faultClient) readAll(c *ws.Conn, opened chan struct{}) {
	for m, err := range c.Messages(context.Background()) {
		if err != nil {
			return
		}
		if f.got(m) {
			<-opened // what is sent there comes before the Close frame
			err := c.Shutdown(context.Background(), 4000, "bye")
			if status := ws.CloseStatus(err); err != nil && status == 0 {
				f.err = err
			}
		}
	}
}

// check says what is wrong.
func (f *faultClient) check(b *faultBench, place faultPlace, heard faultHeard) error {
	events := strings.Join(f.events, " ")
	var closed *ws.CloseError
	switch {
	case f.err != nil:
		return f.err
	case heard.err != nil:
		return heard.err
	case events != "open close" && events != "error close":
		return fmt.Errorf("events %q", events)
	case f.event != faultClose && f.event != abnormal:
		return fmt.Errorf("closed with %+v", f.event)
	case !errors.As(f.conn.Err(), &closed) || closed.CloseEvent != f.event || (closed.Err == nil) != f.event.WasClean:
		return fmt.Errorf("Err is %v after %+v", f.conn.Err(), f.event)
	case f.event.WasClean && (!heard.closed || len(f.messages) != len(faultMessages)):
		return fmt.Errorf("closed cleanly with %d messages, and the server heard %+v", len(f.messages), heard.closed)
	case place.kind == stalledNow && events == "open close" && f.event == abnormal && closed.Err != ws.ErrClosedNow:
		return fmt.Errorf("Err is %v after CloseNow", f.conn.Err())
	}
	if err := prefix(f.messages); err != nil {
		return fmt.Errorf("the client got %w", err)
	}
	if err := prefix(heard.messages); err != nil {
		return fmt.Errorf("the server got %w", err)
	}
	if place.kind.harmless() && (f.event != faultClose || !heard.pong || len(heard.messages) != len(faultMessages)) {
		return fmt.Errorf("closed with %+v (%v); %d messages came, the server got %d, pong %t", f.event, f.conn.Err(),
			len(f.messages), len(heard.messages), heard.pong)
	}
	if b.tls != nil || place.kind != truncated || !place.down {
		return nil
	}
	whole := 0
	for _, end := range b.ends {
		if heard.header+end <= place.at {
			whole++
		}
	}
	if len(f.messages) != whole {
		return fmt.Errorf("%d messages came, %d were whole", len(f.messages), whole)
	}
	return nil
}

// faultPlaces are the cells: every step-th byte of the first head and the last tail ones, and some in between.
func faultPlaces(total [2]int, head, tail, step int) (places []faultPlace) {
	for direction, n := range total {
		at := []int{}
		for i := 0; i < n; {
			at = append(at, i)
			switch {
			case i < head || i >= n-tail:
				i += step
			default:
				i = min(i+4099, max(n-tail, i+step))
			}
		}
		for kind := delayed; kind < faultKinds; kind++ {
			for _, i := range at {
				places = append(places, faultPlace{kind, direction == 1, i})
			}
		}
	}
	return places
}

// TestFault runs a session with a fault at each of its bytes, except that inside the large messages there is only a
// selection, and over TLS at each 21st one. Whatever happens, events come in order and once, no message
// is lost, repeated or damaged before the fault, the close event comes, and nothing is left.
func TestFault(t *testing.T) {
	serverTLS, client := faultTLS(t)
	goroutines, descriptors := ownGoroutines(), openDescriptors(t)
	for _, test := range []struct {
		name                  string
		tls                   *tls.Config
		client                *http.Client
		head, tail, step, big int
	}{
		{"plain", nil, nil, 900, 300, 1, 20},
		{"TLS", serverTLS, client, 3000, 600, 21, 120},
	} {
		t.Run(test.name, func(t *testing.T) {
			step := test.step
			switch {
			case raceDetector:
				step = 4 * test.big
			case testing.Short():
				step = test.big
			}
			total, _, err := newFaultBench(t, test.tls, test.client).cell(faultPlace{})
			if err != nil {
				t.Fatalf("without any fault: %v", err)
			}
			places := faultPlaces(total, test.head, test.tail, step)
			runCells(t, places, func() *faultBench { return newFaultBench(t, test.tls, test.client) })
			t.Logf("%d cells: %d bytes to the server, %d to the client", len(places), total[0], total[1])
		})
	}
	if client != nil {
		client.CloseIdleConnections()
	}
	wantNoGoroutines(t, goroutines)
	wantDescriptors(t, descriptors)
}

// runCells runs the cells in several benches at once.
func runCells(t *testing.T, places []faultPlace, bench func() *faultBench) {
	t.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 12 {
		b := bench()
		all.Go(func() {
			for !t.Failed() {
				i := int(next.Add(1)) - 1
				if i >= len(places) {
					return
				}
				if _, _, err := b.cell(places[i]); err != nil {
					t.Errorf("%v: %v", places[i], err)
				}
			}
		})
	}
	all.Wait()
}

// faultTLS makes a server's and a client's side of TLS that are cheap.
func faultTLS(t testing.TB) (*tls.Config, *http.Client) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	server := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return server, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// openDescriptors returns how many descriptors this process has open, -1 where the system does not tell.
func openDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

// wantDescriptors waits until no more descriptors are open than before: that they are closed is no event.
func wantDescriptors(t testing.TB, before int) {
	t.Helper()
	if before < 0 {
		return
	}
	until(t, fmt.Sprintf("return to %d descriptors", before), func() bool { return openDescriptors(t) <= before })
}
