package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/rawclient"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

// serverBench measures servers, each in a process of its own, taking turns. This process is the client.
type serverBench struct {
	contestants []*serving.Contestant
	certificate string // file
	profile     string // file; "" for none
	rounds      int
	sample      time.Duration // how long a sample should take
}

// serverRunner is a contestant's server for one workload.
type serverRunner struct {
	*served
	run serverRun
	n   int // of a sample
}

// measure returns the workload's results in the order in which it gives its measures.
func (b *serverBench) measure(w *serverWorkload) (list []*result, err error) {
	if w.fresh {
		return b.measureFresh(w)
	}
	var runners []*serverRunner
	defer func() {
		for _, r := range runners {
			err = errors.Join(err, r.close())
		}
	}()
	for _, c := range b.contestants {
		if c.Variant && !w.variants {
			continue
		}
		r, err := b.start(w, c)
		if err != nil {
			return nil, err
		}
		runners = append(runners, r)
	}
	for _, r := range runners {
		if err := b.warmUp(w, r); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", w.name, r.contestant.Name, err)
		}
	}
	var all results
	for round := range b.rounds {
		for i := range runners {
			// Each contestant follows each other one equally often.
			r := runners[(i+round)%len(runners)]
			_, measures, err := r.run(r.n)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", w.name, r.contestant.Name, err)
			}
			addServer(&all, w, r.contestant, measures)
		}
	}
	return all.list, nil
}

// measureFresh takes fewer samples, because they hardly vary.
func (b *serverBench) measureFresh(w *serverWorkload) ([]*result, error) {
	var all results
	for range max(1, b.rounds/5) {
		for _, c := range b.contestants {
			if c.Variant && !w.variants {
				continue
			}
			r, err := b.start(w, c)
			if err != nil {
				return nil, err
			}
			_, measures, err := r.run(1)
			if err := errors.Join(err, r.close()); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", w.name, c.Name, err)
			}
			addServer(&all, w, c, measures)
		}
	}
	return all.list, nil
}

func addServer(all *results, w *serverWorkload, c *serving.Contestant, measures []load.Measure) {
	for _, m := range measures {
		all.add("server", w.name+m.Suffix, m.Kind, c.Name, m.Value)
	}
}

func (b *serverBench) start(w *serverWorkload, c *serving.Contestant) (*serverRunner, error) {
	config := serverConfig{Config: w.config, Profile: b.profile}
	options := rawclient.Options{Deflate: w.config.Deflate}
	if w.secure {
		config.Certificate = b.certificate
		options.TLS = &tls.Config{ServerName: "127.0.0.1"}
	}
	p, err := startContestant(c, config)
	if err != nil {
		return nil, err
	}
	r := &serverRunner{served: &served{serverProcess: p, options: options}}
	if r.run, err = w.prepare(r.served); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %s: %w", w.name, c.Name, err), r.close())
	}
	return r, nil
}

// warmUp finds out how much takes about as long as a sample should.
func (b *serverBench) warmUp(w *serverWorkload, r *serverRunner) error {
	r.n = 1
	defer func() { r.n = max(r.n, w.least) }()
	for {
		elapsed, _, err := r.run(r.n)
		if err != nil {
			return err
		}
		elapsed = max(elapsed, time.Microsecond)
		done := elapsed > b.sample/4
		r.n = max(1, int(float64(r.n)*min(8, float64(b.sample)/float64(elapsed))))
		if done {
			return nil
		}
	}
}
