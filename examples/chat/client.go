// Command chat joins a chat room, says what it reads and prints what is said; the server uses ws.Accept and ws.Group.
//
//	go run ./chat/server 127.0.0.1:8080
//	go run ./chat ws://127.0.0.1:8080/chat Ann
//
// The client sends plain text and gets JSON, one value a message, which both ends know as room.Message. The server is
// in chat/room.
package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/url"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/examples/chat/room"
	"github.com/seed2c7e30c3/ws/wsjson"
)

// join enters the room at roomURL with a name.
func join(ctx context.Context, roomURL, name string) (*ws.Conn, error) {
	return ws.Dial(ctx, roomURL+"?name="+url.QueryEscape(name), nil)
}

// say sends every line to the room, and leaves after the last one.
func say(c *ws.Conn, lines io.Reader) error {
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		if err := c.Send(ws.Text(scanner.Text())); err != nil {
			return err
		}
	}
	return errors.Join(scanner.Err(), c.CloseWith(ws.StatusNormalClosure, ""))
}

// hear calls heard with what is said in the room, until somebody closes the connection. It then returns nil if the code
// is that of a normal closure, and otherwise the *ws.CloseError.
func hear(ctx context.Context, c *ws.Conn, heard func(room.Message)) error {
	for m, err := range wsjson.Messages[room.Message](ctx, c) {
		if ws.CloseStatus(err) == ws.StatusNormalClosure {
			return nil
		}
		if err != nil {
			return err
		}
		heard(m)
	}
	return nil
}
