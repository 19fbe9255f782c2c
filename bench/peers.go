package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"

	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/seed2c7e30c3/ws/bench/internal/coderclient"
	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/wsclient"
)

// contestants are those of the native workloads. All peers use their default buffer sizes.
var contestants = append(wsclient.Contestants(),
	coderclient.Contestant(),
	&load.Contestant{Name: "gorilla", Dial: dialGorilla},
	&load.Contestant{Name: "gws", Dial: dialGWS, Takeover: true},
	&load.Contestant{Name: "gobwas", Dial: dialGobwas},
	&load.Contestant{Name: wire, Dial: dialTCP, Receives: true},
)

func contestantNamed(name string) (*load.Contestant, error) {
	for _, c := range contestants {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no contestant is called %q", name)
}

type gorillaClient struct{ conn *gorilla.Conn }

func dialGorilla(url string, _ bool, _ load.Callbacks) (load.Client, error) {
	conn, _, err := gorilla.DefaultDialer.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	return gorillaClient{conn}, nil
}

func (c gorillaClient) Send(m *load.Message) error {
	kind := gorilla.BinaryMessage
	if m.IsText() {
		kind = gorilla.TextMessage
	}
	return c.conn.WriteMessage(kind, m.Data)
}

func (c gorillaClient) Receive() (load.Received, error) {
	_, data, err := c.conn.ReadMessage()
	return load.Received{Data: data}, err
}

func (c gorillaClient) Shut() { c.conn.Close() }

type gwsClient struct{ conn *gws.Conn }

// gwsHandler passes messages on. gws takes their memory back after Close, so it copies them.
type gwsHandler struct {
	gws.BuiltinEventHandler
	to load.Callbacks
}

func (h *gwsHandler) OnMessage(_ *gws.Conn, m *gws.Message) {
	data := append(make([]byte, 0, m.Data.Len()), m.Bytes()...)
	m.Close()
	h.to.Message(load.Received{Data: data})
}

func (h *gwsHandler) OnClose(_ *gws.Conn, err error) { h.to.Failed(err) }

func dialGWS(url string, deflate bool, to load.Callbacks) (load.Client, error) {
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

func (c gwsClient) Send(m *load.Message) error {
	opcode := gws.OpcodeBinary
	if m.IsText() {
		opcode = gws.OpcodeText
	}
	return c.conn.WriteMessage(opcode, m.Data)
}

func (c gwsClient) Shut() { c.conn.NetConn().Close() }

type gobwasClient struct {
	conn net.Conn
	io.Reader
	io.Writer
}

func dialGobwas(url string, _ bool, _ load.Callbacks) (load.Client, error) {
	conn, early, _, err := gobwas.Dial(context.Background(), url)
	if err != nil {
		return nil, err
	}
	if early == nil {
		early = bufio.NewReader(conn)
	}
	return &gobwasClient{conn, early, conn}, nil
}

func (c *gobwasClient) Send(m *load.Message) error {
	opcode := gobwas.OpBinary
	if m.IsText() {
		opcode = gobwas.OpText
	}
	return wsutil.WriteClientMessage(c, opcode, m.Data)
}

func (c *gobwasClient) Receive() (load.Received, error) {
	data, _, err := wsutil.ReadServerData(c)
	return load.Received{Data: data}, err
}

func (c *gobwasClient) Shut() { c.conn.Close() }
