package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"unsafe"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/seed2c7e30c3/ws"
)

// message is what a client sends. Each contestant takes the form that its API has.
type message struct {
	text string // of a text message
	data []byte // the bytes, also of a text message
}

func (m *message) isText() bool { return m.text != "" }

func binaryMessage(data []byte) *message { return &message{data: data} }

func textMessage(text string) *message { return &message{text: text, data: []byte(text)} }

// received is what a client got, which is then the caller's to keep.
type received struct {
	text string
	data []byte
}

func (r received) len() int { return len(r.text) + len(r.data) }

func (r received) bytes() []byte {
	if r.text != "" {
		return unsafe.Slice(unsafe.StringData(r.text), len(r.text))
	}
	return r.data
}

// client is a connection of a contestant. send does not queue without bound.
type client interface {
	send(*message) error
	// shut ends the connection in whatever way is fastest.
	shut()
}

// puller is a client whose messages are asked for, pusher one that calls a function with each, one at a time. The
// function was given when it dialled; the other one, failed, is called at most once.
type (
	puller interface {
		client
		receive() (received, error)
	}
	pusher interface {
		client
		push()
	}
)

// callbacks are what pushers call.
type callbacks struct {
	message func(received)
	failed  func(error)
}

// contestant is one way for a user to have a WebSocket client.
type contestant struct {
	name     string
	dial     func(url string, deflate bool, to callbacks) (client, error)
	takeover bool // permessage-deflate with context takeover in both directions
	variant  bool // a second way to use a contestant, not one of its own
}

const (
	subject = "ws"
	variant = "ws/OnMessage"
	rival   = "coder"
)

// All use their default buffer sizes.
var contestants = []*contestant{
	{name: subject, dial: dialWS, takeover: true},
	{name: variant, dial: dialWSHandler, takeover: true, variant: true},
	{name: rival, dial: dialCoder, takeover: true},
	{name: "gorilla", dial: dialGorilla},
	{name: "gws", dial: dialGWS, takeover: true},
	{name: "gobwas", dial: dialGobwas},
}

