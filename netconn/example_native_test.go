//go:build !js

package netconn_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
)

// relay copies between a WebSocket and the TCP server at address, for example an SSH server.
func relay(w http.ResponseWriter, r *http.Request, address string) {
	tcp, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(w, "cannot reach the TCP server", http.StatusBadGateway)
		return
	}
	defer tcp.Close()
	c, err := ws.Accept(w, r, nil)
	if err != nil {
		log.Print(err) // the client has been answered
		return
	}
	stream := netconn.New(c)
	go func() {
		defer tcp.Close() // the client has gone, so the other copy ends too
		_, _ = io.Copy(tcp, stream)
	}()
	_, _ = io.Copy(stream, tcp)
	stream.Close()
}

// A relay accepts WebSockets and connects each to a TCP server, so that programs in a page can reach it.
func ExampleNew() {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tcp.Close()
	go func() {
		conn, err := tcp.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = fmt.Fprintln(conn, "hello from TCP")
	}()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		relay(w, r, tcp.Addr().String())
	}))
	defer server.Close()

	stream, err := netconn.Dial(context.Background(), server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	fmt.Printf("%q %v\n", text, err)
	// Output: "hello from TCP\n" <nil>
}
