package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/rawclient"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

var smallSizes = serverSizes{
	idle: 5, idleTLS: 5, idleDeflate: 5,
	echo:      3,
	broadcast: 5, broadcastDeflate: 5,
	silentReaders: 2, silentMessages: 2, silentLimit: 30 * time.Second,
}

func testServerBench(t *testing.T) *serverBench {
	t.Helper()
	file, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	return &serverBench{contestants: serving.Contestants(), certificate: file, rounds: 1, sample: time.Millisecond}
}

func TestEveryServerWorkload(t *testing.T) {
	b := testServerBench(t)
	for _, w := range serverWorkloads(smallSizes) {
		t.Run(w.name, func(t *testing.T) {
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

// The servers echo what they get, and broadcast what they are told to, however they are set up.
func TestServedContent(t *testing.T) {
	b := testServerBench(t)
	for _, c := range serving.Contestants() {
		for _, w := range servedSetups() {
			t.Run(c.Name+"/"+w.name, func(t *testing.T) {
				// Not on one connection: gorilla panics when an echo and a broadcast meet.
				withServed(t, b, w, c, checkServedEcho)
				withServed(t, b, w, c, checkBroadcast)
			})
		}
	}
}

// withServed calls check with a server that has three connections.
func withServed(
	t *testing.T, b *serverBench, w *serverWorkload, c *serving.Contestant,
	check func(t *testing.T, s *served, deflate bool),
) {
	t.Helper()
	r, err := b.start(w, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := r.dial(3); err != nil {
		t.Fatal(err)
	}
	check(t, r.served, w.config.Deflate)
}

// servedSetups returns workloads that do nothing.
func servedSetups() []*serverWorkload {
	var list []*serverWorkload
	for setting, name := range []string{serving.Default: "default", serving.Small: "small", serving.Fast: "fast"} {
		for _, deflate := range []bool{false, true} {
			for _, secure := range []bool{false, true} {
				list = append(list, &serverWorkload{
					name:    fmt.Sprintf("%s,deflate=%v,tls=%v", name, deflate, secure),
					config:  serving.Config{Setting: serving.Setting(setting), Deflate: deflate, InHandler: secure, Broadcasts: true},
					secure:  secure,
					prepare: func(*served) (serverRun, error) { return nil, nil },
				})
			}
		}
	}
	return list
}

func checkServedEcho(t *testing.T, s *served, deflate bool) {
	t.Helper()
	for _, size := range []int{16, 125, 126, 1 << 10, 16 << 10} {
		want := load.BinaryPayload(size)
		frame := rawclient.Binary(want)
		if deflate {
			want = []byte(load.JSONTexts(max(size, 128))[0])
			frame = rawclient.Deflated(string(want))
		}
		if err := s.conns[0].Write(frame); err != nil {
			t.Fatal(err)
		}
		if got := nextMessage(t, s.conns[0]); !bytes.Equal(got, want) {
			t.Errorf("%.40q came back as %.40q", want, got)
		}
	}
}

// nextMessage returns a whole message, decompressed.
func nextMessage(t *testing.T, c *rawclient.Conn) []byte {
	t.Helper()
	first, message, err := c.Next()
	for last := first; err == nil && !rawclient.Last(last); {
		var more []byte
		last, more, err = c.Next()
		message = append(message, more...)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !rawclient.Compressed(first) {
		return message
	}
	text, err := rawclient.Inflate(message)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

func checkBroadcast(t *testing.T, s *served, deflate bool) {
	t.Helper()
	want := string(load.BinaryPayload(1 << 10))
	if deflate {
		want = load.JSONTexts(1 << 10)[1]
	}
	if _, err := s.ask(broadcast, len(want)); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.conns {
		if got := nextMessage(t, c); string(got) != want {
			t.Errorf("%.40q was broadcast as %.40q", want, got)
		}
	}
}

// A server that is asked for something that it cannot do returns an error.
func TestServedProcessFails(t *testing.T) {
	if _, err := startContestant(&serving.Contestant{Name: "nobody"}, serverConfig{}); err == nil {
		t.Error("a server of nobody has been started")
	}
	b := testServerBench(t)
	r, err := b.start(servedSetups()[0], serving.Contestants()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if _, err := r.ask("dance", 0); err == nil {
		t.Error("an unknown command has been obeyed")
	}
	if _, err := rawclient.Dial(r.addr, rawclient.Options{TLS: &tls.Config{}}); err == nil {
		t.Error("TLS with a server without it")
	}
}
