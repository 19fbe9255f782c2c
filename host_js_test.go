package ws_test

// What happens between Go and the host's object: batches, what the object's methods throw, and Go functions that the
// host calls inside of them.

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall/js"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// dispatch fires message events at a connection's object, all in one call, as hosts do in a flood.
func dispatch(c *ws.Conn, messages ...any) { flood(c, messages...)() }

// flood prepares what dispatch does.
func flood(c *ws.Conn, messages ...any) (fire func()) {
	class := js.Global().Get("MessageEvent")
	events := js.Global().Get("Array").New()
	for _, m := range messages {
		switch v := m.(type) {
		case []byte:
			array := js.Global().Get("Uint8Array").New(len(v))
			js.CopyBytesToJS(array, v)
			m = array.Get("buffer")
		case string:
			array := js.Global().Get("Uint8Array").New(len(v))
			js.CopyBytesToJS(array, []byte(v))
			m = js.Global().Get("TextDecoder").New("utf-8", map[string]any{"ignoreBOM": true}).Call("decode", array)
		}
		events.Call("push", class.New("message", map[string]any{"data": m}))
	}
	dispatchEvent := c.JSValue().Get("dispatchEvent").Call("bind", c.JSValue())
	return func() { events.Call("forEach", dispatchEvent) }
}

func either(first bool, a, b any) any {
	if first {
		return a
	}
	return b
}

// TestBatch: messages that are taken together are the same as one by one.
func TestBatch(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	repeat := func(n int, make func(i int) any) (list []any) {
		for i := range n {
			list = append(list, make(i))
		}
		return list
	}
	for name, messages := range map[string][]any{
		"texts":                   repeat(1500, func(i int) any { return fmt.Sprint("text ", i) }),
		"binaries":                repeat(1500, func(i int) any { return pattern(i % 100) }),
		"alternating":             repeat(1000, func(i int) any { return []any{"text", pattern(i)}[i%2] }),
		"one binary among texts":  repeat(400, func(i int) any { return either(i == 100, pattern(9), "x") }),
		"one text among binaries": repeat(400, func(i int) any { return either(i == 100, "x", pattern(i)) }),
		"separators in texts":     repeat(600, func(i int) any { return []any{"a\x1fb", "c", "\x1e\x1d", "\x1f"}[i%4] }),
		"one separator":           repeat(400, func(i int) any { return either(i == 100, "a\x1fb", "x") }),
		"only separators":         repeat(600, func(i int) any { return strings.Repeat("\x1f", i%3) }),
		"empty texts":             repeat(600, func(int) any { return "" }),
		"empty binaries":          repeat(600, func(int) any { return []byte{} }),
		"byte order marks":        repeat(600, func(i int) any { return "\uFEFF" + fmt.Sprint(i) }),
		"wide characters": repeat(600, func(i int) any {
			return []any{"zażółć gęślą", "plain", "漢字", "😀"}[i%4]
		}),
		"long ones among short ones": repeat(600, func(i int) any {
			if i%200 == 199 {
				return long
			}
			return "short"
		}),
		"long binaries among short ones": repeat(600, func(i int) any {
			if i%200 == 199 {
				return []byte(long)
			}
			return pattern(i)
		}),
		"growing":          repeat(600, func(i int) any { return strings.Repeat("g", 9*i) }),
		"growing binaries": repeat(600, func(i int) any { return pattern(9 * i) }),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, "/echo", nil)
			// Twice, as the second time finds the flood of the first one.
			for range 2 {
				dispatch(c, messages...)
				for i, want := range messages {
					switch want := want.(type) {
					case string:
						wantText(t, read(t, c), want)
					case []byte:
						wantBuffer(t, read(t, c), want)
					default:
						t.Fatalf("message %d is a %T", i, want)
					}
				}
			}
			send(t, c, ws.Text("after"))
			wantText(t, read(t, c), "after")
		})
	}
}

// TestBatchLimit: of a batch what comes before a message that is too big is delivered, and nothing of what comes
// after.
func TestBatchLimit(t *testing.T) {
	for name, message := range map[string]func(n int) any{
		"text":   func(n int) any { return strings.Repeat("x", n) },
		"binary": func(n int) any { return pattern(n) },
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, "/echo", &ws.Options{MessageLimit: 50})
			var messages []any
			for i := range 600 {
				n := 50
				if i == 500 {
					n = 51
				}
				messages = append(messages, message(n))
			}
			dispatch(c, messages...)
			for i := range 500 {
				if m := read(t, c); len(content(t, m)) != 50 {
					t.Fatalf("message %d is %s", i, describe(m))
				}
			}
			if m, err := c.Read(testContext(t)); m != nil || !errors.Is(err, ws.ErrMessageTooBig) {
				t.Errorf("Read returned %s, %v, want %v", describe(m), err, ws.ErrMessageTooBig)
			}
			wantNoGoroutines(t, nil)
		})
	}
}

