package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

//go:embed page
var pageFiles embed.FS

// silenceLimit is how long the page may report nothing.
const silenceLimit = 3 * time.Minute

// Limits of one sample in a page, because there not every contestant can be kept from queueing.
const (
	mostBytes = 64 << 20
	mostDials = 100
)

// pageContestants are the contestants that the page's scripts and programs add.
var pageContestants = append([]string{limit, load.Rival}, subjects...)

// pageConfig is the configuration for which the page's script asks.
type pageConfig struct {
	Server    string           `json:"server"`
	Programs  []string         `json:"programs"`
	Only      []string         `json:"only,omitempty"` // contestants
	Rounds    int              `json:"rounds"`
	Sample    float64          `json:"sample"` // milliseconds
	Workloads []pageWorkload   `json:"workloads"`
	Texts     map[int][]string `json:"texts"`
}

type pageWorkload struct {
	Name     string  `json:"name"`
	Kind     string  `json:"kind"`
	Size     int     `json:"size"`
	Path     string  `json:"path"`
	First    int     `json:"first"`
	Most     int     `json:"most"`
	Variants bool    `json:"variants"`
	Least    int     `json:"least"`
	Sample   float64 `json:"sample"` // milliseconds; 0 is that of pageConfig
}

// pageResult is the page's report about one workload.
type pageResult struct {
	Workload string `json:"workload"`
	Samples  []struct {
		Contestant string             `json:"contestant"`
		Times      map[string]float64 `json:"times"`
		Main       float64            `json:"main"` // nanoseconds of the main thread for each message; 0 if unknown
	} `json:"samples"`
}

// browser runs the workloads in a page and reports each as soon as it is done.
func (set *settings) browser(report func([]*result) error) (err error) {
	host, err := hostNamed(set.host)
	if err != nil {
		return err
	}
	for _, name := range set.peers {
		if !slices.Contains(pageContestants, name) {
			return fmt.Errorf("no contestant in a page is called %q, but %s", name, strings.Join(pageContestants, ", "))
		}
	}
	dir, err := os.MkdirTemp("", "ws-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	servers, stop, err := startServer("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	config := set.pageConfig(servers[0])
	if len(config.Workloads) > 0 {
		if err := runPage(host, config, dir, report); err != nil {
			return err
		}
	}
	if !set.workloads.MatchString(set.host + "/size") {
		return nil
	}
	sizes, err := programSizes(set.host, dir)
	if err != nil {
		return err
	}
	return report(sizes)
}

func (set *settings) pageConfig(server string) pageConfig {
	config := pageConfig{
		Server: "ws://" + server,
		Only:   set.peers,
		Rounds: set.rounds,
		Sample: float64(set.sample) / float64(time.Millisecond),
		Texts:  make(map[int][]string),
	}
	for _, w := range load.PageWorkloads() {
		if !set.workloads.MatchString(set.host + "/" + w.Name) {
			continue
		}
		most := mostDials
		if w.Size > 0 {
			most = min(w.Most, max(1, mostBytes/w.Size))
		}
		config.Workloads = append(config.Workloads, pageWorkload{
			w.Name, w.Kind, w.Size, w.Path, max(w.Least, min(w.First, most)), most, w.Variants,
			w.Least, float64(w.Sample) / float64(time.Millisecond),
		})
		if w.Kind == "json" {
			config.Texts[w.Size] = load.JSONTexts(w.Size)
		}
	}
	return config
}

// runPage serves the page, opens it in the host and passes on its reports.
func runPage(host *jsHost, config pageConfig, dir string, report func([]*result) error) error {
	files, err := pageProgram(dir)
	if err != nil {
		return err
	}
	for name := range files {
		if strings.HasSuffix(name, ".wasm") {
			config.Programs = append(config.Programs, name)
		}
	}
	// The host is in a process group of its own, so a Ctrl-C does not reach it.
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, end := context.WithCancelCause(interrupted)
	defer end(nil)
	p := &pageServer{host: host.name, files: files, config: config, report: report, end: end}
	p.silence = time.AfterFunc(silenceLimit,
		func() { end(fmt.Errorf("the page has reported nothing for %v", silenceLimit)) })
	defer p.silence.Stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: p.handler()}
	go server.Serve(l) // returns when it is closed below
	defer server.Close()
	said, err := host.open(ctx, "http://"+l.Addr().String()+"/", func(pid int) { p.pid.Store(int64(pid)) })
	if err == nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, errPageDone) {
		return nil
	}
	return fmt.Errorf("%w\n%s said:\n%s", err, host.name, said)
}

