package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// workload is something that every contestant does with one connection.
type workload struct {
	name     string
	path     string // of the server
	deflate  bool   // compressed, so only for contestants with context takeover
	variants bool   // variants of a contestant take part
	first    int    // how many messages to begin with when looking for how many a sample needs
	run      func(s *session, n int) (time.Duration, []measure, error)
}

// measure is one figure of one sample.
type measure struct {
	kind   kind
	suffix string // of the workload's name
	value  float64
}

var floodSizes = []int{16, 1 << 10, 64 << 10, 1 << 20}

func sizeName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%dMiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return fmt.Sprintf("%dB", n)
}

// nativeWorkloads does not have the idle connections, which need processes of their own.
func nativeWorkloads() []*workload {
	list := []*workload{pingPongWorkload(16)}
	for _, size := range floodSizes {
		list = append(list, receiveWorkload(size))
	}
	for _, size := range floodSizes {
		list = append(list, sendWorkload(size))
	}
	return append(list,
		echoWorkload(1<<20), echoWorkload(16<<20),
		jsonWorkload(1<<10), jsonWorkload(64<<10),
		dialWorkload())
}

// firstCount is about a millisecond's work.
func firstCount(size int) int { return max(4, min(2000, 4<<20/size)) }

func receiveWorkload(size int) *workload {
	return &workload{
		name:     "recv/" + sizeName(size),
		path:     fmt.Sprintf("/recv?kind=binary&size=%d", size),
		variants: true,
		first:    firstCount(size),
		run: func(s *session, n int) (time.Duration, []measure, error) {
			return counted(n, size, func() error { return s.receive(n, size) })
		},
	}
}

func sendWorkload(size int) *workload {
	messages := []*message{binaryMessage(binaryPayload(size))}
	return &workload{
		name:  "send/" + sizeName(size),
		path:  "/send",
		first: firstCount(size),
		run: func(s *session, n int) (time.Duration, []measure, error) {
			return counted(n, 0, func() error {
				wire, err := s.send(n, messages)
				if err == nil && wire != int64(n)*int64(size) {
					err = fmt.Errorf("%d messages of %d bytes arrived as %d bytes", n, size, wire)
				}
				return err
			})
		},
	}
}

// counted measures the time and the allocations of n messages; own bytes of each are what the caller gets and do not count.
func counted(n, own int, f func() error) (time.Duration, []measure, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	elapsed, err := timed(f)
	if err != nil {
		return 0, nil, err
	}
	runtime.ReadMemStats(&after)
	return elapsed, []measure{
		perMessage(elapsed, n),
		{kindAllocs, "", float64(after.Mallocs-before.Mallocs) / float64(n)},
		{kindBytes, "", float64(after.TotalAlloc-before.TotalAlloc)/float64(n) - float64(own)},
	}, nil
}

func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

func perMessage(elapsed time.Duration, n int) measure {
	return measure{kindTime, "", float64(elapsed) / float64(n)}
}

func echoWorkload(size int) *workload {
	m := binaryMessage(binaryPayload(size))
	return &workload{
		name:  "echo/" + sizeName(size),
		path:  "/echo",
		first: 2,
		run: func(s *session, n int) (time.Duration, []measure, error) {
			elapsed, err := timed(func() error { return s.echo(n, m) })
			return elapsed, []measure{perMessage(elapsed, n)}, err
		},
	}
}

func pingPongWorkload(size int) *workload {
	m := binaryMessage(binaryPayload(size))
	return &workload{
		name:     "pingpong/" + sizeName(size),
		path:     "/echo",
		variants: true,
		first:    200,
		run: func(s *session, n int) (time.Duration, []measure, error) {
			var times []time.Duration
			elapsed, err := timed(func() (err error) {
				times, err = s.pingPong(n, m)
				return err
			})
			if err != nil {
				return 0, nil, err
			}
			slices.Sort(times)
			return elapsed, []measure{
				{kindTime, "/p50", float64(times[len(times)/2])},
				{kindTime, "/p99", float64(times[len(times)*99/100])},
			}, nil
		},
	}
}

