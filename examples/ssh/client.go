// Command ssh runs a command on an SSH server, with golang.org/x/crypto/ssh.
//
//	SSH_PASSWORD=secret go run ./ssh ws://127.0.0.1:8080 me "ssh-ed25519 AAAA..." uptime
//
// SSH brings its own encryption and its own idea of who the server is, so a WebSocket is nothing but its stream of
// bytes. Servers are reached through a relay that copies between a WebSocket and port 22, or serve a net.Listener as
// that of internal/listen.
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
	// NewClientConn knows no context. Closing the connection ends it.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, url, config)
	if err != nil {
		conn.Close()
		return nil, errors.Join(ctx.Err(), err)
	}
	return ssh.NewClient(c, channels, requests), nil
}
