package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/creachadair/jrpc2"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func dialled(t *testing.T, opts *jrpc2.ClientOptions) *jrpc2.Client {
	t.Helper()
	client, err := dial(harness.Context(t), harness.URL(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(harness.Context(t), &out, []string{harness.URL(t), "add", "[1, 2]"}); err != nil {
		t.Fatal(err)
	}
	if out.String() != "3\n" {
		t.Errorf("printed %q", out.String())
	}
}

func TestRefused(t *testing.T) {
	if client, err := dial(harness.Context(t), harness.NobodyListens, nil); err == nil {
		client.Close()
		t.Error("connected to a port that nobody listens on")
	}
}

func TestErrors(t *testing.T) {
	client := dialled(t, nil)
	_, err := client.Call(harness.Context(t), "fail", nil)
	var failed *jrpc2.Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a *jrpc2.Error", err)
	}
	if failed.Code != 4711 || failed.Message != "on purpose" || string(failed.Data) != `"some data"` {
		t.Errorf("got %+v", failed)
	}
	if _, err := client.Call(harness.Context(t), "nonsense", nil); jrpc2.ErrorCode(err) != jrpc2.MethodNotFound {
		t.Errorf("a method that does not exist: %v", err)
	}
}

func TestConcurrent(t *testing.T) {
	ctx := harness.Context(t)
	client := dialled(t, nil)
	var calls sync.WaitGroup
	for i := range 100 {
		calls.Go(func() {
			var sum int
			if err := client.CallResult(ctx, "add", []int{i, i}, &sum); err != nil || sum != 2*i {
				t.Errorf("%d + %d is %d, and the error %v", i, i, sum, err)
			}
		})
	}
	calls.Wait()
}

func TestBatch(t *testing.T) {
	responses, err := dialled(t, nil).Batch(harness.Context(t), []jrpc2.Spec{
		{Method: "add", Params: []int{1, 2}},
		{Method: "echo", Params: []string{"unheard"}, Notify: true},
		{Method: "echo", Params: []string{"heard"}},
	})
	if err != nil || len(responses) != 2 {
		t.Fatalf("%d responses, and the error %v", len(responses), err)
	}
	if sum, text := responses[0].ResultString(), responses[1].ResultString(); sum != "3" || text != `"heard"` {
		t.Errorf("got %s and %s", sum, text)
	}
}

func TestLarge(t *testing.T) {
	text := strings.Repeat("Grüße ", 100_000)
	var echo string
	err := dialled(t, nil).CallResult(harness.Context(t), "echo", []string{text}, &echo)
	if err != nil || echo != text {
		t.Errorf("%d bytes came back of %d, and the error %v", len(echo), len(text), err)
	}
}

// The server may call the client, and notify it.
func TestFromServer(t *testing.T) {
	notices := make(chan string, 1)
	client := dialled(t, &jrpc2.ClientOptions{
		OnNotify:   func(r *jrpc2.Request) { notices <- r.Method() + r.ParamString() },
		OnCallback: func(context.Context, *jrpc2.Request) (any, error) { return "client", nil },
	})
	var greeting string
	err := client.CallResult(harness.Context(t), "askBack", nil, &greeting)
	if err != nil || greeting != "hello, client" {
		t.Errorf("got %q, %v", greeting, err)
	}
	if notice := <-notices; notice != `notice["listen"]` {
		t.Errorf("noticed %s", notice)
	}
}

// A call that is cancelled leaves the connection to the others.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(harness.Context(t))
	client := dialled(t, &jrpc2.ClientOptions{OnNotify: func(*jrpc2.Request) { cancel() }})
	if _, err := client.Call(ctx, "wait", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
	if _, err := client.Call(harness.Context(t), "add", []int{1}); err != nil {
		t.Error(err)
	}
}

// Calls that wait when the server closes the connection fail.
func TestServerCloses(t *testing.T) {
	stopped := make(chan error, 1)
	client := dialled(t, &jrpc2.ClientOptions{OnStop: func(_ *jrpc2.Client, err error) { stopped <- err }})
	if _, err := client.Call(harness.Context(t), "stop", nil); err == nil {
		t.Error("a call was answered that the server has not answered")
	}
	if err := <-stopped; err != io.EOF {
		t.Errorf("the connection ended with %v", err)
	}
}
