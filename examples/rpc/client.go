// Command rpc calls a method of a JSON-RPC 2.0 server, with jrpc2: a JSON text is a text message.
//
//	go run ./rpc ws://127.0.0.1:8080 add '[1, 2]'
//
// JSON-RPC over WebSocket has one JSON text in one text message. So there is no stream to make of the messages, and no
// netconn: a jrpc2 channel is a few lines around a ws.Conn.
package main

import (
	"context"
	"io"

	"github.com/creachadair/jrpc2"

	"github.com/seed2c7e30c3/ws"
)

// dial connects to the server at url. opts are those of jrpc2.NewClient, and may be nil.
func dial(ctx context.Context, url string, opts *jrpc2.ClientOptions) (*jrpc2.Client, error) {
	c, err := ws.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	return jrpc2.NewClient(channel{c}, opts), nil
}

// channel is a channel.Channel of jrpc2, for clients and servers.
type channel struct{ conn *ws.Conn }

// sendBuffer is the number of bytes not yet sent above which Send waits.
const sendBuffer = 1 << 20

func (c channel) Send(record []byte) error {
	// Send of a Conn never waits, so a fast program could queue without end.
	if err := c.conn.Drain(context.Background(), sendBuffer); err != nil {
		return err
	}
	return c.conn.Send(ws.Text(record))
}

func (c channel) Recv() ([]byte, error) {
	text, err := c.conn.ReadText(context.Background())
	switch ws.CloseStatus(err) {
	case ws.StatusNormalClosure, ws.StatusGoingAway:
		return nil, io.EOF
	}
	return []byte(text), err
}

// Close says goodbye. Recv returns when the peer has answered.
func (c channel) Close() error { return c.conn.CloseWith(ws.StatusNormalClosure, "") }
