package wstest

import (
	"errors"
	"strconv"
	"syscall/js"

	"github.com/seed2c7e30c3/ws"
)

// wire is the network between two sockets, and what a host does for each: RFC 6455 without frames. What one has sent
// arrives at the other in the task in which it has been posted.
//
// There is no lock. A wire is changed only in tasks of the event loop, one at a time, and in Pair before the ends are
// open. None of this code calls a Go function through the host.
type wire struct {
	host *host
	ends [2]*end
}

// end is one end of a wire.
type end struct {
	*socket
	wire *wire
	peer *end
	in   incoming
	out  outgoing

	conn     *ws.Conn // whose object the socket is
	limit    int64    // its MessageLimit; negative means none
	tooBig   bool     // a message over the limit has arrived
	state    ws.ReadyState
	received closeFrame
	queue    []*frame // a Blob that is still being read, and what was sent after it
}

// incoming says what an end has received. closeArrived and lose change it.
type incoming uint8

const (
	receiving incoming = iota
	closeReceived
	lost // the connection is no more
)

// outgoing says what an end has sent. startClosing and deliver change it.
type outgoing uint8

const (
	sending outgoing = iota
	closeQueued
	closeSent
)

// frame is a message, or the Close frame.
type frame struct {
	data  js.Value // a string or an ArrayBuffer, undefined while a Blob is read
	close *closeFrame
}

// closeFrame is the content of a Close frame. Code 1005 stands for no code.
type closeFrame struct {
	code   int
	reason string
}

// newWire returns a wire whose ends are Connecting.
func newWire(h *host) *wire {
	w := &wire{host: h}
	for i := range w.ends {
		e := &end{wire: w}
		e.socket = newSocket(h, e.sent, e.closeCalled)
		w.ends[i] = e
	}
	w.ends[0].peer, w.ends[1].peer = w.ends[1], w.ends[0]
	return w
}

// open opens both ends.
func (w *wire) open(protocol string) {
	for _, e := range w.ends {
		e.change(w.host, map[string]any{"protocol": protocol})
		e.setState(ws.Open)
		e.fire(w.host, w.host.event.New("open"))
	}
}

// release ends a wire whose ends have not been opened, or are closed.
func (w *wire) release() {
	for _, e := range w.ends {
		e.socket.release(w.host)
	}
}

func (e *end) setState(s ws.ReadyState) {
	e.state = s
	e.change(e.wire.host, map[string]any{"readyState": int(s)})
}

// sent takes what has been sent.
func (e *end) sent(data js.Value) {
	f, h := &frame{}, e.wire.host
	switch {
	case data.InstanceOf(h.blob):
		e.read(f, data)
	case h.arrayBuffer.Call("isView", data).Bool(): // of a buffer that may be larger
		start, length := data.Get("byteOffset").Int(), data.Get("byteLength").Int()
		f.data = data.Get("buffer").Call("slice", start, start+length)
	case data.InstanceOf(h.arrayBuffer):
		f.data = data
	default:
		f.data = js.Global().Get("String").Invoke(data)
	}
	if e.out == sending {
		e.queue = append(e.queue, f)
		e.deliver()
	}
}

// read reads a Blob. What is sent after it waits, as in a browser.
func (e *end) read(f *frame, blob js.Value) {
	var fulfilled, rejected js.Func
	settled := func() {
		fulfilled.Release()
		rejected.Release()
	}
	fulfilled = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled()
		f.data = args[0]
		e.deliver()
		return nil
	})
	rejected = js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled()
		e.lose()
		e.peer.lose()
		return nil
	})
	blob.Call("arrayBuffer").Call("then", fulfilled, rejected)
}

