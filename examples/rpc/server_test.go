//go:build !js

package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/handler"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m, startServer) }

func TestHosts(t *testing.T) { harness.Hosts(t) }

// startServer starts a JSON-RPC server with the channel of the client.
func startServer() (harness.Server, error) {
	var serving sync.WaitGroup
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, &ws.AcceptOptions{Origins: []string{harness.AnyOrigin}})
		if err != nil {
			return // the client has been told
		}
		server := jrpc2.NewServer(methods, &jrpc2.ServerOptions{AllowPush: true}).Start(channel{c})
		serving.Go(func() { server.Wait() })
	})
	return harness.Serve(handler, func() error {
		serving.Wait()
		return nil
	})
}

var methods = handler.Map{
	"add": handler.New(func(_ context.Context, numbers []int) int {
		sum := 0
		for _, n := range numbers {
			sum += n
		}
		return sum
	}),
	"echo": handler.New(func(_ context.Context, text [1]string) string { return text[0] }),
	"fail": handler.New(func(context.Context) error {
		return jrpc2.Errorf(4711, "on purpose").WithData("some data")
	}),
	// wait tells the client that it waits, and does so until the connection ends.
	"wait": handler.New(func(ctx context.Context) error {
		if err := jrpc2.ServerFromContext(ctx).Notify(ctx, "waiting", nil); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}),
	// askBack calls the client while the client's call waits, and notifies it.
	"askBack": handler.New(func(ctx context.Context) (string, error) {
		server := jrpc2.ServerFromContext(ctx)
		if err := server.Notify(ctx, "notice", []string{"listen"}); err != nil {
			return "", err
		}
		response, err := server.Callback(ctx, "name", nil)
		if err != nil {
			return "", err
		}
		var name string
		return "hello, " + name, errors.Join(err, response.UnmarshalResult(&name))
	}),
	"stop": handler.New(func(ctx context.Context) error {
		go jrpc2.ServerFromContext(ctx).Stop()
		<-ctx.Done()
		return ctx.Err()
	}),
}
