package rawclient

import (
	"errors"
	"sync"
)

// Batch has several frames, one message each, that are written at once.
type Batch struct {
	Frames   []byte
	Messages int
}

// Echo sends batches on all connections at the same time: on each connection as many as rounds says, each when the
// previous one is back. It returns how many bytes came back in frames, their headers not counted.
func Echo(conns []*Conn, batches []Batch, rounds int) (payload int64, err error) {
	payloads := make([]int64, len(conns))
	err = all(len(conns), len(conns), func(i int) error {
		for round := range rounds {
			b := &batches[(i+round)%len(batches)]
			if err := conns[i].Write(b.Frames); err != nil {
				return err
			}
			n, err := conns[i].Receive(b.Messages)
			if err != nil {
				return err
			}
			payloads[i] += n
		}
		return nil
	})
	for _, n := range payloads {
		payload += n
	}
	return payload, err
}

// DialAll opens n connections, some at a time.
func DialAll(addr string, o Options, n, parallel int) ([]*Conn, error) {
	conns := make([]*Conn, n)
	err := all(n, parallel, func(i int) (err error) {
		conns[i], err = Dial(addr, o)
		return err
	})
	if err != nil {
		CloseAll(conns)
		return nil, err
	}
	return conns, nil
}

// CloseAll cuts connections, of which some may be nil.
func CloseAll(conns []*Conn) {
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}

// Upgrade opens n connections, some at a time, and cuts each at once.
func Upgrade(addr string, o Options, n, parallel int) error {
	return all(n, parallel, func(int) error {
		c, err := Dial(addr, o)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// all calls f with 0 to n-1, in some goroutines, and returns their errors.
func all(n, parallel int, f func(i int) error) error {
	errs := make([]error, min(n, parallel))
	var group sync.WaitGroup
	for first := range errs {
		group.Go(func() {
			for i := first; i < n && errs[first] == nil; i += parallel {
				errs[first] = f(i)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
