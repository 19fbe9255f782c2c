package wstest_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

// shout is the code under test: the server's half of a protocol.
func shout(ctx context.Context, c *ws.Conn) error {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		text, ok := m.(ws.Text)
		if !ok {
			return c.CloseWith(4000, "text only")
		}
		if err := c.Send(ws.Text(strings.ToUpper(string(text)))); err != nil {
			return err
		}
	}
	return nil
}

// A test of a server's code needs no server, and runs natively and in a browser.
func ExamplePair() {
	client, server, err := wstest.Pair(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()
	go shout(ctx, server)

	if err := client.Send(ws.Text("hello")); err != nil {
		fmt.Println(err)
	}
	fmt.Println(client.Read(ctx))
	if err := client.Send(ws.Bytes{1, 2, 3}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(client.Wait(ctx))
	// Output:
	// HELLO <nil>
	// {StatusCode(4000) text only true} <nil>
}

// If one end calls CloseNow, the other end sees a lost connection.
func ExamplePair_lost() {
	client, server, err := wstest.Pair(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseNow()
	server.CloseNow()
	_, err = client.Read(context.Background())
	fmt.Println(ws.CloseStatus(err))
	// Output: StatusAbnormalClosure
}
