package wstest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall/js"

	"github.com/seed2c7e30c3/ws"
)

// NativeOptions has no fields here.
type NativeOptions struct{}

// Package ws has no special entry point for this, so that no program pays for one. It constructs a WebSocket with the
// global class, which it looks up in each New, because pages replace that class. Pair replaces it too, during two calls
// of New, which do not wait: socketClass stands in for it, and gives the real class to everybody else.

// What 0 means as the MessageLimit of ws.Dial and of ws.Accept.
const (
	clientLimit = 128 << 20
	serverLimit = 1 << 20
)

func pair(client, server *ws.Options, _ NativeOptions) (*ws.Conn, *ws.Conn, error) {
	h, err := newHost()
	if err != nil {
		return nil, nil, err
	}
	w := newWire(h)
	client.MessageLimit = cmp.Or(client.MessageLimit, clientLimit)
	server.MessageLimit = cmp.Or(server.MessageLimit, serverLimit)
	opened := make(chan struct{}, len(w.ends))
	for _, opts := range []*ws.Options{client, server} {
		onOpen := opts.OnOpen
		opts.OnOpen = func(c *ws.Conn) {
			opened <- struct{}{}
			if onOpen != nil {
				onOpen(c)
			}
		}
	}
	c, err := construct(w.ends[0], client)
	if err != nil {
		w.release()
		return nil, nil, err
	}
	protocol, err := agree(client.Protocols, server.Protocols)
	server.Protocols = nil // New would check them, as ws.Accept does not
	var s *ws.Conn
	if err == nil {
		s, err = construct(w.ends[1], server)
	}
	if err != nil {
		w.ends[1].setState(ws.Closed) // it has never belonged to a Conn
		w.ends[0].lose()
		<-c.Done()
		return nil, nil, err
	}
	w.open(protocol)
	for range w.ends {
		<-opened
	}
	return c, s, nil
}

// agree returns the subprotocol that a server selects: the first of those spoken that is offered.
func agree(offered, spoken []string) (string, error) {
	if len(offered) == 0 {
		return "", nil
	}
	if i := slices.IndexFunc(spoken, func(p string) bool { return slices.Contains(offered, p) }); i >= 0 {
		return spoken[i], nil
	}
	return "", &refusedError{offered: offered, spoken: spoken}
}

// refusedError is the error of a pair whose ends have no subprotocol in common.
type refusedError struct{ offered, spoken []string }

func (e *refusedError) Error() string {
	return "wstest: the server's end speaks none of the offered subprotocols " + quoted(e.offered) + ": it speaks " +
		quoted(e.spoken)
}

// Unwrap returns how the client's end was closed.
func (e *refusedError) Unwrap() error {
	return &ws.CloseError{CloseEvent: ws.CloseEvent{Code: ws.StatusAbnormalClosure}}
}

func quoted(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strconv.Quote(name)
	}
	return "[" + strings.Join(list, " ") + "]"
}

// constructing is held while the global class is replaced.
var constructing sync.Mutex

// construct calls New for a Conn whose WebSocket object is that of e.
func construct(e *end, opts *ws.Options) (c *ws.Conn, err error) {
	constructing.Lock()
	defer constructing.Unlock()
	original, existed := ownProperty(js.Global(), "WebSocket")
	class := socketClass(e, js.Global().Get("WebSocket"))
	defer class.Release()
	if !define(js.Global(), "WebSocket", map[string]any{"value": class, "writable": true, "configurable": true}) {
		return nil, unsupported("the global WebSocket cannot be replaced")
	}
	defer func() {
		if existed {
			define(js.Global(), "WebSocket", original)
		} else {
			js.Global().Get("Reflect").Call("deleteProperty", js.Global(), "WebSocket")
		}
	}()
	e.limit = opts.MessageLimit
	e.conn, err = ws.New(pairURL, opts)
	return e.conn, err
}

// socketClass returns a class whose instance, for pairURL, is e's object. Another goroutine that constructs a WebSocket
// meanwhile, because this one has been interrupted, gets a real one.
func socketClass(e *end, original js.Value) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) > 0 && args[0].Type() == js.TypeString && args[0].String() == pairURL {
			return e.object
		}
		list := make([]any, len(args))
		for i, arg := range args {
			list[i] = arg
		}
		return constructed(original, list)
	})
}

// constructed returns a new object of a class, or null if the constructor throws: a Go function cannot throw.
func constructed(class js.Value, args []any) (object js.Value) {
	defer func() {
		if recover() != nil {
			object = js.Null()
		}
	}()
	return class.New(args...)
}

// ownProperty returns the descriptor of a property, and whether the property is the object's own.
func ownProperty(object js.Value, name string) (descriptor js.Value, ok bool) {
	descriptor = js.Global().Get("Reflect").Call("getOwnPropertyDescriptor", object, name)
	return descriptor, descriptor.Type() == js.TypeObject
}
