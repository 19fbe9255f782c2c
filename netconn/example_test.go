package netconn_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
)

// Send a line of text to a server that sends everything back.
func ExampleDial() {
	stream, err := netconn.Dial(context.Background(), exampleServer()+"/echo", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := stream.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := fmt.Fprintln(stream, "hello"); err != nil {
		fmt.Println(err)
		return
	}
	line, err := bufio.NewReader(stream).ReadString('\n')
	fmt.Printf("%q %v\n", line, err)
	fmt.Println(stream.Close())
	// Output:
	// "hello\n" <nil>
	// <nil>
}

// dialler is what a library needs that opens connections itself. The function below suits the DialContext of an
// http.Transport; gRPC's WithContextDialer takes one without the network.
type dialler func(ctx context.Context, network, address string) (net.Conn, error)

// Give a library a dialler. Here the server requires text messages and a subprotocol.
func ExampleConfig_Dial() {
	config := netconn.Config{Text: true}
	options := &ws.Options{Protocols: []string{"mqtt"}}
	var dial dialler = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return config.Dial(ctx, exampleServer()+"/echo?protocols=mqtt", options)
	}
	stream, err := dial(context.Background(), "tcp", "broker:1883")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(stream.(netconn.Unwrapper).WebSocket().Protocol())
	fmt.Println(stream.Close())
	// Output:
	// mqtt
	// <nil>
}
