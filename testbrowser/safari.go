package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"time"
)

// Safari takes no URL and no profile from a command line, but a WebDriver session of its own is as fresh as a profile.
// This host has not been tried yet.

func safari(l *launch) (*exec.Cmd, error) {
	if len(l.args) > 0 {
		return nil, errors.New("-browser-arg: Safari takes no arguments")
	}
	// safaridriver does not choose a port itself. If another program takes this port first, the start fails.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a port for safaridriver: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return nil, fmt.Errorf("a port for safaridriver: %w", err)
	}
	l.driver = "http://127.0.0.1:" + strconv.Itoa(port)
	return exec.Command(l.executable, "--port", strconv.Itoa(port)), nil
}

// openInSafari opens the page and returns a function that closes it.
func openInSafari(ctx context.Context, l *launch) (func(context.Context) error, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := reachable(ctx, l.driver); err != nil {
		return nil, fmt.Errorf("safaridriver: %w", err)
	}
	var created struct {
		Value struct {
			SessionID string `json:"sessionId"`
		} `json:"value"`
	}
	wanted := map[string]any{"browserName": "safari", "acceptInsecureCerts": len(l.certificates) > 0}
	capabilities := map[string]any{"capabilities": map[string]any{"alwaysMatch": wanted}}
	if err := webDriver(ctx, http.MethodPost, l.driver+"/session", capabilities, &created); err != nil {
		return nil, err
	}
	session := l.driver + "/session/" + created.Value.SessionID
	end := func(ctx context.Context) error { return webDriver(ctx, http.MethodDelete, session, nil, nil) }
	if err := webDriver(ctx, http.MethodPost, session+"/url", map[string]any{"url": l.url}, nil); err != nil {
		return nil, errors.Join(err, end(ctx))
	}
	return end, nil
}

// reachable waits until a server that was just started answers; the server does not announce that.
func reachable(ctx context.Context, url string) error {
	for {
		err := webDriver(ctx, http.MethodGet, url+"/status", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// webDriver makes one WebDriver call.
func webDriver(ctx context.Context, method, url string, body, result any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, url, response.Status, answer)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	return nil
}