// jsonWorkload is a flood of compressed text from the server and then one of as many messages to it. The time is that of both,
// for one message received and one sent; each is also given apart, with the bytes that one sent takes on the wire.
func jsonWorkload(size int) *workload {
	var messages []*message
	for _, text := range jsonTexts(size) {
		messages = append(messages, textMessage(text))
	}
	return &workload{
		name:    "json/" + sizeName(size),
		path:    fmt.Sprintf("/both?kind=deflate&deflate=1&size=%d", size),
		deflate: true,
		first:   max(16, 1<<20/size),
		run: func(s *session, n int) (time.Duration, []measure, error) {
			in, err := timed(func() error { return s.receive(n, size) })
			if err != nil {
				return 0, nil, err
			}
			var wire int64
			out, err := timed(func() (err error) {
				wire, err = s.send(n, messages)
				return err
			})
			return in + out, []measure{
				perMessage(in+out, n),
				{kindTime, "/recv", float64(in) / float64(n)},
				{kindTime, "/send", float64(out) / float64(n)},
				{kindWire, "", float64(wire) / float64(n)},
			}, err
		},
	}
}

// dialWorkload opens connections one after another and ends them when the time has been taken.
func dialWorkload() *workload {
	return &workload{
		name:  "dial",
		path:  "/idle",
		first: 20,
		run: func(s *session, n int) (time.Duration, []measure, error) {
			opened := make([]*session, 0, n)
			defer func() {
				for _, o := range opened {
					o.close()
				}
			}()
			elapsed, err := timed(func() error {
				for range n {
					o, err := openSession(s.contestant, s.url, false)
					if err != nil {
						return err
					}
					opened = append(opened, o)
				}
				return nil
			})
			return elapsed, []measure{perMessage(elapsed, n)}, err
		},
	}
}

// nativeBench runs workloads against the server, contestants taking turns.
type nativeBench struct {
	server      string // host:port
	contestants []*contestant
	rounds      int
	sample      time.Duration // how long a sample should take
}

// runner is a contestant with a connection for one workload.
type runner struct {
	*session
	n int // messages of a sample
}

func (b *nativeBench) takesPart(c *contestant, w *workload) bool {
	return (!c.variant || w.variants) && (c.takeover || !w.deflate)
}

// measure returns the workload's results in the order in which it gives its measures.
func (b *nativeBench) measure(w *workload) ([]*result, error) {
	var runners []*runner
	defer func() {
		for _, r := range runners {
			r.close()
		}
	}()
	for _, c := range b.contestants {
		if !b.takesPart(c, w) {
			continue
		}
		s, err := openSession(c, "ws://"+b.server+w.path, w.deflate)
		if err != nil {
			return nil, err
		}
		runners = append(runners, &runner{session: s})
	}
	for _, r := range runners {
		if err := b.warmUp(w, r); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", w.name, r.contestant.name, err)
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
				return nil, fmt.Errorf("%s: %s: %w", w.name, r.contestant.name, err)
			}
			if cpu > 0 {
				measures = append(measures, measure{kindCPU, "", float64(cpuTime()-cpu) / float64(r.n)})
			}
			for _, m := range measures {
				all.add("native", w.name+m.suffix, m.kind, r.contestant.name, m.value)
			}
		}
	}
	return all.list, nil
}

// warmUp finds out how many messages take about as long as a sample shall.
func (b *nativeBench) warmUp(w *workload, r *runner) error {
	r.n = w.first
	for {
		elapsed, _, err := b.one(w, r)
		if err != nil {
			return err
		}
		elapsed = max(elapsed, time.Microsecond)
		done := elapsed > b.sample/4 || r.n == maxCommand
		r.n = min(maxCommand, max(1, int(float64(r.n)*min(8, float64(b.sample)/float64(elapsed)))))
		if done {
			return nil
		}
	}
}

func (b *nativeBench) one(w *workload, r *runner) (time.Duration, []measure, error) {
	// No contestant pays for the garbage of the one before.
	runtime.GC()
	limit := time.AfterFunc(sampleLimit, r.close)
	defer limit.Stop()
	return w.run(r.session, r.n)
}
