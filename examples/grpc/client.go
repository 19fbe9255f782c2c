// Command grpc asks a gRPC server for its health, with grpc-go: HTTP/2 inside a WebSocket.
//
//	go run ./grpc ws://127.0.0.1:8080
//
// This is gRPC itself and not gRPC-Web: the connection of HTTP/2 is a WebSocket, so a browser can stream both ways.
// The server serves a net.Listener that yields WebSockets; internal/listen is one.
package main

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/seed2c7e30c3/ws/netconn"
)

// dial returns a gRPC connection whose transport is a WebSocket to url. Like grpc.NewClient, which has more
// options, it does not connect before the first call, and connects again when the connection is lost.
//
// To gRPC the credentials are insecure, because TLS, with a wss URL, is below the WebSocket. gRPC therefore refuses
// credentials for single calls that require transport security.
func dial(url string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///websocket", append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return netconn.Dial(ctx, url, nil)
		}),
	}, opts...)...)
}
