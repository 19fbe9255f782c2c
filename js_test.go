//go:build js && wasm

package ws_test

import (
	"bytes"
	"errors"
	"syscall/js"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

func TestConnJSValue(t *testing.T) {
	t.Parallel()
	c := dial(t, "/echo?protocols=a", &ws.Options{Protocols: []string{"a"}, BinaryType: ws.BinaryBlob})
	v := c.JSValue()
	if !v.InstanceOf(js.Global().Get("WebSocket")) {
		t.Fatal("JSValue is no WebSocket")
	}
	if v.Get("url").String() != c.URL() || v.Get("protocol").String() != c.Protocol() ||
		v.Get("extensions").String() != c.Extensions() ||
		v.Get("readyState").Int() != int(c.ReadyState()) || v.Get("binaryType").String() != string(c.BinaryType()) {
		t.Error("the attributes of JSValue are not those of the Conn")
	}
	// What the documentation calls harmless.
	v.Call("close", 4000, "by JavaScript")
	if ev, want := wait(t, c), (ws.CloseEvent{Code: 4000, Reason: "by JavaScript", WasClean: true}); ev != want {
		t.Errorf("closed with %+v, want %+v", ev, want)
	}
}

func TestBlobOf(t *testing.T) {
	t.Parallel()
	object := js.Global().Get("Blob").New([]any{"0123", "456789"}, map[string]any{"type": "text/plain"})
	b, err := ws.BlobOf(object)
	if err != nil {
		t.Fatal(err)
	}
	if !b.JSValue().Equal(object) || b.Size() != 10 || b.Type() != object.Get("type").String() ||
		string(content(t, b)) != "0123456789" {
		t.Errorf("Size %d, Type %q, %q", b.Size(), b.Type(), content(t, b))
	}
	c := dial(t, "/echo", nil)
	send(t, c, b, b.Slice(2, 5, ""))
	wantBuffer(t, read(t, c), []byte("0123456789"))
	wantBuffer(t, read(t, c), []byte("234"))
	if v := blobOf(t, "a/b", ws.Text("x")).JSValue(); !v.InstanceOf(js.Global().Get("Blob")) || v.Get("size").Int() != 1 ||
		v.Get("type").String() != "a/b" {
		t.Error("JSValue of a new Blob is no Blob of it")
	}
}

func TestArrayBufferOf(t *testing.T) {
	t.Parallel()
	want := pattern(100000)
	object := js.Global().Get("ArrayBuffer").New(len(want))
	js.CopyBytesToJS(js.Global().Get("Uint8Array").New(object), want)
	b, err := ws.ArrayBufferOf(object)
	if err != nil {
		t.Fatal(err)
	}
	if !b.JSValue().Equal(object) || b.Len() != len(want) || !bytes.Equal(b.Bytes(), want) {
		t.Errorf("Len %d", b.Len())
	}
	c := dial(t, "/echo", nil)
	send(t, c, b, b.Slice(2, 5))
	wantBuffer(t, read(t, c), want)
	wantBuffer(t, read(t, c), want[2:5])
	for _, data := range [][]byte{nil, want} {
		v := ws.NewArrayBuffer(data).JSValue()
		if !v.InstanceOf(js.Global().Get("ArrayBuffer")) || v.Get("byteLength").Int() != len(data) {
			t.Errorf("JSValue of a new ArrayBuffer of %d bytes is no ArrayBuffer of them", len(data))
		}
	}
}

func TestOfWrongValue(t *testing.T) {
	t.Parallel()
	object := js.Global().Get("Object")
	for what, v := range map[string]js.Value{
		"undefined":               js.Undefined(),
		"null":                    js.Null(),
		"a number":                js.ValueOf(1),
		"a string":                js.ValueOf("x"),
		"an object":               object.New(),
		"an object without class": object.Call("create", nil),
		"a Uint8Array":            js.Global().Get("Uint8Array").New(1),
		"a function":              object,
	} {
		b, err := ws.BlobOf(v)
		wantException(t, "BlobOf "+what, err, typeError)
		a, err := ws.ArrayBufferOf(v)
		wantException(t, "ArrayBufferOf "+what, err, typeError)
		if a != nil || b != nil {
			t.Errorf("%s became %v, %v", what, a, b)
		}
	}
	_, err := ws.BlobOf(js.Global().Get("ArrayBuffer").New(1))
	wantException(t, "BlobOf an ArrayBuffer", err, typeError)
	_, err = ws.ArrayBufferOf(js.Global().Get("Blob").New())
	wantException(t, "ArrayBufferOf a Blob", err, typeError)
}

// TestUnreadableBlob: a Blob's own method may be missing, as in old hosts, and what makes its promise fail need not
// be an error object.
func TestUnreadableBlob(t *testing.T) {
	t.Parallel()
	object := js.Global().Get("Blob").New([]any{"bytes"})
	b, err := ws.BlobOf(object)
	if err != nil {
		t.Fatal(err)
	}
	object.Set("arrayBuffer", js.Undefined())
	_, err = b.Bytes(testContext(t))
	wantException(t, "Bytes without a method", err, &ws.Exception{Name: "NotSupportedError"})

	promise := js.Global().Get("Promise")
	reject := func(reason any) {
		object.Set("arrayBuffer", promise.Get("reject").Call("bind", promise, reason))
		_, err = b.Bytes(testContext(t))
	}
	reject(js.Global().Get("RangeError").New("too far"))
	wantException(t, "Bytes with an error object", err, &ws.Exception{Name: "RangeError"})
	for text, reason := range map[string]any{
		"ws: the JavaScript host threw reason":      "reason",
		"ws: the JavaScript host threw <number: 1>": 1,
		"ws: the JavaScript host threw <object>":    map[string]any{"name": 1},
	} {
		reject(reason)
		var thrown js.Error
		if !errors.As(err, &thrown) || err.Error() != text {
			t.Errorf("Bytes: %v, want %s", err, text)
		}
	}

	// Without its receiver this one throws.
	object.Set("arrayBuffer", promise.Get("reject"))
	_, err = b.Bytes(testContext(t))
	wantException(t, "Bytes whose method throws", err, typeError)
}

// replace puts another value in the place of a global until the test ends. Such a test does not run in parallel.
func replace(t *testing.T, object js.Value, name string, value any) {
	original := object.Get(name)
	object.Set(name, value)
	t.Cleanup(func() { object.Set(name, original) })
}

// TestNoWebSocket: a host may have none; New says so.
func TestNoWebSocket(t *testing.T) {
	replace(t, js.Global(), "WebSocket", js.Undefined())
	missing := &ws.Exception{Name: "NotSupportedError"}
	c, err := ws.New(serverURL+"/echo", nil)
	wantException(t, "New", err, missing)
	if c != nil {
		t.Error("New returned a connection besides its error")
	}
	c, err = ws.Dial(testContext(t), serverURL+"/echo", nil)
	wantException(t, "Dial", err, missing)
	if c != nil {
		t.Error("Dial returned a connection besides its error")
	}
}

// TestReleased: after the close event every js.Func is released, and every listener removed or used up.
func TestReleased(t *testing.T) {
	class := js.Global().Get("Go")
	if class.Type() != js.TypeFunction {
		t.Skip("the page hides the class Go of wasm_exec.js, which makes the functions")
	}
	for name, ending := range endings {
		t.Run(name, func(t *testing.T) {
			made := recordFuncs(t, class.Get("prototype"))
			ending(t)
			wantNoGoroutines(t, nil)
			awaitTurn(t)
			wantReleased(t, made())
		})
	}
}

// awaitTurn waits until the tasks that are due in the host's event loop have run.
func awaitTurn(t *testing.T) {
	t.Helper()
	turned := make(chan struct{}, 3)
	turn := js.FuncOf(func(js.Value, []js.Value) any {
		turned <- struct{}{}
		return nil
	})
	defer turn.Release()
	js.Global().Call("setTimeout", turn, 0)
	await(t, "timer", turned)
	if js.Global().Get("setImmediate").Type() == js.TypeFunction {
		js.Global().Call("setImmediate", turn)
		await(t, "turn", turned)
	}
	channel := js.Global().Get("MessageChannel").New()
	port := channel.Get("port1")
	port.Set("onmessage", turn)
	channel.Get("port2").Call("postMessage", nil)
	await(t, "message of a MessageChannel", turned)
	port.Call("close")
}

// recordFuncs returns a function that returns the JavaScript functions of all js.Funcs made since.
func recordFuncs(t *testing.T, prototype js.Value) func() js.Value {
	const maker = "_makeFuncWrapper"
	original := prototype.Get(maker)
	made := js.Global().Get("Array").New()
	recorder := js.FuncOf(func(this js.Value, args []js.Value) any {
		f := original.Call("call", this, args[0])
		made.Call("push", f)
		return f
	})
	prototype.Set(maker, recorder)
	return func() js.Value {
		prototype.Set(maker, original)
		recorder.Release()
		return made
	}
}

// wantReleased calls functions: the runtime complains about each that has been released.
func wantReleased(t *testing.T, made js.Value) {
	t.Helper()
	complaints := 0
	console := js.Global().Get("console")
	original := console.Get("error")
	counter := js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) > 0 && args[0].String() == "call to released function" {
			complaints++
		}
		return nil
	})
	defer counter.Release()
	console.Set("error", counter)
	event := js.Global().Get("Event").New("test")
	for i := range made.Length() {
		made.Index(i).Invoke(event)
	}
	console.Set("error", original)
	if complaints != made.Length() {
		t.Errorf("of %d functions %d are not released", made.Length(), made.Length()-complaints)
	}
}

