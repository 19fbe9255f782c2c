package load

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// Workload is a task that every contestant does with one connection.
type Workload struct {
	Name     string
	Kind     string        // for contestants that are not in Go
	Size     int           // of a message
	Path     string        // of the server
	Deflate  bool          // compressed, so only for contestants with context takeover
	Variants bool          // variants of a contestant take part
	First    int           // number of messages with which the search for the size of a sample begins
	Most     int           // most messages of a sample
	Least    int           // least messages of a sample in a page
	Sample   time.Duration // how long a sample takes in a page; 0 is what the flag says
	Run      func(s *Session, n int) (time.Duration, []Measure, error)
}

// Measure is one figure of one sample.
type Measure struct {
	Kind   Kind
	Suffix string // of the workload's name
	Value  float64
}

var FloodSizes = []int{16, 1 << 10, 64 << 10, 1 << 20}

func sizeName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%dMiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return fmt.Sprintf("%dB", n)
}

// Workloads returns all workloads except the idle connections, which need processes of their own.
func Workloads() []*Workload {
	list := []*Workload{pingPongWorkload(16)}
	for _, size := range FloodSizes {
		list = append(list, receiveWorkload(size))
	}
	for _, size := range FloodSizes {
		list = append(list, sendWorkload(size))
	}
	return append(list,
		echoWorkload(1<<20), echoWorkload(16<<20),
		jsonWorkload(1<<10), jsonWorkload(64<<10),
		dialWorkload())
}

// PageWorkloads returns the workloads of a page: text, which costs a page more than binary, and bursts, which programs
// see more often than floods.
func PageWorkloads() []*Workload {
	list := Workloads()
	text := receiveWorkload(128)
	text.Name, text.Path = "recv/text/"+sizeName(128), "/recv?kind=text&size=128"
	list = append(list, text)
	for _, size := range []int{16, 1 << 10} {
		burst := receiveWorkload(size)
		burst.Name, burst.Sample = "burst/"+sizeName(size), burstTime
		list = append(list, burst)
	}
	json := receiveWorkload(1 << 10)
	json.Name, json.Sample = "burst/json/"+sizeName(1<<10), burstTime
	json.Path, json.Deflate, json.Most = fmt.Sprintf("/recv?kind=deflate&deflate=1&size=%d", 1<<10), true, maxCompressed
	return append(list, json)
}

// burstTime is how long a burst takes.
const burstTime = 60 * time.Millisecond

// firstCount is about a millisecond's work.
func firstCount(size int) int { return max(4, min(2000, 4<<20/size)) }

func receiveWorkload(size int) *Workload {
	return &Workload{
		Kind:     "recv",
		Size:     size,
		Name:     "recv/" + sizeName(size),
		Path:     fmt.Sprintf("/recv?kind=binary&size=%d", size),
		Variants: true,
		First:    firstCount(size),
		Most:     maxCount,
		Run: func(s *Session, n int) (time.Duration, []Measure, error) {
			own := size
			if s.Contestant.Receives {
				own = 0 // the caller may not keep what it returns
			}
			return counted(n, own, func() error { return s.Receive(n, size) })
		},
	}
}

func sendWorkload(size int) *Workload {
	messages := []*Message{BinaryMessage(BinaryPayload(size))}
	return &Workload{
		Kind:  "send",
		Size:  size,
		Name:  "send/" + sizeName(size),
		Path:  "/send",
		First: firstCount(size),
		Most:  maxCount,
		Run: func(s *Session, n int) (time.Duration, []Measure, error) {
			return counted(n, 0, func() error {
				wire, err := s.Send(n, messages)
				if err == nil && wire != int64(n)*int64(size) {
					err = fmt.Errorf("%d messages of %d bytes arrived as %d bytes", n, size, wire)
				}
				return err
			})
		},
	}
}

// counted measures the time and the allocations of n messages. own bytes of each are what the caller gets; they do not
// count.
func counted(n, own int, f func() error) (time.Duration, []Measure, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	elapsed, err := timed(f)
	if err != nil {
		return 0, nil, err
	}
	runtime.ReadMemStats(&after)
	return elapsed, []Measure{
		perMessage(elapsed, n),
		{Allocs, "", float64(after.Mallocs-before.Mallocs) / float64(n)},
		{Bytes, "", float64(after.TotalAlloc-before.TotalAlloc)/float64(n) - float64(own)},
	}, nil
}

