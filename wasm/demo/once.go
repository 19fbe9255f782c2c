package demo

import (
	"context"
	"errors"

	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// Compared does everything that has the same lines everywhere: the tour, then the servers that all engines treat alike.
// It passes each line to log, as Line.String returns it, and returns an error if the tour has not reached its end.
func Compared(ctx context.Context, base string, scenarios []*scenario.Scenario, servers []Server,
	log func(string)) error {
	reports := make(chan Report, 1<<10)
	c := NewClient("", base, scenarios, func(r Report) { reports <- r })
	defer c.End()
	id := 0
	do := func(a Action) (last *Line, err error) {
		id++
		a.ID = id
		c.Do(ctx, a)
		for {
			r := <-reports
			switch {
			case r.Line != nil:
				last = r.Line
				log(last.String())
			case r.Ended == id:
				return last, ctx.Err()
			}
		}
	}
	last, err := do(Action{Do: Tour})
	if err != nil {
		return err
	}
	if last == nil || last.Text != tourEnd {
		return errors.New("the tour has not reached its end")
	}
	for _, s := range servers {
		if !s.Alike {
			continue
		}
		if _, err := do(Action{Do: Replay, Scenario: s.Scenario, Limit: s.Limit}); err != nil {
			return err
		}
	}
	return nil
}

// tourEnd is the last line of a tour: the connection is closed by then.
const tourEnd = `Send(text "too late") → ws: InvalidStateError: Send in state CLOSED`
