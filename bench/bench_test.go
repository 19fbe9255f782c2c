package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// TestMain lets the test binary be the server and the idle processes, as the program itself is.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := runRole(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// certificate is what TLS uses, made once: a process looks for the certificates that it trusts only once.
var certificate = sync.OnceValues(func() (string, error) {
	file, _, err := makeCertificate()
	return file, err
})

// testServer returns the addresses of a server, without and with TLS.
func testServer(t *testing.T) []string {
	t.Helper()
	file, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	addrs, stop, err := startServer(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return addrs
}

func TestEveryWorkload(t *testing.T) {
	b := &nativeBench{platform: "native", server: "ws://" + testServer(t)[0], contestants: contestants, rounds: 1,
		sample: time.Millisecond}
	for _, w := range load.Workloads() {
		t.Run(w.Name, func(t *testing.T) {
			list, err := b.measure(w)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				t.Fatal("no results")
			}
			for _, r := range list {
				checkResult(t, r)
			}
		})
	}
}

// checkResult checks that a result has a figure of every contestant that took part, and that it can be printed.
func checkResult(t *testing.T, r *result) {
	t.Helper()
	for _, name := range r.contestants() {
		if len(r.Samples[name]) != 1 {
			t.Errorf("%s: %s has the samples %v", r.Name, name, r.Samples[name])
		}
	}
	if len(r.contestants()) < 3 {
		t.Errorf("%s: only %q took part", r.Name, r.contestants())
	}
	var quick, table bytes.Buffer
	if err := r.printQuick(&quick); err != nil {
		t.Error(err)
	}
	if err := r.printTable(&table); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(quick.String()) {
		if len(strings.Fields(line)) != 3 || strings.Contains(line, "NaN") {
			t.Errorf("the line %q does not have three columns", line)
		}
	}
}

func TestIdle(t *testing.T) {
	addrs := testServer(t)
	for _, server := range []string{"ws://" + addrs[0], "wss://" + addrs[1]} {
		list, err := measureIdle(&nativeBench{platform: "native", server: server, contestants: contestants}, 20, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			checkResult(t, r)
		}
	}
}

// Every workload in every browser and Node that this machine has.
func TestEveryHost(t *testing.T) {
	if testing.Short() {
		t.Skip("browsers take long")
	}
	for _, host := range jsHosts {
		t.Run(host.name, func(t *testing.T) {
			if _, err := host.find(); err != nil {
				t.Skip(err)
			}
			set, err := parseFlags([]string{"-quick", "-host", host.name, "-rounds", "1", "-sample", "1ms"})
			if err != nil {
				t.Fatal(err)
			}
			var all []*result
			err = set.browser(func(list []*result) error {
				all = append(all, list...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range all {
				checkResult(t, r)
			}
			// One that the page reported first, and one that needs no page.
			for _, name := range []string{"/pingpong/16B/p50", "/dial", "/size/gzip"} {
				if !slices.ContainsFunc(all, func(r *result) bool { return r.Name == host.name+name }) {
					t.Errorf("no result %s%s", host.name, name)
				}
			}
		})
	}
}

// What the contestants receive is what the server was asked for, and what they send arrives.
func TestContent(t *testing.T) {
	addr := testServer(t)[0]
	for _, c := range contestants {
		t.Run(c.Name, func(t *testing.T) {
			if c.Receives {
				if c.Name == load.Append {
					checkReceived(t, c, addr, "binary", string(load.BinaryPayload(1<<10)), false)
				}
				return // the others do not tell messages apart
			}
			for _, size := range append(load.FloodSizes, 16<<20) {
				checkEcho(t, c, addr, size)
			}
			checkReceived(t, c, addr, "binary", string(load.BinaryPayload(1<<10)), false)
			text := load.JSONTexts(1 << 10)
			if c.Takeover {
				checkReceived(t, c, addr, "deflate", text[1], true)
			}
		})
	}
}

func checkEcho(t *testing.T, c *load.Contestant, addr string, size int) {
	t.Helper()
	s, err := load.OpenSession(c, "ws://"+addr+"/echo", false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Verify = true
	if err := s.Echo(2, load.BinaryMessage(load.BinaryPayload(size))); err != nil {
		t.Fatal(err)
	}
}

// checkReceived checks the second of two messages.
func checkReceived(t *testing.T, c *load.Contestant, addr, kind, want string, deflate bool) {
	t.Helper()
	url := fmt.Sprintf("ws://%s/recv?kind=%s&size=%d", addr, kind, len(want))
	if deflate {
		url += "&deflate=1"
	}
	s, err := load.OpenSession(c, url, deflate)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Receive(2, len(want)); err != nil {
		t.Fatal(err)
	}
	if string(s.Last()) != want {
		t.Errorf("%s: received %.50q instead of %.50q", kind, s.Last(), want)
	}
}

func TestJSONTexts(t *testing.T) {
	for _, size := range []int{1 << 10, 64 << 10} {
		for _, text := range load.JSONTexts(size) {
			if len(text) != size {
				t.Fatalf("a text has %d bytes instead of %d", len(text), size)
			}
		}
	}
}

func TestQuantile(t *testing.T) {
	r := &result{Samples: map[string][]float64{"ws": {4, 1, 3, 2}}}
	for q, want := range map[float64]float64{0: 1, 0.5: 2.5, 1: 4} {
		if got := r.quantile("ws", q); got != want {
			t.Errorf("quantile %v is %v, not %v", q, got, want)
		}
	}
}