// TestLimitCostsNothing: a message over MessageLimit takes no memory of Go's.
func TestLimitCostsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out messages of 60 MB")
	}
	for _, binary := range []string{"", "1"} {
		// Below 64 MiB, as Deno refuses what is longer by itself.
		c := dial(t, "/flood?n=1&size=60000000&binary="+binary, &ws.Options{MessageLimit: 1 << 20})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := c.Read(testContext(t))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ws.ErrMessageTooBig) {
			t.Errorf("binary=%q: %v, want %v", binary, err, ws.ErrMessageTooBig)
		}
		if grown := int(after.Sys-before.Sys) >> 20; grown > 16 {
			t.Errorf("binary=%q: Go's memory has grown by %d MiB", binary, grown)
		}
	}
}

// TestLongText: a text that is longer than the host's longest string is refused.
func TestLongText(t *testing.T) {
	longest := map[string]int{"chromium": 1<<29 - 24, "node": 1<<29 - 24, "deno": 1<<29 - 24}[hostName()]
	if longest == 0 || testing.Short() {
		t.Skip("only in hosts whose longest string takes 512 MiB, and not with -short")
	}
	c := dial(t, "/echo", nil)
	text := ws.Text(strings.Repeat("x", longest+1))
	wantException(t, "Send", c.Send(text), &ws.Exception{Name: "RangeError"})
	if n := c.BufferedAmount(); n != 0 {
		t.Errorf("BufferedAmount %d, when nothing was sent", n)
	}
	send(t, c, ws.Text("after"))
	wantText(t, read(t, c), "after")
}

// TestReceivedLongText: a received text that is longer than V8's longest string is a message over the limit.
func TestReceivedLongText(t *testing.T) {
	if hostName() != "chromium" || testing.Short() {
		t.Skip("only in Chromium, whose longest string takes 512 MiB and whose messages may be longer, and not with -short")
	}
	onHost(t, func(t testing.TB) {
		c := dial(t, "/flood?n=1&size=536870900", nil)
		if m, err := c.Read(testContext(t)); !errors.Is(err, ws.ErrMessageTooBig) {
			t.Errorf("Read returned %s, %v, want %v", describe(m), err, ws.ErrMessageTooBig)
		}
	})
}

// asks calls all methods of a Conn that only report something.
func asks(t *testing.T, c *ws.Conn) js.Func {
	f := js.FuncOf(func(js.Value, []js.Value) any {
		c.ReadyState()
		c.BufferedAmount()
		c.Protocol()
		c.Extensions()
		c.Err()
		c.BinaryType()
		c.SetBinaryType(ws.BinaryArrayBuffer)
		return nil
	})
	t.Cleanup(f.Release)
	return f
}

// TestCalledInside: a Go function that the host calls inside of close asks the Conn, and sends, and closes.
func TestCalledInside(t *testing.T) {
	t.Run("listener, while connecting", func(t *testing.T) {
		p := newPeer(t)
		c := construct(t, p.URL, nil)
		for _, event := range []string{"error", "close"} {
			c.JSValue().Call("addEventListener", event, asks(t, c))
		}
		c.Close()
		wantState(t, c, ws.Closing)
		wait(t, c)
	})
	t.Run("close", func(t *testing.T) {
		c := dial(t, "/echo", nil)
		ask := asks(t, c)
		original := c.JSValue().Get("close").Call("bind", c.JSValue())
		patched := js.FuncOf(func(_ js.Value, args []js.Value) any {
			ask.Invoke()
			c.Close()
			if err := c.Send(ws.Text("late")); !errors.Is(err, ws.ErrInvalidState) {
				t.Errorf("Send inside of close: %v", err)
			}
			return original.Invoke(args[0], args[1])
		})
		defer patched.Release()
		c.JSValue().Set("close", patched)
		if err := c.CloseWith(4000, "inside"); err != nil {
			t.Error(err)
		}
		if ev := wait(t, c); ev.Code != 4000 {
			t.Errorf("closed with %+v", ev)
		}
	})
	t.Run("bufferedAmount", func(t *testing.T) {
		prototype := js.Global().Get("WebSocket").Get("prototype")
		object := js.Global().Get("Object")
		original := object.Call("getOwnPropertyDescriptor", prototype, "bufferedAmount")
		var c *ws.Conn
		asked := 0
		patched := js.FuncOf(func(js.Value, []js.Value) any {
			if asked++; c != nil && asked < 20 {
				c.ReadyState()
				c.Protocol()
				send(t, c, ws.Text("inside"))
			}
			return 7
		})
		defer patched.Release()
		object.Call("defineProperty", prototype, "bufferedAmount", map[string]any{"get": patched, "configurable": true})
		defer object.Call("defineProperty", prototype, "bufferedAmount", original)
		handled := make(chan int64, 100)
		c = dial(t, "/echo", &ws.Options{OnMessage: func(c *ws.Conn, _ ws.Message) { handled <- c.BufferedAmount() }})
		send(t, c, ws.Text("outside"))
		// What was sent inside counts as well, in a handler.
		if n := c.BufferedAmount(); n < 7 {
			t.Errorf("BufferedAmount %d, want at least 7", n)
		}
		await(t, "message", handled)
	})
	t.Run("send", func(t *testing.T) {
		prototype := js.Global().Get("WebSocket").Get("prototype")
		original := prototype.Get("send")
		var c *ws.Conn
		depth := 0
		patched := js.FuncOf(func(this js.Value, args []js.Value) any {
			if depth++; depth == 1 {
				asks(t, c).Invoke()
				send(t, c, ws.Text("inner text"), ws.Bytes("inner bytes"))
				c.CloseWith(4001, "inside")
			}
			return original.Call("call", this, args[0])
		})
		defer patched.Release()
		replace(t, prototype, "send", patched)
		c = dial(t, "/count", nil)
		send(t, c, ws.Text("outer"))
		if depth != 3 {
			t.Errorf("the host's send was called %d times, want 3", depth)
		}
		if ev := wait(t, c); ev.Code != 4001 {
			t.Errorf("closed with %+v", ev)
		}
	})
}

