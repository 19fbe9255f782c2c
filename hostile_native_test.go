//go:build !js

package ws_test

// Peers that are hostile or merely slow, below the frame level: native only, because browsers have neither
// PingInterval nor ReadBuffer, and write their own control frames.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// rawServer accepts connections, opens them as WebSockets, and gives each to serve.
func rawServer(t testing.TB, serve func(net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
				fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
					"Sec-WebSocket-Accept: %s\r\n\r\n",
					base64.StdEncoding.EncodeToString(sum[:]))
				serve(conn)
			}()
		}
	}()
	return "ws://" + l.Addr().String() + "/"
}

// TestPingFlood: pongs do not keep messages from leaving.
func TestPingFlood(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	url := rawServer(t, func(conn net.Conn) {
		go io.Copy(io.Discard, conn)
		pings := bytes.Repeat([]byte{fin | ping, 4, 'p', 'i', 'n', 'g'}, 10000)
		for {
			if _, err := conn.Write(pings); err != nil {
				return
			}
		}
	})
	c := dial(t, url, nil)
	send(t, c, make(ws.Bytes, size))
	if err := c.Drain(testContext(t), 0); err != nil {
		t.Error(err)
	}
	c.Close()
}

// TestPingSlowReader: the server answers each ping at once; the application reads slowly, so that the connection stops
// reading now and then (ReadBuffer). It is not failed.
func TestPingSlowReader(t *testing.T) {
	t.Parallel()
	url := rawServer(t, func(conn net.Conn) {
		var mu sync.Mutex
		go func() { // answers pings
			r := bufio.NewReader(conn)
			for {
				var h [6]byte
				if _, err := io.ReadFull(r, h[:]); err != nil {
					return
				}
				p := make([]byte, h[1]&0x7f)
				if _, err := io.ReadFull(r, p); err != nil {
					return
				}
				for i := range p {
					p[i] ^= h[2+i%4]
				}
				if h[0] != fin|ping {
					return
				}
				mu.Lock()
				conn.Write(append([]byte{fin | pong, byte(len(p))}, p...))
				mu.Unlock()
			}
		}()
		frame := append([]byte{fin | binaryFrame, 126, 0x10, 0}, make([]byte, 4096)...)
		for {
			mu.Lock()
			_, err := conn.Write(frame)
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	c := dial(t, url, &ws.Options{ReadBuffer: 1 << 16, Native: ws.NativeOptions{PingInterval: time.Second}})
	slow := time.NewTicker(500 * time.Microsecond) // 8 MB/s
	defer slow.Stop()
	for i := range 8000 {
		<-slow.C
		if _, err := c.Read(testContext(t)); err != nil {
			t.Fatalf("Read %d: %v", i, err)
		}
	}
}

// TestMemoryAfterClose: what arrives after Close is dropped, also while a handler runs.
func TestMemoryAfterClose(t *testing.T) {
	const size, n = 1 << 16, 8192 // 512 MiB
	sent := make(chan int, 1)
	url := rawServer(t, func(conn net.Conn) {
		frame := append([]byte{fin | binaryFrame, 127, 0, 0, 0, 0, 0, 1, 0, 0}, make([]byte, size)...)
		i := 0
		for ; i < n; i++ {
			if _, err := conn.Write(frame); err != nil {
				break
			}
		}
		sent <- i
	})
	entered, release := make(chan struct{}, 1), make(chan struct{})
	first := true
	c := dial(t, url, &ws.Options{ReadBuffer: 1 << 20, OnMessage: func(*ws.Conn, ws.Message) {
		if first {
			first = false
			close(entered)
			<-release
		}
	}})
	<-entered
	c.Close()
	got := <-sent
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	close(release)
	t.Logf("the server sent %d MiB after Close, the heap has %d MiB", got*size>>20, m.HeapAlloc>>20)
	if m.HeapAlloc > 64<<20 {
		t.Errorf("the heap has %d MiB of dropped messages", m.HeapAlloc>>20)
	}
	wait(t, c)
}

// TestPingDeadlock: a timer fails the connection for a missing pong while its reader has just read all of a burst. The
// server sends bursts, reads nothing and answers no ping.
func TestPingDeadlock(t *testing.T) {
	burst := bytes.Repeat([]byte{fin | text, 1, 'x'}, 40)
	url := rawServer(t, func(conn net.Conn) {
		pace := time.NewTicker(20 * time.Microsecond)
		defer pace.Stop()
		for range pace.C {
			if _, err := conn.Write(burst); err != nil {
				return
			}
		}
	})
	data := make(ws.Bytes, 8<<20)
	for i := range 200 {
		c, err := ws.Dial(testContext(t), url, &ws.Options{
			ReadBuffer: -1,
			Native:     ws.NativeOptions{PingInterval: 3 * time.Millisecond},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Send(data)
		var wg sync.WaitGroup
		for range 20 { // waking them takes a moment, which makes the window larger
			wg.Go(func() { c.Drain(context.Background(), 0) })
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err = c.Wait(ctx)
		cancel()
		if err == nil {
			state := make(chan struct{})
			go func() { c.ReadyState(); close(state) }()
			select {
			case <-state:
			case <-time.After(20 * time.Second):
				err = context.DeadlineExceeded
			}
		}
		if err != nil {
			buf := make([]byte, 16<<20)
			for s := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
				if strings.Contains(s, "pingDue") || strings.Contains(s, "readLoop") {
					t.Log(s)
				}
			}
			t.Fatalf("connection %d has not answered for 20 s", i)
		}
		wg.Wait()
	}
}

// TestDrainWhileFull: as TestDrainInHandler, while the connection has stopped reading (ReadBuffer), so that only the
// write sees the reset.
func TestDrainWhileFull(t *testing.T) {
	begun := make(chan struct{})
	url := rawServer(t, func(conn net.Conn) {
		frame := append([]byte{fin | binaryFrame, 126, 0x40, 0}, make([]byte, 0x4000)...)
		conn.Write(frame)
		<-begun
		conn.SetWriteDeadline(time.Now().Add(time.Second)) // until the client has stopped reading
		for {
			if _, err := conn.Write(frame); err != nil {
				break
			}
		}
		conn.(*net.TCPConn).SetLinger(0) // reset
	})
	drained, closed := make(chan error, 1), make(chan struct{})
	first := true
	c := construct(t, url, &ws.Options{ReadBuffer: 1 << 20,
		OnMessage: func(c *ws.Conn, m ws.Message) {
			if !first {
				return
			}
			first = false
			for range 64 {
				c.Send(make(ws.Bytes, 1<<20))
			}
			close(begun)
			drained <- c.Drain(t.Context(), 0)
		},
		OnClose: func(*ws.Conn, ws.CloseEvent) { close(closed) },
	})
	t.Log(await(t, "end of Drain", drained))
	await(t, "close event", closed)
	_ = c
}
