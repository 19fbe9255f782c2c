package main

import (
	"fmt"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/rawclient"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

// leastRounds is the least number of times that each connection of an echo sends.
const leastRounds = 40

// pipelined is the number of messages under way on a connection that does not wait for each.
const pipelined = 16

// echoServer sends messages on all connections at the same time, several on each, and more when these are back.
func echoServer(name string, connections, size, together int) *serverWorkload {
	batch := rawclient.Batch{Messages: together}
	for range together {
		batch.Frames = append(batch.Frames, rawclient.Binary(load.BinaryPayload(size))...)
	}
	return &serverWorkload{
		name: name + "/" + sizeName(size), config: serving.Config{Setting: serving.Fast}, variants: true,
		least: leastRounds / min(together, 4),
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
				_, err := s.ask(awaitOpen, 0) // the end of a connection is part of the cost
				return err
			})
			return elapsed, append(measures, perMessage("/time", elapsed, n)), err
		}, nil
	}}
}
