//go:build !js

package migrate

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/seed2c7e30c3/ws"
)

// This has the row about a check that lets all pages pass.
var _ = ws.AcceptOptions{Origins: []string{"*"}}

// Server has the rows about servers.
func Server(ctx context.Context, w http.ResponseWriter, r *http.Request, text string) error {
	var group ws.Group
	opts := &ws.AcceptOptions{
		Origins:      []string{"https://app.example.com"},
		Protocols:    []string{"chat.v2"},
		Compression:  ws.CompressContext,
		MessageLimit: 32 << 10,
		SendBuffer:   1 << 20,
		PingInterval: time.Minute,
		Group:        &group,
	}
	c, err := ws.Accept(w, r, opts)
	if err != nil {
		return err
	}
	if c.RemoteAddr() == c.LocalAddr() {
		return nil
	}
	err = group.Send(ws.Text(text))
	return errors.Join(err, group.Shutdown(ctx, 0, ""))
}

// Native has the rows about options that only native clients have.
func Native(client *http.Client, header http.Header, show func(*http.Response)) ws.NativeOptions {
	return ws.NativeOptions{
		HTTPClient:         client,
		Header:             header,
		DisableCompression: true,
		PingInterval:       time.Minute,
		OnHandshake:        show,
	}
}

// Refusal has the row about a response that does not open a connection.
func Refusal(err error) int {
	if refused, ok := errors.AsType[*ws.HandshakeError](err); ok {
		return refused.StatusCode
	}
	return 0
}
