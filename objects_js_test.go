//go:build js && wasm

package ws_test

// JavaScript objects that are not what they seem, and what the host does at awkward moments. Natively there is no such
// thing.

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"syscall/js"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

func noPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: panic: %v", what, r)
		}
	}()
	f()
}

// TestFakeObjects: what only inherits from the prototypes is no Blob and no ArrayBuffer.
func TestFakeObjects(t *testing.T) {
	create := func(class string) js.Value {
		return js.Global().Get("Object").Call("create", js.Global().Get(class).Get("prototype"))
	}
	if b, err := ws.ArrayBufferOf(create("ArrayBuffer")); err == nil {
		noPanic(t, "ArrayBuffer.Len", func() { b.Len() })
		noPanic(t, "ArrayBuffer.Bytes", func() { b.Bytes() })
	}
	if b, err := ws.BlobOf(create("Blob")); err == nil {
		noPanic(t, "Blob.Size", func() { b.Size() })
		noPanic(t, "NewBlob", func() { ws.NewBlob("", b) })
	}
}

// TestDetached: an ArrayBuffer whose object JavaScript code has transferred, to a worker for example, keeps its bytes.
func TestDetached(t *testing.T) {
	c := dial(t, "/echo", nil)
	send(t, c, make(ws.Bytes, 100000))
	b := read(t, c).(*ws.ArrayBuffer)
	transfer := js.Global().Get("Array").New(b.JSValue())
	js.Global().Call("structuredClone", b.JSValue(), map[string]any{"transfer": transfer})
	if b.Len() != 100000 || len(b.Bytes()) != 100000 {
		t.Errorf("%d bytes are left, Len %d", len(b.Bytes()), b.Len())
	}
	noPanic(t, "Slice", func() { b.Slice(0, 1) })
	noPanic(t, "ReadAt", func() { b.ReadAt(make([]byte, 10), 0) })
	noPanic(t, "NewBlob", func() { ws.NewBlob("", b) })
	send(t, c, b)
	if got := read(t, c).(*ws.ArrayBuffer).Len(); got != 100000 {
		t.Errorf("%d bytes were sent", got)
	}
}

// TestReceivedMemory: what was received does not stay in the JavaScript host, whose memory Go's collector does not see.
func TestReceivedMemory(t *testing.T) {
	usage := js.Global().Get("process").Get("memoryUsage")
	if usage.Type() != js.TypeFunction {
		t.Skip("this host does not tell how much memory its ArrayBuffers take (process.memoryUsage)")
	}
	external := func() int { return usage.Invoke().Get("arrayBuffers").Int() >> 20 }
	const n, bound = 1000, 256
	for name, use := range map[string]func(int, ws.Message){
		"forwarded": func(int, ws.Message) {},
		"Bytes":     func(_ int, m ws.Message) { m.(*ws.ArrayBuffer).Bytes() },
		"forwarded, runtime.GC": func(i int, _ ws.Message) {
			if i%32 == 0 {
				runtime.GC()
			}
		}, // shows that nothing else keeps them
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			before, most := external(), 0
			c := dial(t, "/echo", nil)
			var m ws.Message = make(ws.Bytes, 1<<20)
			for i := range n {
				send(t, c, m)
				m = read(t, c)
				use(i, m)
				most = max(most, external()-before)
			}
			t.Logf("%d messages of 1 MiB, one at a time, keep up to %d MiB", n, most)
			if most > bound {
				t.Errorf("%d MiB were kept", most)
			}
		})
	}
}

// TestObserveDrop: ReadyState (or Send) runs while pump has taken messages from the host's queue and has not posted
// them yet, and the host's readyState is already CLOSING. Here the second message's length getter is that moment;
// in real programs it is an allocation in drainIncoming that has to assist the garbage collector and lets another
// goroutine run.
func TestObserveDrop(t *testing.T) {
	c := dial(t, "/echo", nil)
	v := c.JSValue()
	dispatch := func(data any) {
		v.Call("dispatchEvent", js.Global().Get("MessageEvent").New("message", map[string]any{"data": data}))
	}
	// during is a message without bytes; f runs while pump takes it.
	during := func(f func()) js.Value {
		length := js.FuncOf(func(js.Value, []js.Value) any { f(); return 0 })
		t.Cleanup(length.Release)
		return js.Global().Get("Object").Call("defineProperty", js.Global().Get("Object").New(), "length",
			map[string]any{"get": length})
	}
	v.Call("close")          // the host's readyState is CLOSING, as after the peer's Close frame
	dispatch(during(func() { // two messages in one batch
		dispatch("before the Close frame")
		dispatch(during(func() { c.ReadyState() }))
	}))
	for range 2 {
		m, err := c.Read(testContext(t))
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		if m == ws.Message(ws.Text("before the Close frame")) {
			return
		}
	}
	t.Error("the message is lost")
}

// TestFakeArrayBuffer and TestFakeBlob: an object that only inherits from the prototype passes as one.
// What its getters throw ends the whole program: wasm_exec.js catches nothing in valueGet.
func TestFakeArrayBuffer(t *testing.T) {
	v := js.Global().Get("Object").Call("create", js.Global().Get("ArrayBuffer").Get("prototype"))
	if b, err := ws.ArrayBufferOf(v); err == nil {
		t.Log("accepted")
		b.Len()
	}
}

func TestFakeBlob(t *testing.T) {
	v := js.Global().Get("Object").Call("create", js.Global().Get("Blob").Get("prototype"))
	if b, err := ws.BlobOf(v); err == nil {
		t.Log("accepted")
		b.Size()
	}
}

// TestCollectionBetween: an allocation that starts a garbage collection, or has to assist one, lets another
// goroutine run. Neither what one connection sends nor what it receives may get mixed up with another's at such a
// moment.
func TestCollectionBetween(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	const conns, rounds, burst = 6, 40, 10
	errs := make(chan error, 2*conns)
	for i := range conns {
		c := dial(t, "/echo", nil)
		message := func(n int) []byte {
			return bytes.Repeat([]byte{byte(i), byte(n)}, 50+(n*(i+1)*131)%(700*(i+1)))
		}
		turn := make(chan struct{}, 1)
		go func() {
			errs <- func() error {
				for round := range rounds {
					for n := range burst {
						if err := c.Send(ws.Bytes(message(round*burst + n))); err != nil {
							return err
						}
						if n%3 == i%3 {
							runtime.Gosched()
						}
					}
					<-turn
				}
				return nil
			}()
		}()
		go func() {
			errs <- func() error {
				for n := range rounds * burst {
					m, err := c.Read(testContext(t))
					if err != nil {
						return err
					}
					if got, want := content(t, m), message(n); !bytes.Equal(got, want) {
						return fmt.Errorf("message %d of connection %d: %d bytes like % x, want %d like % x", n, i, len(got), got[:4],
							len(want), want[:4])
					}
					if n%burst == burst-1 {
						turn <- struct{}{}
					}
				}
				return nil
			}()
		}()
	}
	for range 2 * conns {
		if err := await(t, "end of a connection", errs); err != nil {
			t.Fatal(err)
		}
	}
}
