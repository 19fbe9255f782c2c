// Command ssh runs a command on an SSH server, with golang.org/x/crypto/ssh.
//
//	SSH_PASSWORD=secret go run ./ssh ws://127.0.0.1:8080 me "ssh-ed25519 AAAA..." uptime
//
// SSH has its own encryption and authenticates the server itself, so the WebSocket only carries its stream of bytes. A
// server is reached through a relay that copies between a WebSocket and port 22, or serves a net.Listener such as that
// of internal/listen.
package main

import (
	"context"
	"errors"

	"golang.org/x/crypto/ssh"

	"github.com/seed2c7e30c3/ws/netconn"
)

// dial connects to the SSH server behind url, like ssh.Dial. ctx limits dialling, authentication included.
// config.HostKeyCallback gets url as the host's name.
func dial(ctx context.Context, url string, config *ssh.ClientConfig) (*ssh.Client, error) {
	conn, err := netconn.Dial(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	// NewClientConn takes no context. Closing the connection ends it.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, url, config)
	if err != nil {
		conn.Close()
		return nil, errors.Join(ctx.Err(), err)
	}
	return ssh.NewClient(c, channels, requests), nil
}
