package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/rawclient"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

// serverWorkload is something that every contestant's server is put through.
type serverWorkload struct {
	name     string
	config   serving.Config
	secure   bool // over TLS
	variants bool // variants of a contestant take part
	fresh    bool // each sample has a process of its own and is one run with n = 1
	least    int  // n of a sample, at least: what is made again after a collection shall not count

	// prepare opens what the workload needs.
	prepare func(s *served) (serverRun, error)
}

// serverRun has the server do n of what the workload is about, and says what that took it.
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

// used measures what the server's process takes for each of n messages that f has it handle.
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
		measures = append(measures, load.Measure{Kind: load.Time, Suffix: "/cpu", Value: float64(after.CPU-before.CPU) / float64(n)})
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

// idleServer opens connections, of which each then echoes one message. What the first connections bring for good is not
// part of the cost of further ones.
func idleServer(name string, connections int, config serving.Config) *serverWorkload {
	const first, parallel = 10, 20
	batch := []rawclient.Batch{{Frames: rawclient.Binary(load.BinaryPayload(1 << 10)), Messages: 1}}
	if config.Deflate {
		batch[0].Frames = rawclient.Deflated(load.JSONTexts(1 << 10)[0])
	}
	return &serverWorkload{name: name, config: config, variants: true, fresh: true, prepare: func(s *served) (serverRun, error) {
		if err := s.dial(first); err != nil {
			return nil, err
		}
		if _, err := rawclient.Echo(s.conns, batch, 1); err != nil {
			return nil, err
		}
		cost := connectionCost{served: s, connections: connections}
		return func(int) (time.Duration, []load.Measure, error) {
			if err := cost.start(); err != nil {
				return 0, nil, err
			}
			if err := s.dial(connections); err != nil {
				return 0, nil, err
			}
			if err := cost.measure(""); err != nil {
				return 0, nil, err
			}
			for more := s.conns[first:]; len(more) > 0; {
				n := min(parallel, len(more))
				if _, err := rawclient.Echo(more[:n], batch, 1); err != nil {
					return 0, nil, err
				}
				more = more[n:]
			}
			time.Sleep(untilIdle)
			err := cost.measure("/echoed")
			return 0, cost.measures, err
		}, nil
	}}
}

// untilIdle is how long after their message connections count as idle again.
const untilIdle = 500 * time.Millisecond

// connectionCost measures what connections cost that have been opened after its start.
type connectionCost struct {
	*served
	connections int
	before      idleCost
	measures    []load.Measure
}

func (c *connectionCost) start() error {
	before, err := c.ask(sayMemory, idleCollections)
	c.before = before.Held
	return err
}

func (c *connectionCost) measure(suffix string) error {
	s, err := c.ask(sayMemory, idleCollections)
	if err != nil {
		return err
	}
	n := float64(c.connections)
	memory := (s.Held.Memory - c.before.Memory) / n
	c.measures = append(c.measures,
		load.Measure{Kind: load.Memory, Suffix: suffix + "/heap+stack", Value: memory},
		load.Measure{Kind: load.Bytes, Suffix: suffix + "/heap+stack", Value: memory},
		load.Measure{Kind: load.Goroutines, Suffix: suffix + "/goroutines", Value: (s.Held.Goroutines - c.before.Goroutines) / n})
	if s.Held.RSS != 0 {
		resident := (s.Held.RSS - c.before.RSS) / n
		c.measures = append(c.measures, load.Measure{Kind: load.Memory, Suffix: suffix + "/rss", Value: resident})
	}
	return nil
}

// leastRounds is how often each connection of an echo sends, at least.
const leastRounds = 40

// pipelined is how many messages are under way on a connection that does not wait for each.
const pipelined = 16

// echoServer sends messages on all connections at the same time, some on each, and some more when these are back.
func echoServer(name string, connections, size, together int) *serverWorkload {
	batch := rawclient.Batch{Messages: together}
	for range together {
		batch.Frames = append(batch.Frames, rawclient.Binary(load.BinaryPayload(size))...)
	}
	return &serverWorkload{
		name: name + "/" + sizeName(size), config: serving.Config{Setting: serving.Fast}, variants: true, least: leastRounds / min(together, 4),
		prepare: func(s *served) (serverRun, error) {
			s.options.Buffer = 32 << 10
			if err := s.dial(connections); err != nil {
				return nil, err
			}
			return func(rounds int) (time.Duration, []load.Measure, error) {
				n := rounds * connections * together
				elapsed, measures, err := s.used(n, func() error {
					_, err := rawclient.Echo(s.conns, []rawclient.Batch{batch}, rounds)
					return err
				})
				return elapsed, append(measures, perMessage("/time", elapsed, n)), err
			}, nil
		},
	}
}