// TestCloseThrows: close throws, as undici's does if prototypes are frozen.
func TestCloseThrows(t *testing.T) {
	noSymbol := js.Global().Get("Symbol").Get("prototype").Get("valueOf")
	thrower := noSymbol.Call("bind", 1)
	for name, end := range map[string]func(*ws.Conn) error{
		"Close":     (*ws.Conn).Close,
		"CloseWith": func(c *ws.Conn) error { return c.CloseWith(4000, "") },
		"CloseNow":  (*ws.Conn).CloseNow,
		"Shutdown": func(c *ws.Conn) error {
			var closed *ws.CloseError
			if err := c.Shutdown(testContext(t), 4000, ""); !errors.As(err, &closed) {
				return fmt.Errorf("Shutdown returned %v", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, "/echo", nil)
			original := c.JSValue().Get("close").Call("bind", c.JSValue())
			c.JSValue().Set("close", thrower)
			if err := end(c); err != nil {
				t.Error(err)
			}
			if ev := wait(t, c); ev != abnormal {
				t.Errorf("closed with %+v, want %+v", ev, abnormal)
			}
			wantNoGoroutines(t, nil)
			original.Invoke()
		})
	}
}

// TestCloseNowHearsNothing: after CloseNow no event of the host reaches Go, not even one that is fired inside close.
func TestCloseNowHearsNothing(t *testing.T) {
	var opts ws.Options
	log := record(&opts)
	c := construct(t, "/echo", &opts)
	log.until(t, "open OPEN")
	original := c.JSValue().Get("close").Call("bind", c.JSValue())
	fires := js.FuncOf(func(js.Value, []js.Value) any {
		dispatch(c, "late", []byte("late"))
		for _, name := range []string{"error", "close"} {
			c.JSValue().Call("dispatchEvent", js.Global().Get("Event").New(name))
		}
		return original.Invoke()
	})
	defer fires.Release()
	c.JSValue().Set("close", fires)
	send(t, c, ws.Text("echo that nobody gets"))
	c.CloseNow()
	log.want(t, "open OPEN", `close 1006 "" false CLOSED`)
	dispatch(c, "later")
	awaitTurn(t)
	log.want(t, "open OPEN", `close 1006 "" false CLOSED`)
	if !errors.Is(c.Err(), ws.ErrClosedNow) {
		t.Errorf("Err is %v", c.Err())
	}
}

// TestDialErrorHidesPassword: Dial's error names the URL, without the password and the query.
func TestDialErrorHidesPassword(t *testing.T) {
	host := strings.TrimPrefix(serverURL, "ws://")
	c, err := ws.Dial(testContext(t), "ws://user:secret@"+host+"/status?code=404&ticket=secret", nil)
	if err == nil {
		c.Close()
		t.Fatal("it opened")
	}
	if text := err.Error(); strings.Contains(text, "secret") || !strings.Contains(text, host+"/status?...") {
		t.Errorf("Dial: %v", err)
	}
}
