package ws_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// This program runs in a browser and natively.
func Example() {
	if err := greet(context.Background(), serverURL+"/echo?protocols=chat.v2"); err != nil {
		fmt.Println(err)
	}
	// Output: chat.v2: hello
}

func greet(ctx context.Context, url string) error {
	c, err := ws.Dial(ctx, url, &ws.Options{Protocols: []string{"chat.v2", "chat.v1"}})
	if err != nil {
		return err
	}
	defer c.CloseNow()
	if err := c.Send(ws.Text("hello")); err != nil {
		return err
	}
	reply, err := c.Read(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %v\n", c.Protocol(), reply)
	return c.Shutdown(ctx, 4000, "thank you")
}

// Messages go to a handler, as in a script for browsers.
func ExampleNew() {
	ended := make(chan struct{})
	_, err := ws.New(serverURL+"/echo", &ws.Options{
		OnOpen: func(c *ws.Conn) {
			if err := c.Send(ws.Bytes{1, 2, 3}); err != nil {
				fmt.Println(err)
			}
			fmt.Println(c.ReadyState(), c.BufferedAmount())
		},
		OnMessage: func(c *ws.Conn, m ws.Message) {
			if data, ok := m.(*ws.ArrayBuffer); ok {
				fmt.Println(data.Bytes())
			}
			c.Close()
		},
		OnClose: func(c *ws.Conn, e ws.CloseEvent) {
			fmt.Println(c.ReadyState(), e.Code, e.WasClean)
			close(ended)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	<-ended
	// Output:
	// OPEN 3
	// [1 2 3]
	// CLOSED StatusNoStatusRcvd true
}

// If a program sends more than the network takes, it should wait between messages.
func ExampleConn_Drain() {
	ctx := context.Background()
	c, err := ws.Dial(ctx, serverURL+"/count", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	block := make(ws.Bytes, 64<<10)
	for range 100 {
		if err := c.Drain(ctx, 1<<20); err != nil {
			fmt.Println(err)
			return
		}
		if err := c.Send(block); err != nil {
			fmt.Println(err)
			return
		}
	}
	err = c.Drain(ctx, 0)
	fmt.Println(c.BufferedAmount(), err)
	fmt.Println(c.Shutdown(ctx, ws.StatusNormalClosure, ""))
	// Output:
	// 0 <nil>
	// <nil>
}

// When Shutdown returns nil, everything that was sent has arrived.
func ExampleConn_Shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := ws.Dial(ctx, serverURL+"/echo", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow() // for the returns before Shutdown
	if err := c.Send(make(ws.Bytes, 1<<20)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Shutdown(ctx, 4000, "that is all"))
	// Output: <nil>
}

// Dial's error has the close code 1006, and natively also the cause.
func ExampleDial() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := ws.Dial(ctx, serverURL+"/status?code=403", nil)
	fmt.Println(ws.CloseStatus(err))
	_, err = ws.Dial(ctx, "ftp://example.com", nil)
	fmt.Println(errors.Is(err, ws.ErrSyntax))
	// Output:
	// StatusAbnormalClosure
	// true
}

// The loop ends with the error that says how the connection was closed.
func ExampleConn_Messages() {
	ctx := context.Background()
	c, err := ws.Dial(ctx, serverURL+"/close?messages=2&code=4000", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	for m, err := range c.Messages(ctx) {
		if err != nil {
			fmt.Println(ws.CloseStatus(err))
			break
		}
		switch m := m.(type) {
		case ws.Text:
			fmt.Println("text:", m)
		case *ws.ArrayBuffer:
			fmt.Println("bytes:", m.Bytes())
		}
	}
	// Output:
	// text: message 0
	// text: message 1
	// StatusCode(4000)
}

// Read all messages into the same memory.
func ExampleConn_ReadAppend() {
	ctx := context.Background()
	c, err := ws.Dial(ctx, serverURL+"/close?messages=2&code=1000", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	buf := make([]byte, 0, 1024)
	for {
		buf, err = c.ReadAppend(ctx, buf[:0])
		if err != nil {
			break
		}
		fmt.Printf("%s\n", buf)
	}
	fmt.Println(ws.CloseStatus(err))
	// Output:
	// message 0
	// message 1
	// StatusNormalClosure
}

// Wait returns the close event, also if nothing is read or if a handler gets the messages.
func ExampleConn_Wait() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := ws.Dial(ctx, serverURL+"/close?messages=2&code=4000&reason=bye", &ws.Options{
		OnMessage: func(_ *ws.Conn, m ws.Message) { fmt.Println(m) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	end, err := c.Wait(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(end.Code, end.Reason, end.WasClean)
	// Output:
	// message 0
	// message 1
	// StatusCode(4000) bye true
}

// Send a Blob that is made of two parts, and receive binary messages as Blobs.
func ExampleNewBlob() {
	ctx := context.Background()
	c, err := ws.Dial(ctx, serverURL+"/echo", &ws.Options{BinaryType: ws.BinaryBlob})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	blob, err := ws.NewBlob("", ws.Text("hello, "), ws.Bytes("world"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(blob)
	if err := c.Send(blob); err != nil {
		fmt.Println(err)
		return
	}
	m, err := c.Read(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	if received, ok := m.(*ws.Blob); ok {
		fmt.Println(received.Text(ctx)) // waits: in a browser, the host keeps the bytes
	}
	// Output:
	// Blob(12 bytes)
	// hello, world <nil>
}
