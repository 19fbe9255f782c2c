package demo

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/seed2c7e30c3/ws"
)

const (
	floodSize    = 50_000_000
	floodMessage = 50_000
	floodAhead   = 1 << 20 // how much Drain lets wait
	floodLimit   = time.Minute
	samplePeriod = 50 * time.Millisecond

	measureTime   = 2 * time.Second
	reportPeriod  = 100 * time.Millisecond
	roundTripsFor = 20 * time.Millisecond // are measured together, because browsers' clocks are coarse
	rateInFlight  = 64
	measuredBytes = 32
)

// flood sends 50 MB to a server that reads slowly, and shows how bufferedAmount changes. With a.Drain at most 1 MiB
// waits at a time; without it, everything is queued at once.
func (c *Client) flood(ctx context.Context, t *track, a Action) {
	ctx, cancel := context.WithTimeout(ctx, floodLimit)
	defer cancel()
	conn, err := ws.Dial(ctx, SlowPath, &ws.Options{BaseURL: c.base})
	if err != nil {
		t.fail("Dial", err)
		return
	}
	defer conn.CloseNow()
	series := "Send"
	if a.Drain {
		series = "Drain, Send"
	}
	sampled := make(chan struct{})
	sent := make(chan struct{})
	go func() {
		defer close(sampled)
		c.sampleBuffered(t, conn, series, sent)
	}()
	err = sendAll(ctx, conn, a.Drain)
	close(sent)
	<-sampled
	if err == nil {
		err = conn.Shutdown(ctx, ws.StatusNormalClosure, "")
	}
	t.add(nil, result(fmt.Sprintf("%s of %d bytes", series, floodSize), err))
}

func sendAll(ctx context.Context, conn *ws.Conn, drain bool) error {
	message := ws.NewArrayBuffer(make([]byte, floodMessage))
	for range floodSize / floodMessage {
		if drain {
			if err := conn.Drain(ctx, floodAhead); err != nil {
				return err
			}
		}
		if err := conn.Send(message); err != nil {
			return err
		}
		runtime.Gosched() // a browser has one thread: now a sample can be taken
	}
	return conn.Drain(ctx, 0)
}

// sampleBuffered reports bufferedAmount until stop is closed.
func (c *Client) sampleBuffered(t *track, conn *ws.Conn, series string, stop <-chan struct{}) {
	tick := time.NewTicker(samplePeriod)
	defer tick.Stop()
	begun := time.Now()
	for last := false; ; {
		c.tell(Report{Points: &Points{Plot: Flood, Series: series, X: []float64{time.Since(begun).Seconds()},
			Y: []float64{float64(conn.BufferedAmount())}}})
		if last {
			return
		}
		select {
		case <-tick.C:
		case <-stop:
			last = true
		}
	}
}

// roundTrips sends a message and waits until it has come back, again and again, and reports how long that takes.
func (c *Client) roundTrips(ctx context.Context, t *track, a Action) {
	c.measure(ctx, t, RoundTrips, func(ctx context.Context, conn *ws.Conn, points *batch) error {
		message := ws.NewArrayBuffer(make([]byte, measuredBytes))
		n, since := 0, time.Now()
		for points.running() {
			if err := conn.Send(message); err != nil {
				return err
			}
			if _, err := conn.Read(ctx); err != nil {
				return err
			}
			n++
			if took := time.Since(since); took >= roundTripsFor {
				points.add(float64(took.Microseconds()) / float64(n))
				n, since = 0, time.Now()
			}
		}
		return nil
	})
}

// rate keeps some messages under way, and reports how many come back a second.
func (c *Client) rate(ctx context.Context, t *track, a Action) {
	c.measure(ctx, t, Rate, func(ctx context.Context, conn *ws.Conn, points *batch) error {
		message := ws.NewArrayBuffer(make([]byte, measuredBytes))
		for range rateInFlight {
			if err := conn.Send(message); err != nil {
				return err
			}
		}
		n, since := 0, time.Now()
		for points.running() {
			if _, err := conn.Read(ctx); err != nil {
				return err
			}
			if err := conn.Send(message); err != nil {
				return err
			}
			if n++; n%rateInFlight != 0 {
				continue
			}
			if took := time.Since(since); took >= reportPeriod {
				points.add(float64(n) / took.Seconds())
				n, since = 0, time.Now()
			}
		}
		return nil
	})
}

// measure connects to the server that sends everything back, and lets f measure for a while.
func (c *Client) measure(ctx context.Context, t *track, plot Verb, f func(context.Context, *ws.Conn, *batch) error) {
	conn, err := ws.Dial(ctx, MeasurePath, &ws.Options{BaseURL: c.base})
	if err != nil {
		t.fail("Dial", err)
		return
	}
	defer conn.CloseNow()
	points := &batch{client: c, plot: plot, begun: time.Now(), reported: time.Now()}
	err = f(ctx, conn, points)
	points.report()
	t.add(nil, result(string(plot), err))
}

// A batch collects points, and reports them together: a report takes longer than what is measured.
type batch struct {
	client   *Client
	plot     Verb
	begun    time.Time
	reported time.Time
	x, y     []float64
}

func (b *batch) running() bool { return time.Since(b.begun) < measureTime }

func (b *batch) add(y float64) {
	now := time.Now()
	b.x, b.y = append(b.x, now.Sub(b.begun).Seconds()), append(b.y, y)
	if now.Sub(b.reported) >= reportPeriod {
		b.report()
	}
}

func (b *batch) report() {
	if len(b.x) == 0 {
		return
	}
	b.client.tell(Report{Points: &Points{Plot: b.plot, X: b.x, Y: b.y}})
	b.x, b.y, b.reported = nil, nil, time.Now()
}
