package wstest_test

import (
	"errors"
	"slices"
	"syscall/js"
	"testing"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

// What a pair does to the host. This does not exist natively.

// replace puts another value in the place of a global until the test ends. Such a test does not run in parallel.
func replace(t *testing.T, name string, value any) {
	original := js.Global().Get(name)
	js.Global().Set(name, value)
	t.Cleanup(func() { js.Global().Set(name, original) })
}

// TestPairGlobal: the host's class is back when Pair has returned, with and without an error, and is never missed.
func TestPairGlobal(t *testing.T) {
	class := js.Global().Get("WebSocket")
	descriptor := func() string {
		d := js.Global().Get("Reflect").Call("getOwnPropertyDescriptor", js.Global(), "WebSocket")
		return js.Global().Get("JSON").Call("stringify", d).String()
	}
	before := descriptor()
	pair(t, nil)
	if _, _, err := wstest.Pair(&wstest.Options{Client: &ws.Options{Protocols: []string{"a b"}}}); err == nil {
		t.Error("Pair takes a bad subprotocol")
	}
	if after := descriptor(); !js.Global().Get("WebSocket").Equal(class) || after != before {
		t.Errorf("the global WebSocket is %s, was %s", after, before)
	}
	replace(t, "WebSocket", js.Undefined())
	pair(t, nil)
	if !js.Global().Get("WebSocket").IsUndefined() {
		t.Error("a host without WebSocket has got one")
	}
}

// TestPairGlobalFrozen: if the class cannot be replaced, Pair says so.
func TestPairGlobalFrozen(t *testing.T) {
	reflect := js.Global().Get("Reflect")
	original := reflect.Get("defineProperty")
	refuses := js.FuncOf(func(_ js.Value, args []js.Value) any {
		if args[0].Equal(js.Global()) {
			return false
		}
		return original.Invoke(args[0], args[1], args[2])
	})
	defer refuses.Release()
	reflect.Set("defineProperty", refuses)
	defer reflect.Set("defineProperty", original)
	c, s, err := wstest.Pair(nil)
	if c != nil || s != nil || !errors.Is(err, &ws.Exception{Name: "NotSupportedError"}) {
		t.Errorf("Pair: %v, %v, %v", c, s, err)
	}
}

// TestPairMissing: a host that lacks a class is an error.
func TestPairMissing(t *testing.T) {
	for _, name := range []string{"EventTarget", "MessageEvent", "MessageChannel"} {
		t.Run(name, func(t *testing.T) {
			replace(t, name, js.Undefined())
			c, s, err := wstest.Pair(nil)
			if c != nil || s != nil || !errors.Is(err, &ws.Exception{Name: "NotSupportedError"}) {
				t.Errorf("Pair: %v, %v, %v", c, s, err)
			}
		})
	}
}

// TestPairReleased: when both ends are closed the pair has given back what it took of the host, its ports and the
// functions that listen to them. A pair that did not open has too.
func TestPairReleased(t *testing.T) {
	class := js.Global().Get("MessageChannel")
	var ports []js.Value
	recording := js.FuncOf(func(js.Value, []js.Value) any {
		channel := class.New()
		ports = append(ports, channel.Get("port1"))
		return channel
	})
	defer recording.Release()
	for name, end := range map[string]func(client, server *ws.Conn){
		"CloseWith": func(client, _ *ws.Conn) { client.CloseWith(4000, "") },
		"CloseNow":  func(_, server *ws.Conn) { server.CloseNow() },
		"both": func(client, server *ws.Conn) {
			client.Close()
			server.Close()
		},
		"both at once": func(client, server *ws.Conn) {
			client.CloseNow()
			server.CloseNow()
		},
	} {
		t.Run(name, func(t *testing.T) {
			replace(t, "MessageChannel", recording)
			ports = nil
			client, server := pair(t, nil)
			listeners := js.Global().Get("Array").New()
			for _, port := range ports {
				listeners.Call("push", port.Get("onmessage"))
			}
			send(t, client, blobOf(t, ws.Text("read by the host")))
			end(client, server)
			wait(t, client)
			wait(t, server)
			awaitRelease(t, ports)
			if released := callAll(listeners); released != 2 {
				t.Errorf("of %d functions %d are released", listeners.Length(), released)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		replace(t, "MessageChannel", recording)
		for _, opts := range []*wstest.Options{
			{Client: &ws.Options{Protocols: []string{"a"}}},
			{Client: &ws.Options{BinaryType: "text"}},
			{Server: &ws.Options{BinaryType: "text"}},
		} {
			ports = nil
			if _, _, err := wstest.Pair(opts); err == nil {
				t.Error("Pair returns nil")
			}
			awaitRelease(t, ports)
		}
	})
}

// awaitRelease waits until nothing listens to the ports.
func awaitRelease(t *testing.T, ports []js.Value) {
	t.Helper()
	ctx := within(t)
	turn := make(chan struct{}, 1)
	callback := js.FuncOf(func(js.Value, []js.Value) any {
		turn <- struct{}{}
		return nil
	})
	defer callback.Release()
	for slices.ContainsFunc(ports, func(port js.Value) bool { return !port.Get("onmessage").IsNull() }) {
		if ctx.Err() != nil {
			t.Fatal("a port has a listener")
		}
		js.Global().Call("setTimeout", callback, 0)
		<-turn
	}
}

// callAll calls functions, and returns how many have been released: the runtime complains about these.
func callAll(functions js.Value) (released int) {
	console := js.Global().Get("console")
	original := console.Get("error")
	counter := js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) > 0 && args[0].String() == "call to released function" {
			released++
		}
		return nil
	})
	defer counter.Release()
	console.Set("error", counter)
	defer console.Set("error", original)
	for i := range functions.Length() {
		functions.Index(i).Invoke(js.Global().Get("Event").New("test"))
	}
	return released
}

