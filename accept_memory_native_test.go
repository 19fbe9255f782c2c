//go:build !js

package ws_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestAcceptMemory: an idle connection takes little, and one goroutine, also after its handlers have been called and
// after a Read. What a connection takes is measured together with the client's end, a net.Conn, which the test's own
// process has too.
func TestAcceptMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	const n = 400
	for _, c := range []struct {
		name       string
		byRead     bool
		stack, all int64 // bytes a connection
	}{
		// A stack has 2 KiB at least, and 4 KiB when it has grown once. The goroutine that calls Read is the program's.
		{"handlers", false, 3500, 9 << 10},
		{"Read", true, 5500, 11 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			var received atomic.Int64
			opts := &ws.AcceptOptions{}
			if !c.byRead {
				opts.OnMessage = func(c *ws.Conn, m ws.Message) {
					c.Send(m)
					received.Add(1)
				}
			}
			conns := make(chan *ws.Conn, n)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				conn, err := ws.Accept(w, r, opts)
				if err != nil {
					t.Errorf("Accept: %v", err)
				}
				conns <- conn
				if c.byRead {
					go echoMessages(t, conn)
				}
			}))
			t.Cleanup(server.Close)
			goroutines, before := runtime.NumGoroutine(), memoryInUse()
			clients, accepted := make([]*rawClient, n), make([]*ws.Conn, n)
			for i := range clients {
				clients[i] = openClient(t, server)
				clients[i].in = nil
				accepted[i] = await(t, "connection", conns)
			}
			check := func(what string) {
				t.Helper()
				until(t, "one goroutine a connection, "+what, func() bool { return runtime.NumGoroutine() <= goroutines+n })
				var heap, stack int64
				// The goroutine of an idle connection gives way to a fresh one some time after the last message.
				until(t, "little memory a connection, "+what, func() bool {
					after := memoryInUse()
					heap, stack = (after.heap-before.heap)/n, (after.stack-before.stack)/n
					return stack <= c.stack && heap+stack <= c.all
				})
				t.Logf("%s: heap %d, stack %d bytes a connection", what, heap, stack)
			}
			check("idle")
			echo := make([]byte, 2+100)
			for i := range clients {
				clients[i].send(fin|binaryFrame, string(pattern(100)))
				for got := 0; got < len(echo); {
					k, err := clients[i].Read(echo[got:])
					if err != nil {
						t.Fatal(err)
					}
					got += k
				}
			}
			check("after an echo")
			for i := range clients {
				accepted[i].CloseNow()
				clients[i].Close()
			}
		})
	}
}

// inUse is memory in bytes.
type inUse struct{ heap, stack int64 }

// memoryInUse returns what is in use after garbage collections, which also empty pools.
func memoryInUse() inUse {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return inUse{int64(m.HeapAlloc), int64(m.StackInuse)}
}