// closeCalled is called when the Conn has called close. The Conn then tells whether that was CloseNow, or happened
// because a message was too big: its events have been handled by now, unless a handler has not returned. In that case
// only a Conn that has failed because of a message is still Open, and after CloseNow the peer gets a Close frame
// without a code, as in a browser.
func (e *end) closeCalled(code int, reason string) {
	switch err := e.conn.Err(); {
	case e.state == ws.Connecting:
		e.lose()
	case e.state == ws.Closed:
	case errors.Is(err, ws.ErrClosedNow):
		e.lose()
		e.peer.lose()
	case errors.Is(err, ws.ErrMessageTooBig), e.tooBig && e.conn.ReadyState() == ws.Open:
		reason := "message exceeds the limit of " + strconv.FormatInt(e.limit, 10) + " bytes" // as natively
		e.startClosing(closeFrame{int(ws.StatusMessageTooBig), reason})
	default:
		e.startClosing(closeFrame{code, reason})
	}
}

// startClosing sends a Close frame, the first time that it is called.
func (e *end) startClosing(c closeFrame) {
	if e.out != sending {
		return
	}
	e.setState(ws.Closing)
	e.out = closeQueued
	e.queue = append(e.queue, &frame{close: &c})
	e.deliver()
}

// deliver delivers to the peer what has been sent and read.
func (e *end) deliver() {
	for len(e.queue) > 0 && e.in != lost {
		f := e.queue[0]
		switch {
		case f.close != nil:
			e.out = closeSent
			e.peer.closeArrived(f.close)
		case f.data.IsUndefined():
			return
		default:
			e.peer.messageArrived(f)
		}
		e.queue = e.queue[1:]
	}
}

// messageArrived delivers a message, unless the Conn has called close: then it is dropped, as in a browser.
func (e *end) messageArrived(f *frame) {
	if e.state != ws.Open {
		return
	}
	data := f.data
	e.tooBig = e.tooBig || e.limit >= 0 && sizeOf(data) > e.limit
	if data.Type() != js.TypeString && e.object.Get("binaryType").String() == "blob" {
		data = e.wire.host.blob.New([]any{data})
	}
	e.fire(e.wire.host, e.wire.host.messageEvent.New("message", map[string]any{"data": data}))
}

// sizeOf returns the number of bytes of a message.
func sizeOf(data js.Value) int64 {
	if data.Type() == js.TypeString {
		return int64(len(data.String()))
	}
	return int64(data.Get("byteLength").Int())
}

// closeArrived takes the peer's Close frame. Unless it is the answer to the Conn's own, it is answered behind what the
// Conn has sent.
func (e *end) closeArrived(c *closeFrame) {
	e.in, e.received = closeReceived, *c
	if e.out == sending {
		e.setState(ws.Closing)
		if c.code == int(ws.StatusNoStatusRcvd) {
			e.object.Call("close")
		} else {
			e.object.Call("close", c.code, c.reason)
		}
	}
	e.peer.closeIfOver()
	e.closeIfOver()
}

// closeIfOver closes an end that has sent and received a Close frame.
func (e *end) closeIfOver() {
	if e.in == closeReceived && e.out == closeSent && e.state != ws.Closed {
		e.closed(e.received, true)
	}
}

// lose ends the connection without a closing handshake. An attempt to connect has failed then.
func (e *end) lose() {
	if e.state == ws.Closed {
		return
	}
	e.in = lost
	if e.state == ws.Connecting {
		e.setState(ws.Closed)
		e.fire(e.wire.host, e.wire.host.event.New("error"))
	}
	e.closed(closeFrame{code: int(ws.StatusAbnormalClosure)}, false)
}

// closed fires the close event: an Event with the members of a CloseEvent, which not every host has.
func (e *end) closed(c closeFrame, clean bool) {
	e.setState(ws.Closed)
	event := e.wire.host.event.New("close")
	for name, value := range map[string]any{"code": c.code, "reason": c.reason, "wasClean": clean} {
		define(event, name, map[string]any{"value": value})
	}
	e.fire(e.wire.host, event)
	if e.peer.state == ws.Closed {
		e.wire.release()
	}
}
