package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// idleConnections is the number of connections that are opened to measure their cost.
const idleConnections = 5000

// idleCost is what one process uses, or the cost of one connection.
type idleCost struct {
	Memory     float64 // bytes of heap in use and stacks
	RSS        float64 // bytes; 0 if the system does not report it
	Goroutines float64
}

// measureIdle has each contestant hold idle connections in a process of its own.
func measureIdle(b *nativeBench, connections, rounds int) ([]*result, error) {
	var all results
	for range rounds {
		for _, c := range b.contestants {
			// An idle program waits for messages. ws needs no goroutine of the user's for that when it has a handler.
			if c.Receives || c.Name == load.Subject && hasVariant(b.contestants) {
				continue
			}
			cost, err := idleProcess(b.server, c, connections)
			if err != nil {
				return nil, fmt.Errorf("idle connections: %s: %w", c.Name, err)
			}
			name := c.Name
			if c.Variant {
				name = load.Subject
			}
			all.add(b.platform, "idle/heap+stack", load.Memory, name, cost.Memory)
			all.add(b.platform, "idle/heap+stack", load.Bytes, name, cost.Memory)
			if cost.RSS != 0 {
				all.add(b.platform, "idle/rss", load.Memory, name, cost.RSS)
				all.add(b.platform, "idle/rss", load.Bytes, name, cost.RSS)
			}
			all.add(b.platform, "idle/goroutines", load.Goroutines, name, cost.Goroutines)
		}
	}
	return all.list, nil
}

func hasVariant(list []*load.Contestant) bool {
	for _, c := range list {
		if c.Variant && !c.Receives {
			return true
		}
	}
	return false
}

func idleProcess(server string, c *load.Contestant, connections int) (idleCost, error) {
	cmd, err := subprocess("idle", server, c.Name, strconv.Itoa(connections))
	if err != nil {
		return idleCost{}, err
	}
	out, err := cmd.Output()
	if err != nil {
		return idleCost{}, err
	}
	var cost idleCost
	return cost, json.Unmarshal(out, &cost)
}

// runIdle is the process: it prints the cost of one connection.
func runIdle(server, name, count string) error {
	c, err := contestantNamed(name)
	if err != nil {
		return err
	}
	connections, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	url := server + "/idle"
	// What the first connection allocates for good is not part of the cost of further ones.
	clients, err := openIdle(c, url, 10)
	if err != nil {
		return err
	}
	before, err := currentCost(idleCollections)
	if err != nil {
		return err
	}
	more, err := openIdle(c, url, connections)
	if err != nil {
		return err
	}
	after, err := currentCost(idleCollections)
	if err != nil {
		return err
	}
	n := float64(connections)
	err = json.NewEncoder(os.Stdout).Encode(idleCost{
		Memory:     (after.Memory - before.Memory) / n,
		RSS:        (after.RSS - before.RSS) / n,
		Goroutines: (after.Goroutines - before.Goroutines) / n,
	})
	runtime.KeepAlive(append(clients, more...))
	return err
}

// openIdle opens n connections, each waiting for a message. They are not sessions, whose memory would count too.
func openIdle(c *load.Contestant, url string, n int) ([]load.Client, error) {
	clients := make([]load.Client, n)
	errs := make([]error, n)
	var group sync.WaitGroup
	const parallel = 20
	for first := range parallel {
		group.Go(func() {
			for i := first; i < n; i += parallel {
				clients[i], errs[i] = c.Dial(url, false, nobody)
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, client := range clients {
		if p, ok := client.(load.Puller); ok {
			go p.Receive() // otherwise it would not answer pings
		}
	}
	return clients, nil
}

var nobody = load.Callbacks{Message: func(load.Received) {}, Failed: func(error) {}}

// idleCollections is the number of garbage collections in a process that has been idle for some time. Each one halves a
// stack that is too large, and frees what the previous one has moved into the second half of pools.
const idleCollections = 5

func currentCost(collections int) (idleCost, error) {
	for range collections {
		runtime.GC()
	}
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	rss, err := residentBytes()
	return idleCost{
		Memory:     float64(stats.HeapAlloc + stats.StackInuse),
		RSS:        rss,
		Goroutines: float64(runtime.NumGoroutine()),
	}, err
}

// residentBytes returns 0 on systems without /proc.
func residentBytes() (float64, error) {
	data, err := os.ReadFile("/proc/self/statm")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/self/statm is %q", data)
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize()), err
}
