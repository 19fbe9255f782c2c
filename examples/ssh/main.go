package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/ssh"

	"github.com/seed2c7e30c3/ws/examples/internal/program"
)

func main() { program.Main("URL USER HOSTKEY COMMAND", run) }

// run prints what a command on the server prints. HOSTKEY is a line of authorized_keys, SSH_PASSWORD is in the
// environment.
func run(ctx context.Context, out io.Writer, args []string) error {
	url, user, hostKey, command := args[0], args[1], args[2], args[3]
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(hostKey))
	if err != nil {
		return fmt.Errorf("the host key %q: %w", hostKey, err)
	}
	client, err := dial(ctx, url, &ssh.ClientConfig{
		User:            user,
		Auth:            []ssh.AuthMethod{ssh.Password(os.Getenv("SSH_PASSWORD"))},
		HostKeyCallback: ssh.FixedHostKey(key),
	})
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	session.Stdout = out
	return session.Run(command)
}
