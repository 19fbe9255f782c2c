package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func dialled(t *testing.T) *http.Client {
	t.Helper()
	client, session, err := dial(harness.Context(t), harness.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return client
}

func do(ctx context.Context, client *http.Client, method, url string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Echo", "in a header")
	return client.Do(request)
}

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(harness.Context(t), &out, []string{harness.URL(t), "http://inside/greeting"}); err != nil {
		t.Fatal(err)
	}
	if out.String() != "hello from inside\n" {
		t.Errorf("printed %q", out.String())
	}
	err := run(harness.Context(t), &out, []string{harness.URL(t), "http://inside/nonsense"})
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a page that does not exist: %v", err)
	}
}

func TestRefused(t *testing.T) {
	if _, session, err := dial(harness.Context(t), harness.NobodyListens); err == nil {
		session.Close()
		t.Error("connected to a port that nobody listens on")
	}
}

// Requests at the same time share the WebSocket, each with a method that a form does not have, and with a large body.
func TestConcurrent(t *testing.T) {
	ctx := harness.Context(t)
	client := dialled(t)
	data := harness.Pattern(1 << 19)
	var requests sync.WaitGroup
	for range 6 {
		requests.Go(func() {
			response, err := do(ctx, client, http.MethodPatch, "http://inside/echo", bytes.NewReader(data))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || !bytes.Equal(body, data) {
				t.Errorf("%d bytes came back, and the error %v", len(body), err)
			}
			if response.StatusCode != http.StatusAccepted || response.Header.Get("X-Echo") != "in a header" {
				t.Errorf("got %s, %v", response.Status, response.Header)
			}
		})
	}
	requests.Wait()
}

// A response can be read while it is written, and another request goes on meanwhile.
func TestStreaming(t *testing.T) {
	ctx := harness.Context(t)
	client := dialled(t)
	url := "http://inside/lines/" + rand.Text()
	response, err := do(ctx, client, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
	released, err := do(ctx, client, http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	released.Body.Close()
	if !lines.Scan() || lines.Text() != "second" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
}

// A request that is cancelled leaves the WebSocket to the others.
func TestCancel(t *testing.T) {
	client := dialled(t)
	ctx, cancel := context.WithCancel(harness.Context(t))
	response, err := do(ctx, client, http.MethodGet, fmt.Sprint("http://inside/lines/", rand.Text()), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	cancel()
	if _, err := io.ReadAll(response.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("the body of a cancelled request: %v", err)
	}
	other, err := do(harness.Context(t), client, http.MethodGet, "http://inside/greeting", nil)
	if err != nil {
		t.Fatal(err)
	}
	other.Body.Close()
}
