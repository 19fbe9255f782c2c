package main

import (
	"fmt"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/rawclient"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

// serverWorkload is a workload for every contestant's server.
type serverWorkload struct {
	name     string
	config   serving.Config
	secure   bool // over TLS
	variants bool // variants of a contestant take part
	fresh    bool // each sample has a process of its own and is one run with n = 1
	least    int  // least n of a sample, so that what is made again after a collection does not count

	// prepare opens what the workload needs.
	prepare func(s *served) (serverRun, error)
}

// serverRun makes the server do the workload n times, and returns what that took.
type serverRun func(n int) (time.Duration, []load.Measure, error)

// serverSizes are the numbers of connections.
type serverSizes struct {
	idle, idleTLS, idleDeflate    int
	echo                          int
	broadcast, broadcastDeflate   int
	silentReaders, silentMessages int
	silentLimit                   time.Duration // when the readers count as held up
}

var fullSizes = serverSizes{
	idle: 5000, idleTLS: 2000, idleDeflate: 1000,
	echo:      100,
	broadcast: 2000, broadcastDeflate: 500,
	silentReaders: 10, silentMessages: 64, silentLimit: 5 * time.Second,
}

// serverWorkloads returns all of them.
func serverWorkloads(sizes serverSizes) []*serverWorkload {
	return []*serverWorkload{
		idleServer("idle", sizes.idle, serving.Config{Setting: serving.Small}),
		withoutVariants(idleServer("idle/default", sizes.idle, serving.Config{})),
		withoutVariants(idleServer("idle/handler", sizes.idle, serving.Config{InHandler: true})),
		secured(idleServer("idle/tls", sizes.idleTLS, serving.Config{Setting: serving.Small})),
		idleServer("idle/deflate", sizes.idleDeflate, serving.Config{Setting: serving.Small, Deflate: true}),
		withoutVariants(idleServer("idle/default/deflate", sizes.idleDeflate, serving.Config{Deflate: true})),
		echoServer("pingpong", sizes.echo, 16, 1),
		echoServer("pingpong", sizes.echo, 1<<10, 1),
		echoServer("pipelined", sizes.echo, 16, pipelined),
		echoServer("pipelined", sizes.echo, 1<<10, pipelined),
		jsonServer(sizes.echo),
		broadcastServer("broadcast/1KiB", sizes.broadcast, false),
		broadcastServer("broadcast/json/1KiB", sizes.broadcastDeflate, true),
		upgradeServer(),
		silentServer(sizes),
	}
}

func secured(w *serverWorkload) *serverWorkload {
	w.secure = true
	return w
}

func withoutVariants(w *serverWorkload) *serverWorkload {
	w.variants = false
	return w
}

// served is a server with the client's connections to it.
type served struct {
	*serverProcess
	options rawclient.Options
	conns   []*rawclient.Conn
}

func (s *served) close() error {
	rawclient.CloseAll(s.conns)
	return s.stop()
}

// dial opens n connections more.
func (s *served) dial(n int) error {
	const parallel = 20
	more, err := rawclient.DialAll(s.addr, s.options, n, parallel)
	if err != nil {
		return fmt.Errorf("%s: %w", s.contestant.Name, err)
	}
	s.conns = append(s.conns, more...)
	_, err = s.ask(awaitOpen, len(s.conns))
	return err
}

// used measures what the server's process takes for each of n messages that f makes it handle.
func (s *served) used(n int, f func() error) (time.Duration, []load.Measure, error) {
	before, err := s.ask(collect, 0)
	if err != nil {
		return 0, nil, err
	}
	elapsed, err := timed(f)
	if err != nil {
		return 0, nil, err
	}
	after, err := s.ask(sayUsage, 0)
	if err != nil {
		return 0, nil, err
	}
	var measures []load.Measure
	if after.CPU > 0 {
		measures = append(measures, perMessage("/cpu", after.CPU-before.CPU, n))
	}
	return elapsed, append(measures,
		load.Measure{Kind: load.Allocs, Value: float64(after.Mallocs-before.Mallocs) / float64(n)},
		load.Measure{Kind: load.Bytes, Value: float64(after.Allocated-before.Allocated) / float64(n)},
	), nil
}

func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}
