//go:build !js

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
	"github.com/seed2c7e30c3/ws/examples/internal/listen"
)

func TestMain(m *testing.M) { harness.Main(m, startServer) }

func TestHosts(t *testing.T) { harness.Hosts(t) }

// startServer starts an SSH server that knows one user and three commands.
func startServer() (harness.Server, error) {
	config := &ssh.ServerConfig{
		PasswordCallback: func(c ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
			if c.User() == user && bytes.Equal(given, []byte(password)) {
				return nil, nil
			}
			return nil, errors.New("wrong password")
		},
	}
	config.AddHostKey(hostKey)
	connections := listen.New(harness.AnyOrigin)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := connections.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serveConn(conn, config) })
		}
	})
	return harness.Serve(connections, func() error {
		err := connections.Close()
		serving.Wait()
		return err
	})
}

// serveConn serves a connection until the client closes it. A client that fails sees why.
func serveConn(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		if c.ChannelType() != "session" {
			c.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go serveSession(channel, requests)
	}
}

// serveSession runs the one command of a session.
func serveSession(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for r := range requests {
		var command struct{ Line string }
		isExec := r.Type == "exec" && ssh.Unmarshal(r.Payload, &command) == nil
		r.Reply(isExec, nil)
		if isExec {
			code := runCommand(channel, command.Line)
			channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
			return
		}
	}
}

func runCommand(channel ssh.Channel, line string) (code uint32) {
	switch line {
	case "whoami":
		fmt.Fprintln(channel, user)
	case "cat":
		if _, err := io.Copy(channel, channel); err != nil {
			return 1
		}
	default:
		fmt.Fprintf(channel.Stderr(), "%s: not found\n", line)
		return 127
	}
	return 0
}
