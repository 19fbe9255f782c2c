// Package wsclient is ws as a contestant, on both platforms.
package wsclient

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/netconn"
)

// Contestants are the ways to receive.
func Contestants() []*load.Contestant {
	return []*load.Contestant{
		{Name: load.Subject, Dial: dial, Takeover: true},
		{Name: load.Variant, Dial: dialHandler, Takeover: true, Variant: true},
		{Name: load.Append, Dial: dialAppend, Takeover: true, Variant: true, Receives: true},
		{Name: load.Stream, Dial: dialStream, Takeover: true, Variant: true, Receives: true},
	}
}

// Sending does not block, so the sender waits now and then until what is queued has left.
const (
	drainEvery = 1 << 20
	drainTo    = 4 << 20
)

type client struct {
	conn  *ws.Conn
	since atomic.Int64 // bytes sent after the last Drain
}

func (c *client) Send(m *load.Message) error {
	var err error
	if m.IsText() {
		err = c.conn.Send(ws.Text(m.Text))
	} else {
		err = c.conn.Send(ws.Bytes(m.Data))
	}
	if since := c.since.Add(int64(len(m.Data))); err != nil || since < drainEvery {
		return err
	}
	c.since.Store(0)
	return c.conn.Drain(context.Background(), drainTo)
}

// Shut does not wait for the server: the rest of the connection ends by itself.
func (c *client) Shut() { c.conn.Close() }

type puller struct{ client }

func dial(url string, deflate bool, _ load.Callbacks) (load.Client, error) {
	conn, err := ws.Dial(context.Background(), url, &ws.Options{Native: native(deflate)})
	if err != nil {
		return nil, err
	}
	return &puller{client{conn: conn}}, nil
}

func (c *puller) Receive() (load.Received, error) {
	m, err := c.conn.Read(context.Background())
	if err != nil {
		return load.Received{}, err
	}
	return received(m), nil
}

// appender receives each message into the memory of the previous one.
type appender struct {
	client
	buffer []byte
}

func dialAppend(url string, deflate bool, _ load.Callbacks) (load.Client, error) {
	conn, err := ws.Dial(context.Background(), url, &ws.Options{Native: native(deflate)})
	if err != nil {
		return nil, err
	}
	return &appender{client: client{conn: conn}}, nil
}

func (c *appender) Receive() (load.Received, error) {
	var err error
	c.buffer, err = c.conn.ReadAppend(context.Background(), c.buffer[:0])
	return load.Received{Data: c.buffer}, err
}

// streamer receives from a net.Conn, in pieces of 64 KiB as from TCP.
type streamer struct {
	client
	stream net.Conn
	pieces load.Pieces
}

func dialStream(target string, deflate bool, _ load.Callbacks) (load.Client, error) {
	size, err := load.SizeOf(target)
	if err != nil {
		return nil, err
	}
	conn, err := ws.Dial(context.Background(), target, &ws.Options{Native: native(deflate)})
	if err != nil {
		return nil, err
	}
	stream := netconn.New(conn)
	return &streamer{client{conn: conn}, stream, load.NewPieces(stream, size, size)}, nil
}

func (c *streamer) Receive() (load.Received, error) { return c.pieces.Receive() }

func received(m ws.Message) load.Received {
	switch m := m.(type) {
	case ws.Text:
		return load.Received{Text: string(m)}
	case *ws.ArrayBuffer:
		return load.Received{Data: m.Bytes()}
	}
	return load.Received{}
}

func dialHandler(url string, deflate bool, to load.Callbacks) (load.Client, error) {
	conn, err := ws.Dial(context.Background(), url, &ws.Options{
		OnMessage: func(_ *ws.Conn, m ws.Message) { to.Message(received(m)) },
		OnClose:   func(c *ws.Conn, _ ws.CloseEvent) { to.Failed(c.Err()) },
		Native:    native(deflate),
	})
	if err != nil {
		return nil, err
	}
	return &client{conn: conn}, nil
}