// TestInCallback: what does not wait may be called inside a js.FuncOf.
func TestInCallback(t *testing.T) {
	t.Parallel()
	// inCallback calls f in a function that JavaScript calls.
	inCallback := func(f func()) {
		t.Helper()
		returned := make(chan struct{})
		callback := js.FuncOf(func(js.Value, []js.Value) any {
			f()
			close(returned)
			return nil
		})
		defer callback.Release()
		js.Global().Call("setTimeout", callback, 0)
		await(t, "return of the callback", returned)
	}
	opened, received := make(chan struct{}), make(chan ws.Message, 1)
	var c *ws.Conn
	inCallback(func() {
		var err error
		c, err = ws.New(serverURL+"/echo", &ws.Options{
			OnOpen:    func(*ws.Conn) { close(opened) },
			OnMessage: func(_ *ws.Conn, m ws.Message) { received <- m },
		})
		if err != nil {
			t.Error(err)
		}
	})
	if c == nil {
		return
	}
	await(t, "open event", opened)
	inCallback(func() {
		if err := c.Send(ws.Text("from a callback")); err != nil {
			t.Error(err)
		}
		if n := c.BufferedAmount(); n < 0 || c.ReadyState() != ws.Open {
			t.Errorf("BufferedAmount %d, ReadyState %v", n, c.ReadyState())
		}
	})
	wantText(t, await(t, "message", received), "from a callback")
	inCallback(func() {
		if err := c.CloseWith(4000, "bye"); err != nil {
			t.Error(err)
		}
	})
	if ev, want := wait(t, c), (ws.CloseEvent{Code: 4000, Reason: "bye", WasClean: true}); ev != want {
		t.Errorf("closed with %+v, want %+v", ev, want)
	}
	c = dial(t, "/echo", nil)
	inCallback(func() { c.CloseNow() })
	if ev := wait(t, c); ev != abnormal {
		t.Errorf("closed with %+v after CloseNow", ev)
	}
}