// TestPairJSValue: the object has what JavaScript code uses of a WebSocket.
func TestPairJSValue(t *testing.T) {
	t.Parallel()
	client, server := pair(t, &wstest.Options{
		Client: &ws.Options{Protocols: []string{"a"}}, Server: &ws.Options{Protocols: []string{"a"}},
	})
	v := client.JSValue()
	if v.Get("url").String() != client.URL() || v.Get("protocol").String() != "a" ||
		v.Get("readyState").Int() != int(ws.Open) ||
		v.Get("binaryType").String() != "arraybuffer" || v.Get("extensions").String() != "" {
		t.Error("the attributes of JSValue are not those of the Conn")
	}
	heard := make(chan string, 1)
	listener := js.FuncOf(func(_ js.Value, args []js.Value) any {
		heard <- args[0].Get("data").String()
		return nil
	})
	defer listener.Release()
	v.Call("addEventListener", "message", listener)
	send(t, server, ws.Text("to both"))
	if m := read(t, client); m != ws.Message(ws.Text("to both")) || <-heard != "to both" {
		t.Errorf("received %v", m)
	}
	bytes := js.Global().Get("Uint8Array").Call("of", 1, 2, 3, 4)
	for _, data := range []any{
		"by JavaScript", bytes.Call("subarray", 1, 3), js.Global().Get("DataView").New(bytes.Get("buffer"), 2),
		bytes.Get("buffer"), true,
	} {
		v.Call("send", data)
	}
	v.Call("close", 4000, "by JavaScript")
	for _, want := range []string{"by JavaScript", "\x02\x03", "\x03\x04", "\x01\x02\x03\x04", "true"} {
		if got := content(t, read(t, server)); string(got) != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	want := ws.CloseEvent{Code: 4000, Reason: "by JavaScript", WasClean: true}
	if atClient, atServer := wait(t, client), wait(t, server); atClient != want || atServer != want {
		t.Errorf("closed with %+v and %+v, want %+v", atClient, atServer, want)
	}
}

// TestPairOthers: whoever else constructs a WebSocket meanwhile gets a real one. Here that is a URL class, which New
// uses.
func TestPairOthers(t *testing.T) {
	made := js.Global().Get("Object").New()
	real := js.FuncOf(func(js.Value, []js.Value) any { return made })
	defer real.Release()
	replace(t, "WebSocket", real)
	var got js.Value
	class := js.Global().Get("URL")
	url := js.FuncOf(func(_ js.Value, args []js.Value) any {
		got = js.Global().Get("WebSocket").New("ws://other.invalid/")
		list := make([]any, len(args))
		for i, arg := range args {
			list[i] = arg
		}
		return class.New(list...)
	})
	defer url.Release()
	pair(t, nil) // so that what is looked up once has been
	replace(t, "URL", url)
	pair(t, nil)
	if !got.Equal(made) {
		t.Error("another constructor call got something else than a real object")
	}
}
