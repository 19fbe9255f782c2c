//go:build !js

package wstest_test

import (
	"context"
	"fmt"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wstest"
)

// Start a server with a URL, for programs that dial themselves.
func ExampleNewServer() {
	ctx := context.Background()
	server := wstest.NewServer(func(c *ws.Conn) {
		if err := c.Send(ws.Text("hello")); err != nil {
			fmt.Println(err)
		}
		if err := c.Shutdown(ctx, ws.StatusNormalClosure, "that is all"); err != nil {
			fmt.Println(err)
		}
	})
	defer server.Close()

	c, err := ws.Dial(ctx, server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	fmt.Println(c.Read(ctx))
	fmt.Println(c.Wait(ctx))
	// Output:
	// hello <nil>
	// {StatusNormalClosure that is all true} <nil>
}
