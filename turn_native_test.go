//go:build !js

package ws

// Tests of the moments at which the turn to read changes hands: inside of the package, because some of them cannot be met from
// outside, and native, because in a browser nobody takes turns.

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"
)

// patience is how long something may take that takes no time.
const patience = 20 * time.Second

// rawPair returns a connection and the server's end of it, on which the test writes frames.
func rawPair(t testing.TB, opts *Options) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			close(accepted)
			return
		}
		req, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			close(accepted)
			return
		}
		sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
		accepted <- conn
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := Dial(ctx, "ws://"+l.Addr().String(), opts)
	if err != nil {
		t.Fatal(err)
	}
	conn, ok := <-accepted
	if !ok {
		t.Fatal("the server's end failed")
	}
	t.Cleanup(func() {
		conn.Close()
		c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if _, err := c.Wait(ctx); err != nil {
			t.Errorf("the connection does not end: %v", err)
		}
	})
	return c, conn
}

// rawFrame is a frame of a server.
func rawFrame(first byte, payload []byte) []byte {
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 127), uint64(n))
	}
	return append(f, payload...)
}

func mustWrite(t testing.TB, conn net.Conn, data []byte) {
	t.Helper()
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
}

// leftTurn is a connection without a goroutine whose turn nobody has. It is not one to read from, so its timer does not call look.
func leftTurn(t *testing.T) *Conn {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	c := &Conn{state: Open, binaryType: BinaryArrayBuffer, readBuffer: -1}
	c.conn = a
	c.turn.stoppable = true
	c.turn.timer = time.AfterFunc(time.Hour, func() {})
	t.Cleanup(func() { c.turn.timer.Stop() })
	return c
}

// TestReadStopsBesideData: a Read whose context ended while it received something that was no message for it does not go on.
func TestReadStopsBesideData(t *testing.T) {
	for name, err := range map[string]error{"data": nil, "no data": os.ErrDeadlineExceeded} {
		c := leftTurn(t)
		w := &readWaiter{wake: make(chan struct{}, 1)}
		c.mu.Lock()
		c.waits().readers.push(w)
		number := c.takeTurn()
		c.mu.Unlock()
		c.stopReading(number)
		c.mu.Lock()
		if done := c.readFor(w, err); !done || c.turn.taken || c.turn.stopped {
			t.Errorf("%s: done %v, turn %+v", name, done, c.turn)
		}
		if !c.turn.watched {
			t.Errorf("%s: nobody looks whether the turn is taken", name)
		}
		c.mu.Unlock()
	}
}

// TestStopReadingLate: the end of a context that comes when its Read has returned stops no other one.
func TestStopReadingLate(t *testing.T) {
	c := leftTurn(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.takeTurn()
	c.turn.taken = false
	if second := c.takeTurn(); first == 0 || second == 0 || first == second {
		t.Fatalf("the turn was taken with %d and %d", first, second)
	}
	c.mu.Unlock()
	c.stopReading(first)
	c.mu.Lock()
	if c.turn.stopped {
		t.Error("the second Read was stopped")
	}
}

// TestReadStopsAmongData: the same with a server that sends fragments and pings.
func TestReadStopsAmongData(t *testing.T) {
	c, conn := rawPair(t, nil)
	go func() { // takes the pongs
		buf := make([]byte, 1<<16)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	part := append(rawFrame(0x01, make([]byte, 60<<10)), rawFrame(0x89, nil)...) // begins a fragmented message
	more := append(rawFrame(0x00, make([]byte, 60<<10)), rawFrame(0x89, nil)...)
	end := rawFrame(0x80, []byte("."))
	for i := range 500 {
		mustWrite(t, conn, rawFrame(0x81, []byte("first")))
		if _, err := c.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := c.Read(ctx)
			result <- err
		}()
		mustWrite(t, conn, part)
		mustWrite(t, conn, more)
		for range i % 50 {
			runtime.Gosched()
		}
		cancel()
		select {
		case err := <-result:
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("Read returned %v", err)
			}
		case <-time.After(patience):
			t.Fatalf("round %d: the Read goes on %v after its ctx has ended", i, patience)
		}
		mustWrite(t, conn, end)
		if _, err := c.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadsPassNothingOn: the context of one Read ends when a message comes and another Read begins, which must not be given the
// message while it waits for the network.
func TestReadsPassNothingOn(t *testing.T) {
	c, conn := rawPair(t, nil)
	message := rawFrame(0x81, []byte("message"))
	spin := func(n int) {
		for range n {
			runtime.Gosched()
		}
	}
	for i := range 3000 {
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
		select {
		case err := <-second:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(patience):
			t.Fatalf("round %d: Read waits for a message that came %v ago", i, patience)
		}
	}
}

// TestHandlerKeepsTurn: a program with a handler does not come for messages, so the turn is not left to it.
func TestHandlerKeepsTurn(t *testing.T) {
	got := make(chan Message, 1)
	c, conn := rawPair(t, &Options{OnMessage: func(_ *Conn, m Message) { got <- m }})
	in := bufio.NewReader(conn)
	number := func() uint32 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.turn.number
	}
	const n = 50
	before := number()
	for range n {
		mustWrite(t, conn, rawFrame(0x81, []byte("message")))
		<-got
		// After the first ping the turn used to be left, until look came.
		for range 2 {
			mustWrite(t, conn, rawFrame(0x89, nil))
			if _, err := in.Discard(6); err != nil {
				t.Fatal(err)
			}
		}
	}
	if taken := number() - before; taken > n+1 {
		t.Errorf("the turn was taken %d times for %d messages", taken, n)
	}
}

// TestDrainKeepsTurn: while a Drain waits, somebody reads, although the program takes messages by Read.
func TestDrainKeepsTurn(t *testing.T) {
	c := leftTurn(t)
	c.turn.taken = true
	w := &drainWaiter{wake: make(chan struct{}, 1)}
	for _, drains := range [][]*drainWaiter{{w}, nil} {
		c.turn.wanted = true
		c.waits().drains = drains
		left := c.leaveTurnToProgram()
		if want := len(drains) == 0; left != want {
			t.Errorf("with %d Drains the turn was left: %v", len(drains), left)
		}
	}
}

// TestPingTakesTurn: somebody reads when a pong is due.
func TestPingTakesTurn(t *testing.T) {
	c, conn := rawPair(t, &Options{Native: NativeOptions{PingInterval: time.Hour}})
	for left := false; !left; {
		mustWrite(t, conn, rawFrame(0x81, []byte("message")))
		if _, err := c.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		left = !c.turn.taken && c.turn.timer.Stop()
		c.mu.Unlock()
	}
	c.pingDue()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.turn.taken {
		t.Error("nobody reads")
	}
}