func contestantNamed(name string) (*contestant, error) {
	for _, c := range contestants {
		if c.name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no contestant is called %q", name)
}

// Sending with ws does not block, so the sender waits now and then for what is queued.
const (
	drainEvery = 1 << 20
	drainTo    = 4 << 20
)

type wsClient struct {
	conn  *ws.Conn
	since int // bytes sent after the last Drain
}

func dialWS(url string, deflate bool, _ callbacks) (client, error) {
	conn, err := ws.Dial(context.Background(), url, &ws.Options{
		Native: ws.NativeOptions{DisableCompression: !deflate},
	})
	if err != nil {
		return nil, err
	}
	return &wsPuller{wsClient{conn: conn}}, nil
}

func (c *wsClient) send(m *message) error {
	var err error
	if m.isText() {
		err = c.conn.Send(ws.Text(m.text))
	} else {
		err = c.conn.Send(ws.Bytes(m.data))
	}
	c.since += len(m.data)
	if err != nil || c.since < drainEvery {
		return err
	}
	c.since = 0
	return c.conn.Drain(context.Background(), drainTo)
}

// shut does not wait for the server: what is left of the connection ends by itself.
func (c *wsClient) shut() { c.conn.Close() }

type wsPuller struct{ wsClient }

func (c *wsPuller) receive() (received, error) {
	m, err := c.conn.Read(context.Background())
	if err != nil {
		return received{}, err
	}
	return wsReceived(m), nil
}

func wsReceived(m ws.Message) received {
	switch m := m.(type) {
	case ws.Text:
		return received{text: string(m)}
	case *ws.ArrayBuffer:
		return received{data: m.Bytes()}
	}
	return received{}
}

type wsPusher struct{ wsClient }

func (*wsPusher) push() {}

func dialWSHandler(url string, deflate bool, to callbacks) (client, error) {
	conn, err := ws.Dial(context.Background(), url, &ws.Options{
		OnMessage: func(_ *ws.Conn, m ws.Message) { to.message(wsReceived(m)) },
		OnClose:   func(c *ws.Conn, _ ws.CloseEvent) { to.failed(c.Err()) },
		Native:    ws.NativeOptions{DisableCompression: !deflate},
	})
	if err != nil {
		return nil, err
	}
	return &wsPusher{wsClient{conn: conn}}, nil
}

type coderClient struct{ conn *coder.Conn }

func dialCoder(url string, deflate bool, _ callbacks) (client, error) {
	opts := new(coder.DialOptions)
	if deflate {
		opts.CompressionMode = coder.CompressionContextTakeover
	}
	conn, _, err := coder.Dial(context.Background(), url, opts)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return coderClient{conn}, nil
}

func (c coderClient) send(m *message) error {
	kind := coder.MessageBinary
	if m.isText() {
		kind = coder.MessageText
	}
	return c.conn.Write(context.Background(), kind, m.data)
}

func (c coderClient) receive() (received, error) {
	_, data, err := c.conn.Read(context.Background())
	return received{data: data}, err
}

func (c coderClient) shut() { c.conn.CloseNow() }

type gorillaClient struct{ conn *gorilla.Conn }

func dialGorilla(url string, _ bool, _ callbacks) (client, error) {
	conn, _, err := gorilla.DefaultDialer.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	return gorillaClient{conn}, nil
}

func (c gorillaClient) send(m *message) error {
	kind := gorilla.BinaryMessage
	if m.isText() {
		kind = gorilla.TextMessage
	}
	return c.conn.WriteMessage(kind, m.data)
}

func (c gorillaClient) receive() (received, error) {
	_, data, err := c.conn.ReadMessage()
	return received{data: data}, err
}

func (c gorillaClient) shut() { c.conn.Close() }

type gwsClient struct{ conn *gws.Conn }

// gwsHandler hands messages on. gws takes their memory back after Close, so they are copied to be kept.
type gwsHandler struct {
	gws.BuiltinEventHandler
	to callbacks
}

func (h *gwsHandler) OnMessage(_ *gws.Conn, m *gws.Message) {
	data := append(make([]byte, 0, m.Data.Len()), m.Bytes()...)
	m.Close()
	h.to.message(received{data: data})
}

func (h *gwsHandler) OnClose(_ *gws.Conn, err error) { h.to.failed(err) }

func dialGWS(url string, deflate bool, to callbacks) (client, error) {
	conn, _, err := gws.NewClient(&gwsHandler{to: to}, &gws.ClientOption{
		Addr:                url,
		ReadMaxPayloadSize:  128 << 20,
		WriteMaxPayloadSize: 128 << 20,
		PermessageDeflate: gws.PermessageDeflate{
			Enabled: deflate, ServerContextTakeover: true, ClientContextTakeover: true,
		},
	})
	if err != nil {
		return nil, err
	}
	go conn.ReadLoop()
	return gwsClient{conn}, nil
}

func (c gwsClient) send(m *message) error {
	opcode := gws.OpcodeBinary
	if m.isText() {
		opcode = gws.OpcodeText
	}
	return c.conn.WriteMessage(opcode, m.data)
}

func (gwsClient) push() {}

func (c gwsClient) shut() { c.conn.NetConn().Close() }

type gobwasClient struct {
	conn net.Conn
	io.Reader
	io.Writer
}

func dialGobwas(url string, _ bool, _ callbacks) (client, error) {
	conn, early, _, err := gobwas.Dial(context.Background(), url)
	if err != nil {
		return nil, err
	}
	if early == nil {
		early = bufio.NewReader(conn)
	}
	return &gobwasClient{conn, early, conn}, nil
}

func (c *gobwasClient) send(m *message) error {
	opcode := gobwas.OpBinary
	if m.isText() {
		opcode = gobwas.OpText
	}
	return wsutil.WriteClientMessage(c, opcode, m.data)
}

func (c *gobwasClient) receive() (received, error) {
	data, _, err := wsutil.ReadServerData(c)
	return received{data: data}, err
}

func (c *gobwasClient) shut() { c.conn.Close() }

var errClosed = errors.New("the connection was closed")
