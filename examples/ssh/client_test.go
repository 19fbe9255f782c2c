package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

const (
	user     = "me"
	password = "secret"
)

// hostKey is the server's key. A published key protects nothing, which is fine in a test.
var hostKey = func() ssh.Signer {
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	return signer
}()

func dialled(t *testing.T) *ssh.Client {
	t.Helper()
	client, err := dial(harness.Context(t), harness.URL(t), config(password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func config(password string) *ssh.ClientConfig {
	return &ssh.ClientConfig{
		User:            user,
		Auth:            []ssh.AuthMethod{ssh.Password(password)},
		HostKeyCallback: ssh.FixedHostKey(hostKey.PublicKey()),
	}
}

func TestRun(t *testing.T) {
	t.Setenv("SSH_PASSWORD", password)
	key := string(ssh.MarshalAuthorizedKey(hostKey.PublicKey()))
	var out strings.Builder
	if err := run(harness.Context(t), &out, []string{harness.URL(t), user, key, "whoami"}); err != nil {
		t.Fatal(err)
	}
	if out.String() != user+"\n" {
		t.Errorf("printed %q", out.String())
	}
	err := run(harness.Context(t), &out, []string{harness.URL(t), user, key, "nonsense"})
	if exit, ok := errors.AsType[*ssh.ExitError](err); !ok || exit.ExitStatus() != 127 {
		t.Errorf("a command that does not exist: %v", err)
	}
	err = run(harness.Context(t), &out, []string{harness.URL(t), user, "no key", "whoami"})
	if err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("a host key that is none: %v", err)
	}
}

func TestRefused(t *testing.T) {
	ended, cancel := context.WithCancel(harness.Context(t))
	cancel()
	other, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	wrongKey := config(password)
	wrongKey.HostKeyCallback = ssh.FixedHostKey(other.PublicKey())
	for _, test := range []struct {
		name   string
		ctx    context.Context
		url    string
		config *ssh.ClientConfig
		want   string
	}{
		{"nobody listens", harness.Context(t), harness.NobodyListens, config(password), harness.NobodyListens},
		{"wrong password", harness.Context(t), harness.URL(t), config("guess"), "unable to authenticate"},
		{"wrong host key", harness.Context(t), harness.URL(t), wrongKey, "host key mismatch"},
		{"cancelled", ended, harness.URL(t), config(password), context.Canceled.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, err := dial(test.ctx, test.url, test.config)
			if err == nil {
				client.Close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

// Several sessions share a connection, each with more data than fits into any window.
func TestSessions(t *testing.T) {
	client := dialled(t)
	data := harness.Pattern(5 << 19)
	var sessions sync.WaitGroup
	for range 2 {
		sessions.Go(func() {
			session, err := client.NewSession()
			if err != nil {
				t.Error(err)
				return
			}
			defer session.Close()
			session.Stdin = bytes.NewReader(data)
			output, err := session.Output("cat")
			if err != nil || !bytes.Equal(output, data) {
				t.Errorf("%d bytes came back, and the error %v", len(output), err)
			}
		})
	}
	sessions.Wait()
}
