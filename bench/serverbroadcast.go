package main

import (
	"errors"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/rawclient"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

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

// pooled is the number of collections after which memory in pools is no longer held.
const pooled = 2

// silentServer sends messages of 1 MiB to all connections. The first connection reads nothing. Each message is sent
// when all others have the previous one.
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