var errPageDone = errors.New("the page is done")

// pageServer is the server with which the page communicates.
type pageServer struct {
	host    string
	files   map[string][]byte
	config  pageConfig
	report  func([]*result) error
	end     context.CancelCauseFunc
	silence *time.Timer
	pid     atomic.Int64 // of the host
}

func (p *pageServer) process() int { return int(p.pid.Load()) }

func (p *pageServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{file...}", p.file)
	mux.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) {
		p.check(json.NewEncoder(w).Encode(p.config))
	})
	mux.HandleFunc("GET /main", func(w http.ResponseWriter, _ *http.Request) {
		p.check(json.NewEncoder(w).Encode(mainThreads(p.process())))
	})
	mux.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		p.silence.Reset(silenceLimit)
		var res pageResult
		if err := json.NewDecoder(r.Body).Decode(&res); err != nil {
			p.end(fmt.Errorf("a result of the page: %w", err))
			return
		}
		p.check(p.report(res.results(p.host)))
	})
	mux.HandleFunc("POST /end", func(http.ResponseWriter, *http.Request) { p.end(errPageDone) })
	mux.HandleFunc("POST /failed", func(_ http.ResponseWriter, r *http.Request) {
		reason, err := io.ReadAll(r.Body)
		p.end(errors.Join(fmt.Errorf("the page failed: %s", bytes.TrimSpace(reason)), err))
	})
	return mux
}

func (p *pageServer) check(err error) {
	if err != nil {
		p.end(err)
	}
}

// file serves a file with the headers that make the page's clock exact.
func (p *pageServer) file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if name == "" {
		name = "index.html"
	}
	data, ok := p.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	types := map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".wasm": "application/wasm"}
	w.Header().Set("Content-Type", types[filepath.Ext(name)])
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
	if _, err := w.Write(data); err != nil {
		p.end(fmt.Errorf("%s: %w", name, err))
	}
}

// results orders the suffixes like those of the contestants in Go.
func (p *pageResult) results(host string) []*result {
	var all results
	for _, suffix := range []string{"", "/recv", "/send", "/p50", "/p99"} {
		for _, s := range p.Samples {
			if value, ok := s.Times[suffix]; ok {
				all.add(host, p.Workload+suffix, load.Time, s.Contestant, value)
			}
		}
	}
	for _, s := range p.Samples {
		if s.Main > 0 {
			all.add(host, p.Workload, load.Main, s.Contestant, s.Main)
		}
	}
	return all.list
}

// pageProgram builds the files that the page needs.
func pageProgram(dir string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if files[entry.Name()], err = pageFiles.ReadFile("page/" + entry.Name()); err != nil {
			return nil, err
		}
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	support := filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")
	if files["wasm_exec.js"], err = os.ReadFile(support); err != nil {
		return nil, err
	}
	for _, name := range []string{"ws", "coder"} {
		if files[name+".wasm"], err = buildWasm(dir, "wasm/"+name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// buildWasm builds a package of this module, as users build a program for a server: without debugging information,
// which browsers do not use.
func buildWasm(dir, pkg string) ([]byte, error) {
	out := filepath.Join(dir, "program.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "github.com/seed2c7e30c3/ws/bench/"+pkg)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building %s: %w\n%s", pkg, err, said)
	}
	return os.ReadFile(out)
}

// programSizes compares the smallest programs that dial, receive and send.
func programSizes(platform, dir string) ([]*result, error) {
	var all results
	for _, name := range []string{"ws", "coder", "empty"} {
		data, err := buildWasm(dir, "wasm/size/"+name)
		if err != nil {
			return nil, err
		}
		zipped, err := gzipSize(data)
		if err != nil {
			return nil, err
		}
		for _, k := range []load.Kind{load.ProgramSize, load.Bytes} {
			all.add(platform, "size/raw", k, name, float64(len(data)))
			all.add(platform, "size/gzip", k, name, float64(zipped))
		}
	}
	return all.list, nil
}

// gzipSize returns nearly the size that gzip -9 achieves.
func gzipSize(data []byte) (int, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(data); err != nil {
		return 0, err
	}
	err = w.Close()
	return out.Len(), err
}
