// Package migrate has the right side of every row of docs/migrating.md, so that all of them compile.
package migrate

import (
	"context"
	"errors"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
	"github.com/seed2c7e30c3/ws/wsjson"
)

// Client has the rows that are the same on every platform. It is never called; it only has to compile.
func Client(ctx context.Context, url string, buf []byte, v any, done chan<- ws.Message) error {
	c, err := ws.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	opts := &ws.Options{Protocols: []string{"chat.v2"}, MessageLimit: 32 << 10}
	if c, err = ws.New(url, opts); err != nil {
		return err
	}

	m, err := c.Read(ctx)
	if err != nil {
		return err
	}
	done <- m
	data, err := c.ReadBytes(ctx)
	if err != nil {
		return err
	}
	text, err := c.ReadText(ctx)
	if err != nil {
		return err
	}
	buf, err = c.ReadAppend(ctx, buf[:0])
	if err != nil {
		return err
	}
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		done <- m
	}

	err = c.Send(ws.Text(text))
	err = errors.Join(err, c.Send(ws.Bytes(data)), c.Send(ws.Bytes(buf)))
	err = errors.Join(err, c.Drain(ctx, 1<<20))
	err = errors.Join(err, wsjson.Send(c, v))
	err = errors.Join(err, wsjson.ReadInto(ctx, c, v))
	conn := netconn.New(c)
	err = errors.Join(err, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	read, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, readErr := c.Read(read)

	if ws.CloseStatus(err) == ws.StatusNormalClosure {
		return nil
	}
	if closed, ok := errors.AsType[*ws.CloseError](err); ok {
		text = closed.Reason
	}
	text += c.Protocol() + c.Extensions() + c.URL()
	c.SetBinaryType(ws.BinaryBlob)
	if c.ReadyState() == ws.Open && c.BufferedAmount() == 0 {
		err = errors.Join(err, c.Close(), c.CloseWith(4000, text))
	}
	<-c.Done()
	event, waitErr := c.Wait(ctx)
	if !event.WasClean {
		err = errors.Join(err, waitErr, readErr)
	}
	return errors.Join(err, c.Shutdown(ctx, ws.StatusNormalClosure, ""))
}

// Handlers has the rows about events.
func Handlers(
	url string, opened chan<- *ws.Conn, messages chan<- ws.Message, closed chan<- ws.CloseEvent,
) (*ws.Conn, error) {
	return ws.New(url, &ws.Options{
		OnOpen:    func(c *ws.Conn) { opened <- c },
		OnMessage: func(c *ws.Conn, m ws.Message) { messages <- m },
		OnError:   func(c *ws.Conn, err error) { println(err.Error()) },
		OnClose:   func(c *ws.Conn, e ws.CloseEvent) { closed <- e },
	})
}

// Contents has the rows about the kinds of messages.
func Contents(ctx context.Context, m ws.Message) (string, []byte, error) {
	switch m := m.(type) {
	case ws.Text:
		return string(m), nil, nil
	case *ws.ArrayBuffer:
		return "", m.Bytes(), nil
	case *ws.Blob:
		data, err := m.Bytes(ctx)
		return m.Type(), data, err
	}
	return "", nil, errors.New("no message")
}