func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

func perMessage(elapsed time.Duration, n int) Measure {
	return Measure{Time, "", float64(elapsed) / float64(n)}
}

func echoWorkload(size int) *Workload {
	m := BinaryMessage(BinaryPayload(size))
	return &Workload{
		Kind:  "echo",
		Size:  size,
		Name:  "echo/" + sizeName(size),
		Path:  "/echo",
		First: 1,
		Most:  maxCount,
		Run: func(s *Session, n int) (time.Duration, []Measure, error) {
			elapsed, err := timed(func() error { return s.Echo(n, m) })
			return elapsed, []Measure{perMessage(elapsed, n)}, err
		},
	}
}

func pingPongWorkload(size int) *Workload {
	m := BinaryMessage(BinaryPayload(size))
	return &Workload{
		Kind:     "pingpong",
		Size:     size,
		Name:     "pingpong/" + sizeName(size),
		Path:     "/echo",
		Variants: true,
		First:    200,
		Least:    2000, // with fewer, p99 means little
		Most:     maxCount,
		Run: func(s *Session, n int) (time.Duration, []Measure, error) {
			var times []time.Duration
			elapsed, err := timed(func() (err error) {
				times, err = s.PingPong(n, m)
				return err
			})
			if err != nil {
				return 0, nil, err
			}
			slices.Sort(times)
			return elapsed, []Measure{
				{Time, "/p50", float64(times[len(times)/2])},
				{Time, "/p99", float64(times[len(times)*99/100])},
			}, nil
		},
	}
}

// jsonWorkload is a flood of compressed text from the server and then one of as many messages to it. The time is
// that of both, for one message received and one sent; each is also given apart, with the bytes that one sent takes
// on the wire.
func jsonWorkload(size int) *Workload {
	var messages []*Message
	for _, text := range JSONTexts(size) {
		messages = append(messages, TextMessage(text))
	}
	return &Workload{
		Kind:    "json",
		Size:    size,
		Name:    "json/" + sizeName(size),
		Path:    fmt.Sprintf("/both?kind=deflate&deflate=1&size=%d", size),
		Deflate: true,
		First:   max(16, 1<<20/size),
		Most:    maxCompressed,
		Run: func(s *Session, n int) (time.Duration, []Measure, error) {
			in, err := timed(func() error { return s.Receive(n, size) })
			if err != nil {
				return 0, nil, err
			}
			var wire int64
			out, err := timed(func() (err error) {
				wire, err = s.Send(n, messages)
				return err
			})
			return in + out, []Measure{
				perMessage(in+out, n),
				{Time, "/recv", float64(in) / float64(n)},
				{Time, "/send", float64(out) / float64(n)},
				{Wire, "", float64(wire) / float64(n)},
			}, err
		},
	}
}

// dialWorkload opens connections one after another and ends them when the time has been taken.
func dialWorkload() *Workload {
	return &Workload{
		Kind:  "dial",
		Name:  "dial",
		Path:  "/idle",
		First: 20,
		Most:  1000,
		Run: func(s *Session, n int) (time.Duration, []Measure, error) {
			opened := make([]*Session, 0, n)
			defer func() {
				for _, o := range opened {
					o.Close()
				}
			}()
			elapsed, err := timed(func() error {
				for range n {
					o, err := OpenSession(s.Contestant, s.URL, false)
					if err != nil {
						return err
					}
					opened = append(opened, o)
				}
				return nil
			})
			return elapsed, []Measure{perMessage(elapsed, n)}, err
		},
	}
}

// Kind says what a figure is.
type Kind struct {
	Group    string // first part of the name after the platform
	Unit     string
	Absolute bool // the figures themselves matter rather than their ratios
}

var (
	Time        = Kind{"", "ns", false}
	CPU         = Kind{"cpu", "ns", false}
	Main        = Kind{"main", "ns", false} // processor time of a page's main thread
	Allocs      = Kind{"alloc", "allocations", true}
	Bytes       = Kind{"bytes", "bytes", true}
	Wire        = Kind{"wire", "bytes", true}
	Memory      = Kind{"", "bytes", false}
	Goroutines  = Kind{"", "goroutines", true}
	ProgramSize = Kind{"", "bytes", false}
	Count       = Kind{"", "messages", true}
	Held        = Kind{"", "bytes", true}
)