func sizeName(size int) string {
	if size >= 1<<10 {
		return fmt.Sprintf("%dKiB", size>>10)
	}
	return fmt.Sprintf("%dB", size)
}

func perMessage(suffix string, elapsed time.Duration, n int) load.Measure {
	return load.Measure{Kind: load.Time, Suffix: suffix, Value: float64(elapsed) / float64(n)}
}

// jsonServer is a ping-pong of compressed texts.
func jsonServer(connections int) *serverWorkload {
	var batches []rawclient.Batch
	for _, text := range load.JSONTexts(1 << 10) {
		batches = append(batches, rawclient.Batch{Frames: rawclient.Deflated(text), Messages: 1})
	}
	return &serverWorkload{
		name: "json/1KiB", config: serving.Config{Setting: serving.Fast, Deflate: true}, least: leastRounds,
		prepare: func(s *served) (serverRun, error) {
			if err := s.dial(connections); err != nil {
				return nil, err
			}
			return func(rounds int) (time.Duration, []load.Measure, error) {
				n := rounds * connections
				var wire int64
				elapsed, measures, err := s.used(n, func() (err error) {
					wire, err = rawclient.Echo(s.conns, batches, rounds)
					return err
				})
				return elapsed, append(measures,
					perMessage("/time", elapsed, n),
					load.Measure{Kind: load.Wire, Value: float64(wire) / float64(n)}), err
			}, nil
		},
	}
}

// broadcastServer sends one message of 1 KiB to all connections, and the next one when all have it.
func broadcastServer(name string, connections int, deflate bool) *serverWorkload {
	return &serverWorkload{
		name: name, config: serving.Config{Setting: serving.Fast, Deflate: deflate, Broadcasts: true}, least: 3,
		prepare: func(s *served) (serverRun, error) {
			if err := s.dial(connections); err != nil {
				return nil, err
			}
			watch := rawclient.NewWatch(s.conns)
			return func(n int) (time.Duration, []load.Measure, error) {
				elapsed, measures, err := s.used(n, func() error {
					for range n {
						watch.Expect(len(s.conns))
						if _, err := s.ask(broadcast, 1<<10); err != nil {
							return err
						}
						if err := watch.Wait(load.SampleLimit); err != nil {
							return err
						}
					}
					return nil
				})
				return elapsed, append(measures, perMessage("/last", elapsed, n)), err
			}, nil
		},
	}
}

// upgradeServer opens connections and cuts them, some at a time.
func upgradeServer() *serverWorkload {
	const parallel = 32
	return &serverWorkload{name: "upgrade", least: 10, prepare: func(s *served) (serverRun, error) {
		return func(n int) (time.Duration, []load.Measure, error) {
			n *= parallel
			elapsed, measures, err := s.used(n, func() error {
				if err := rawclient.Upgrade(s.addr, s.options, n, parallel); err != nil {
					return err
				}
				_, err := s.ask(awaitOpen, 0) // the end of a connection is part of what it takes
				return err
			})
			return elapsed, append(measures, perMessage("/time", elapsed, n)), err
		}, nil
	}}
}

// pooled is how many collections it takes until what is in pools is not held any more.
const pooled = 2

// silentServer sends messages of 1 MiB to all connections, of which the first one reads nothing. Each is sent when the
// others have the one before.
func silentServer(sizes serverSizes) *serverWorkload {
	return &serverWorkload{
		name: "silent", config: serving.Config{Broadcasts: true}, fresh: true,
		prepare: func(s *served) (serverRun, error) {
			if err := s.dial(1); err != nil {
				return nil, err
			}
			s.options.Buffer = 64 << 10
			if err := s.dial(sizes.silentReaders); err != nil {
				return nil, err
			}
			watch := rawclient.NewWatch(s.conns[1:])
			return func(int) (time.Duration, []load.Measure, error) {
				before, err := s.ask(sayMemory, pooled)
				if err != nil {
					return 0, nil, err
				}
				delivered, held := 0, 0.0
				for range sizes.silentMessages {
					watch.Expect(sizes.silentReaders)
					if _, err := s.ask(broadcast, 1<<20); err != nil {
						return 0, nil, err
					}
					waited := watch.Wait(sizes.silentLimit)
					if waited != nil && !errors.Is(waited, rawclient.ErrMissing) {
						return 0, nil, waited
					}
					now, err := s.ask(sayMemory, pooled)
					if err != nil {
						return 0, nil, err
					}
					held = max(held, now.Held.Memory-before.Held.Memory)
					if waited != nil {
						break
					}
					delivered++
				}
				return 0, []load.Measure{
					{Kind: load.Count, Suffix: "/delivered", Value: float64(delivered)},
					{Kind: load.Held, Suffix: "/held", Value: held},
				}, nil
			}, nil
		},
	}
}
