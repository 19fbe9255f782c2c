package main

import (
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/rawclient"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

// idleServer opens connections, of which each then echoes one message. What the first connections allocate for good is
// not part of the cost of further ones.
func idleServer(name string, connections int, config serving.Config) *serverWorkload {
	const first, parallel = 10, 20
	batch := []rawclient.Batch{{Frames: rawclient.Binary(load.BinaryPayload(1 << 10)), Messages: 1}}
	if config.Deflate {
		batch[0].Frames = rawclient.Deflated(load.JSONTexts(1 << 10)[0])
	}
	w := &serverWorkload{name: name, config: config, variants: true, fresh: true}
	w.prepare = func(s *served) (serverRun, error) {
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
	}
	return w
}

// untilIdle is how long after their message connections count as idle again.
const untilIdle = 500 * time.Millisecond

// connectionCost measures the cost of connections that have been opened after its start.
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
	goroutines := (s.Held.Goroutines - c.before.Goroutines) / n
	c.measures = append(c.measures,
		load.Measure{Kind: load.Memory, Suffix: suffix + "/heap+stack", Value: memory},
		load.Measure{Kind: load.Bytes, Suffix: suffix + "/heap+stack", Value: memory},
		load.Measure{Kind: load.Goroutines, Suffix: suffix + "/goroutines", Value: goroutines})
	if s.Held.RSS != 0 {
		resident := (s.Held.RSS - c.before.RSS) / n
		c.measures = append(c.measures, load.Measure{Kind: load.Memory, Suffix: suffix + "/rss", Value: resident})
	}
	return nil
}
