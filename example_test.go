package ws_test

import (
	"context"
	"fmt"

	"github.com/seed2c7e30c3/ws"
)

// The same program in a browser and on a server.
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

// Messages go to a handler, as in a browser's script.
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

// A program that sends more than the network takes waits between messages.
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
