//go:build !js

package netconn_test

// Close at the end of a program, and with a peer that reads nothing. Native only: in a browser, the browser decides
// when it sends, and programs do not exit.

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
)

// listen returns a server that opens the first connection and does with it what serve says.
func listen(t testing.TB, serve func(net.Conn, *bufio.Reader)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
			base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
		serve(conn, in)
	}()
	return "ws://" + l.Addr().String()
}

// arrived is what a server got of a client.
type arrived struct {
	bytes  int
	closed bool // by a Close frame
	err    error
}

// receive reads frames up to the Close frame or the end.
func receive(in *bufio.Reader) (a arrived) {
	for {
		var head [2]byte
		if _, a.err = io.ReadFull(in, head[:]); a.err != nil {
			return a
		}
		extended := 0
		switch head[1] & 0x7f {
		case 126:
			extended = 2
		case 127:
			extended = 8
		}
		rest := make([]byte, extended+4)
		if _, a.err = io.ReadFull(in, rest); a.err != nil {
			return a
		}
		length := int(head[1] & 0x7f)
		switch extended {
		case 2:
			length = int(binary.BigEndian.Uint16(rest))
		case 8:
			length = int(binary.BigEndian.Uint64(rest))
		}
		n, err := in.Discard(length)
		if a.err = err; err != nil {
			return a
		}
		if head[0]&0xf == 8 {
			a.closed = true
			return a
		}
		a.bytes += n
	}
}

const childVariable = "WS_TEST_NETCONN_CHILD"

// A program that ends right after Write and Close has lost nothing.
func TestExitAfterClose(t *testing.T) {
	const size = 8 << 20
	if url := os.Getenv(childVariable); url != "" {
		c, err := ws.Dial(t.Context(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		stream := netconn.New(c)
		if n, err := stream.Write(make([]byte, size)); n != size || err != nil {
			t.Fatal(n, err)
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		os.Exit(0)
	}
	t.Parallel()
	runs := 20
	if testing.Short() {
		runs = 3
	}
	for i := range runs {
		got := make(chan arrived, 1)
		url := listen(t, func(_ net.Conn, in *bufio.Reader) { got <- receive(in) })
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestExitAfterClose$")
		child.Env = append(os.Environ(), childVariable+"="+url)
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		a := <-got
		if a.bytes != size || !a.closed {
			t.Errorf("run %d: %d of %d bytes arrived, Close frame %v, %v", i, a.bytes, size, a.closed, a.err)
		}
	}
}

// stuck returns a stream that holds more than a peer takes, which does not read before release is called.
func stuck(t *testing.T, config netconn.Config) (c *ws.Conn, stream net.Conn, release func() arrived) {
	t.Helper()
	read, got := make(chan struct{}), make(chan arrived, 1)
	url := listen(t, func(conn net.Conn, in *bufio.Reader) {
		<-read
		got <- receive(in)
	})
	released := false
	release = func() arrived {
		if !released {
			released = true
			close(read)
			return <-got
		}
		return arrived{}
	}
	t.Cleanup(func() { release() })
	stream, err := config.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.(netconn.Unwrapper).WebSocket().CloseNow() })
	return stream.(netconn.Unwrapper).WebSocket(), stream, release
}

// Close waits until everything is on its way, but only for the time that it is given; what was written leaves all the
// same.
func TestCloseTimeout(t *testing.T) {
	t.Parallel()
	const never = time.Hour
	for _, test := range []struct {
		name             string
		timeout          time.Duration
		deadline         time.Duration // 0: none
		least, less      time.Duration // how long Close takes
		releasedMeantime bool
	}{
		{"CloseTimeout", 200 * time.Millisecond, 0, 200 * time.Millisecond, 20 * time.Second, false},
		{"5 s by default", 0, 0, 5 * time.Second, 25 * time.Second, false},
		{"earlier deadline", never, 200 * time.Millisecond, 100 * time.Millisecond, 20 * time.Second, false},
		{"later deadline", 200 * time.Millisecond, never, 200 * time.Millisecond, 20 * time.Second, false},
		{"deadline in the past", never, -time.Second, 0, 20 * time.Second, false},
		{"no wait", -1, 0, 0, 20 * time.Second, false},
		{"everything taken", never, 0, 0, 20 * time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, stream, release := stuck(t, netconn.Config{WriteBuffer: -1, CloseTimeout: test.timeout})
			const size = 32 << 20
			if n, err := stream.Write(make([]byte, size)); n != size || err != nil {
				t.Fatal(n, err)
			}
			if test.deadline != 0 {
				if err := stream.SetWriteDeadline(time.Now().Add(test.deadline)); err != nil {
					t.Fatal(err)
				}
			}
			got := make(chan arrived, 1)
			if test.releasedMeantime {
				go func() { got <- release() }()
			}
			began := time.Now()
			if err := stream.Close(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took < test.least || took > test.less {
				t.Errorf("Close took %v", took)
			}
			if test.releasedMeantime != (c.BufferedAmount() == 0) {
				t.Errorf("BufferedAmount is %d", c.BufferedAmount())
			}
			if !test.releasedMeantime {
				got <- release()
			}
			if a := <-got; a.bytes != size || !a.closed {
				t.Errorf("%d bytes arrived of %d, Close frame %v, %v", a.bytes, size, a.closed, a.err)
			}
		})
	}
}

// A Write that waits when Close is called ends, and Close leaves nothing half-sent.
func TestCloseDuringWrite(t *testing.T) {
	t.Parallel()
	_, stream, release := stuck(t, netconn.Config{CloseTimeout: time.Hour})
	data := make([]byte, 64<<20)
	if err := stream.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	before, err := stream.Write(data)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Write: %d, %v", before, err)
	}
	if err := stream.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	written := later(stream.Write, data)
	closed := make(chan error, 1)
	go func() { closed <- stream.Close() }()
	r := get(t, written)
	if r.n%messageSize != 0 || !errors.Is(r.err, net.ErrClosed) {
		t.Errorf("Write: %+v, want whole messages and net.ErrClosed", r)
	}
	a := release()
	if want := before + r.n; a.bytes != want || !a.closed {
		t.Errorf("%d bytes arrived, Write said %d; Close frame %v, %v", a.bytes, want, a.closed, a.err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// With nothing queued Close does not wait for the peer, which need not even answer.
func TestCloseOfQuietConnection(t *testing.T) {
	t.Parallel()
	_, stream, release := stuck(t, netconn.Config{CloseTimeout: time.Hour})
	if _, err := fmt.Fprint(stream, "hello"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- stream.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(limit):
		t.Error("Close waits for the peer")
	}
	if a := release(); a.bytes != 5 || !a.closed {
		t.Errorf("arrived: %+v", a)
	}
}
