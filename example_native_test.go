//go:build !js

package ws_test

import (
	"context"
	"errors"
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
			OnOpen:    func(c *ws.Conn) { c.Send(ws.Text("welcome")) }, // it is in the room now
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
		fmt.Println(c.Read(ctx))
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
	// welcome <nil>
	// welcome <nil>
	// hello <nil>
	// hello <nil>
	// <nil>
	// {StatusGoingAway the server stops true} <nil>
}

// Natively, Dial's error has the response of a server that refuses. In a browser there is none.
func ExampleHandshakeError() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		http.Error(w, "too many clients", http.StatusServiceUnavailable)
	}))
	defer server.Close()
	_, err := ws.Dial(context.Background(), server.URL, nil)
	var refused *ws.HandshakeError
	if !errors.As(err, &refused) {
		fmt.Println(err)
		return
	}
	fmt.Println(refused)
	if refused.StatusCode == http.StatusServiceUnavailable {
		fmt.Println("try again after", http.Header(refused.Header).Get("Retry-After"), "seconds")
	}
	// Output:
	// server answered 503 Service Unavailable instead of 101: "too many clients"
	// try again after 120 seconds
}

// Refuse a bad request before any work is done for it.
func ExampleCheckRequest() {
	opts := &ws.AcceptOptions{Origins: []string{"https://app.example.com"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var refusal *ws.AcceptError
		if err := ws.CheckRequest(r, opts); errors.As(err, &refusal) {
			http.Error(w, "only for pages of app.example.com", refusal.Status)
			return
		}
		fmt.Println("loading the user's data") // takes long
		c, err := ws.Accept(w, r, opts)
		if err != nil {
			log.Print(err) // the client has been answered
			return
		}
		c.CloseWith(ws.StatusNormalClosure, "")
	}))
	defer server.Close()
	ctx := context.Background()
	for _, origin := range []string{"https://example.net", "https://app.example.com"} {
		c, err := ws.Dial(ctx, server.URL, &ws.Options{
			Native: ws.NativeOptions{Header: http.Header{"Origin": {origin}}}, // as a page of the origin sends it
		})
		if refused, ok := errors.AsType[*ws.HandshakeError](err); ok {
			fmt.Printf("%d %s", refused.StatusCode, refused.Body)
			continue
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.CloseNow()
		fmt.Println(c.Wait(ctx))
	}
	// Output:
	// 403 only for pages of app.example.com
	// loading the user's data
	// {StatusNormalClosure  true} <nil>
}
