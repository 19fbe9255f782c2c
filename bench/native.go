package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// nativeBench runs workloads against the server, contestants taking turns.
type nativeBench struct {
	platform    string // the first part of the figures' names
	server      string // its URL, without a path
	contestants []*load.Contestant
	rounds      int
	sample      time.Duration // how long a sample should take
}

// runner is a contestant with a connection for one workload.
type runner struct {
	*load.Session
	n int // messages of a sample
}

func (b *nativeBench) takesPart(c *load.Contestant, w *load.Workload) bool {
	return (!c.Variant || w.Variants) && (!c.Receives || w.Kind == "recv") && (c.Takeover || !w.Deflate)
}

// measure returns the workload's results in the order in which it gives its measures.
func (b *nativeBench) measure(w *load.Workload) ([]*result, error) {
	var runners []*runner
	defer func() {
		for _, r := range runners {
			r.Close()
		}
	}()
	for _, c := range b.contestants {
		if !b.takesPart(c, w) {
			continue
		}
		s, err := load.OpenSession(c, b.server+w.Path, w.Deflate)
		if err != nil {
			return nil, err
		}
		runners = append(runners, &runner{Session: s})
	}
	for _, r := range runners {
		if err := b.warmUp(w, r); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", w.Name, r.Contestant.Name, err)
		}
	}
	var all results
	for round := range b.rounds {
		for i := range runners {
			// Each contestant follows each other one equally often.
			r := runners[(i+round)%len(runners)]
			cpu := cpuTime()
			_, measures, err := b.one(w, r)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", w.Name, r.Contestant.Name, err)
			}
			if cpu > 0 {
				measures = append(measures, load.Measure{Kind: load.CPU, Value: float64(cpuTime()-cpu) / float64(r.n)})
			}
			for _, m := range measures {
				all.add(b.platform, w.Name+m.Suffix, m.Kind, r.Contestant.Name, m.Value)
			}
		}
	}
	return all.list, nil
}

// warmUp finds out how many messages take about as long as a sample should.
func (b *nativeBench) warmUp(w *load.Workload, r *runner) error {
	r.n = w.First
	for {
		elapsed, _, err := b.one(w, r)
		if err != nil {
			return err
		}
		elapsed = max(elapsed, time.Microsecond)
		done := elapsed > b.sample/4 || r.n == w.Most
		r.n = min(w.Most, max(1, int(float64(r.n)*min(8, float64(b.sample)/float64(elapsed)))))
		if done {
			return nil
		}
	}
}

func (b *nativeBench) one(w *load.Workload, r *runner) (time.Duration, []load.Measure, error) {
	// No contestant pays for the garbage of the previous one.
	runtime.GC()
	limit := time.AfterFunc(load.SampleLimit, r.Close)
	defer limit.Stop()
	return w.Run(r.Session, r.n)
}
