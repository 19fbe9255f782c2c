//go:build !js

package ws_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// This server sends every message back. It suits the client of the first example.
func ExampleServe() {
	server := httptest.NewServer(http.HandlerFunc(chat))
	defer server.Close()
	if err := greet(context.Background(), server.URL); err != nil {
		fmt.Println(err)
	}
	// Output: chat.v2: hello
}

func chat(w http.ResponseWriter, r *http.Request) {
	err := ws.Serve(w, r, &ws.AcceptOptions{
		Protocols: []string{"chat.v2", "chat.v1"},
		OnMessage: func(c *ws.Conn, m ws.Message) { c.Send(m) },
	})
	if err != nil {
		log.Print(err) // the client has been answered
	}
}

// Without OnMessage, read the connection in a separate goroutine, so that the handler can return.
func ExampleAccept() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, nil)
		if err != nil {
			log.Print(err)
			return
		}
		go func() {
			defer c.CloseNow()
			for m, err := range c.Messages(context.Background()) {
				if err != nil {
					return // closed
				}
				fmt.Println("the client says:", m)
				c.CloseWith(ws.StatusGoingAway, "that is enough")
			}
		}()
	}))
	defer server.Close()
	ctx := context.Background()
	c, err := ws.Dial(ctx, server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	if err := c.Send(ws.Text("hello")); err != nil {
		fmt.Println(err)
	}
	_, err = c.Read(ctx)
	fmt.Println(err)
	// Output:
	// the client says: hello
	// ws: closed with 1001 "that is enough"
}

// Every client gets what one of them says. At the end the server closes all connections.
func ExampleGroup() {
	var room ws.Group
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := ws.Serve(w, r, &ws.AcceptOptions{
			Group:     &room,
			OnMessage: func(c *ws.Conn, m ws.Message) { room.Send(m) },
		})
		if err != nil {
			log.Print(err)
		}
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var clients []*ws.Conn
	for range 2 {
		c, err := ws.Dial(ctx, server.URL, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.CloseNow()
		clients = append(clients, c)
	}
	if err := clients[0].Send(ws.Text("hello")); err != nil {
		fmt.Println(err)
	}
	for _, c := range clients {
		fmt.Println(c.Read(ctx))
	}
	fmt.Println(room.Shutdown(ctx, 0, "the server stops"))
	fmt.Println(clients[1].Wait(ctx))
	// Output:
	// hello <nil>
	// hello <nil>
	// <nil>
	// {StatusGoingAway the server stops true} <nil>
}
