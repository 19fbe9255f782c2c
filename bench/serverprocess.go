package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

// serverConfig is what a server's process gets as its argument.
type serverConfig struct {
	Name        string // of the contestant
	Certificate string // file; "" for no TLS
	Profile     string // file for a CPU profile; "" for none
	serving.Config
}

// command is a line of the process's standard input. The answer is a status.
type command struct {
	Do commandKind
	N  int
}

type commandKind string

const (
	sayUsage  commandKind = "usage"     // what has been used until now
	collect   commandKind = "collect"   // collect garbage, then as sayUsage
	sayMemory commandKind = "memory"    // what is held, after some collections
	awaitOpen commandKind = "open"      // answer when N connections are open
	broadcast commandKind = "broadcast" // begin to send N bytes to every connection
)

// status is a line of the process's standard output. The first one has the address.
type status struct {
	Addr      string
	CPU       time.Duration // 0 if the system does not report it
	Mallocs   uint64
	Allocated uint64 // bytes
	Held      idleCost
	Error     string
}

// runContestant serves until stdin ends, that is, until the benchmark is gone.
func runContestant(stdin io.Reader, stdout io.Writer, argument string) (err error) {
	var config serverConfig
	if err := json.Unmarshal([]byte(argument), &config); err != nil {
		return err
	}
	if config.Profile != "" {
		var stop func() error
		if stop, err = profile(config.Profile); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	p, err := newServing(config)
	if err != nil {
		return err
	}
	answers := json.NewEncoder(stdout)
	if err := answers.Encode(status{Addr: p.listener.Addr().String()}); err != nil {
		return err
	}
	commands := json.NewDecoder(stdin)
	for {
		var c command
		if err := commands.Decode(&c); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := answers.Encode(p.obey(c)); err != nil {
			return err
		}
	}
}

// servingProcess is the process: a contestant that serves.
type servingProcess struct {
	config     serverConfig
	listener   net.Listener
	server     serving.Server
	broadcasts chan []byte
	failed     atomic.Pointer[error] // of a broadcast
	texts      []string              // for compressed broadcasts, used by turns
	next       int

	mu      sync.Mutex
	open    int
	changed sync.Cond // open has
}

func newServing(config serverConfig) (*servingProcess, error) {
	c, err := serving.Named(config.Name)
	if err != nil {
		return nil, err
	}
	p := &servingProcess{config: config, broadcasts: make(chan []byte, 1)}
	p.changed.L = &p.mu
	p.server = c.New(config.Config, func() { p.count(1) }, func() { p.count(-1) })
	if config.Certificate != "" {
		p.listener, err = listenTLS(config.Certificate)
	} else {
		p.listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, err
	}
	go p.serve()
	go p.send()
	return p, nil
}

func (p *servingProcess) serve() {
	// It serves as long as the process exists.
	fmt.Fprintln(os.Stderr, "bench contestant:", http.Serve(p.listener, p.server))
}

// send sends the broadcasts. It may block, and the process must answer commands all the same.
func (p *servingProcess) send() {
	for data := range p.broadcasts {
		if err := p.server.Broadcast(data); err != nil {
			p.failed.Store(&err)
		}
	}
}

func (p *servingProcess) count(change int) {
	p.mu.Lock()
	p.open += change
	p.mu.Unlock()
	p.changed.Broadcast()
}

func (p *servingProcess) obey(c command) status {
	if err := p.failed.Load(); err != nil {
		return status{Error: (*err).Error()}
	}
	switch c.Do {
	case sayUsage:
		return usage()
	case collect:
		runtime.GC()
		return usage()
	case sayMemory:
		held, err := currentCost(c.N)
		if err != nil {
			return status{Error: err.Error()}
		}
		return status{Held: held}
	case awaitOpen:
		p.mu.Lock()
		defer p.mu.Unlock()
		for p.open != c.N {
			p.changed.Wait()
		}
		return status{}
	case broadcast:
		select {
		case p.broadcasts <- p.message(c.N):
			return status{}
		default:
			return status{Error: "two broadcasts stand still"}
		}
	}
	return status{Error: fmt.Sprintf("no such command: %q", c.Do)}
}

// message returns different texts, one after another, if the server compresses.
func (p *servingProcess) message(size int) []byte {
	if !p.config.Deflate {
		return load.BinaryPayload(size)
	}
	if len(p.texts) == 0 {
		p.texts = load.JSONTexts(size)
	}
	p.next++
	return []byte(p.texts[p.next%len(p.texts)])
}

func usage() status {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return status{CPU: cpuTime(), Mallocs: stats.Mallocs, Allocated: stats.TotalAlloc}
}

// serverProcess is such a process, as the benchmark sees it.
type serverProcess struct {
	contestant *serving.Contestant
	addr       string
	cmd        *exec.Cmd
	in         io.WriteCloser
	commands   *json.Encoder
	answers    *json.Decoder
}

func startContestant(c *serving.Contestant, config serverConfig) (*serverProcess, error) {
	config.Name = c.Name
	argument, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	cmd, err := subprocess("contestant", string(argument))
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &serverProcess{contestant: c, cmd: cmd, in: in, commands: json.NewEncoder(in), answers: json.NewDecoder(out)}
	first, err := p.answer()
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.addr = first.Addr
	return p, nil
}

// ask sends a command and waits for the answer.
func (p *serverProcess) ask(do commandKind, n int) (status, error) {
	if err := p.commands.Encode(command{do, n}); err != nil {
		return status{}, fmt.Errorf("%s: a command: %w", p.contestant.Name, err)
	}
	return p.answer()
}

func (p *serverProcess) answer() (s status, err error) {
	// A process that does not answer is ended, and then there is nothing to read.
	limit := time.AfterFunc(load.SampleLimit, func() { p.cmd.Process.Kill() })
	defer limit.Stop()
	if err = p.answers.Decode(&s); err == nil && s.Error != "" {
		err = errors.New(s.Error)
	}
	if err != nil {
		err = fmt.Errorf("%s: an answer: %w", p.contestant.Name, err)
	}
	return s, err
}

// stop ends the process.
func (p *serverProcess) stop() error {
	p.in.Close()
	return p.cmd.Wait()
}
