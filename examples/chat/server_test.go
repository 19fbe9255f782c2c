//go:build !js

package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/examples/chat/room"
	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func TestMain(m *testing.M) { harness.Main(m, startServer) }

func TestHosts(t *testing.T) { harness.Hosts(t) }

// startServer starts a server with a room at every path, so that each test has one of its own.
func startServer() (harness.Server, error) {
	house := &house{rooms: make(map[string]*room.Room)}
	return harness.Serve(house, house.shutdown)
}

type house struct {
	mu    sync.Mutex
	rooms map[string]*room.Room
}

func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	in := h.rooms[r.URL.Path]
	if in == nil {
		in = &room.Room{Origins: []string{harness.AnyOrigin}}
		h.rooms[r.URL.Path] = in
	}
	h.mu.Unlock()
	in.ServeHTTP(w, r)
}

func (h *house) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, r := range h.rooms {
		errs = append(errs, r.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
