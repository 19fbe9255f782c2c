// Bench compares ws with its alternatives: other Go clients natively; raw JavaScript and coder/websocket in a browser.
// See README.md.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
	"github.com/seed2c7e30c3/ws/bench/internal/serving"
)

// roleVariable gives this program another role than that of the benchmark: see subprocess.
const roleVariable = "WS_BENCH_ROLE"

// limit names the contestant that no Go program can beat in a browser.
const limit = "JavaScript"

func main() {
	err := runRole(os.Getenv(roleVariable), os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func runRole(role string, args []string) error {
	switch role {
	case "server":
		return runServer(os.Stdin, os.Stdout, args[0])
	case "idle":
		return runIdle(args[0], args[1], args[2])
	case "contestant":
		return runContestant(os.Stdin, os.Stdout, args[0])
	}
	set, err := parseFlags(args)
	if err != nil {
		return err
	}
	return set.main()
}

// settings are the flags.
type settings struct {
	quick      bool
	host       string
	workloads  *regexp.Regexp
	peers      []string
	rounds     int
	sample     time.Duration
	json       string
	plot       string
	cpuprofile string
	srvprofile string
}

func parseFlags(args []string) (*settings, error) {
	set := new(settings)
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&set.quick, "quick", false, "few repetitions, and one line for each figure: its name, "+
		"ws / best peer (in a browser: ws / raw JavaScript), ws / coder")
	flags.StringVar(&set.host, "host", "", "run in this `host` (chromium, firefox or node) instead of natively")
	run := flags.String("run", "", "only workloads whose name matches this `regexp`")
	peers := flags.String("peers", "", "only these contestants, `names` separated by commas")
	flags.IntVar(&set.rounds, "rounds", 0, "samples of each contestant and workload (default 15, with -quick 5)")
	flags.DurationVar(&set.sample, "sample", 0, "how long a sample takes (default 300ms, with -quick 60ms)")
	flags.StringVar(&set.json, "json", "", "write every sample to this `file`")
	flags.StringVar(&set.plot, "plot", "", "draw bar charts into this `directory`")
	flags.StringVar(&set.cpuprofile, "cpuprofile", "",
		"write a CPU profile of the native clients to this `file`; of use with -run and -peers")
	flags.StringVar(&set.srvprofile, "serverprofile", "",
		"write a CPU profile of the server of the rows server/... to this `file`; of use with -run and one of -peers")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	var err error
	if set.workloads, err = regexp.Compile(*run); err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	if *peers != "" {
		set.peers = strings.Split(*peers, ",")
	}
	if set.rounds == 0 {
		set.rounds = 15
		if set.quick {
			set.rounds = 5
		}
	}
	if set.sample == 0 {
		set.sample = 300 * time.Millisecond
		if set.quick {
			set.sample = 60 * time.Millisecond
		}
	}
	if set.rounds < 0 || set.sample < 0 {
		return nil, errors.New("-rounds and -sample must be positive")
	}
	return set, nil
}

func (set *settings) main() (err error) {
	if set.cpuprofile != "" {
		var stop func() error
		if stop, err = profile(set.cpuprofile); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	var all []*result
	report := func(list []*result) error {
		all = append(all, list...)
		for _, r := range list {
			if err := set.print(r); err != nil {
				return err
			}
		}
		return nil
	}
	if set.host != "" {
		err = set.browser(report)
	} else {
		err = set.native(report)
	}
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("no workload matches %q", set.workloads)
	}
	if set.json != "" {
		if err := writeJSON(set.json, all); err != nil {
			return err
		}
	}
	if set.plot != "" {
		return plotAll(set.plot, all)
	}
	return nil
}

func writeJSON(name string, all []*result) error {
	data, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o666)
}

func (set *settings) print(r *result) error {
	if set.quick {
		if strings.Contains(r.Name, "/"+load.CPU.Group+"/") {
			return nil
		}
		return r.printQuick(os.Stdout)
	}
	return r.printTable(os.Stdout)
}

func profile(name string) (stop func() error, err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// native runs the native workloads, clients first, and reports each as soon as it is done.
func (set *settings) native(report func([]*result) error) (err error) {
	if err := set.checkPeers(); err != nil {
		return err
	}
	certificate, remove, err := makeCertificate()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := set.clients(certificate, report); err != nil {
		return err
	}
	return set.servers(certificate, report)
}

// clients runs the workloads of clients.
func (set *settings) clients(certificate string, report func([]*result) error) (err error) {
	list := slices.DeleteFunc(slices.Clone(contestants), func(c *load.Contestant) bool { return !set.wants(c.Name) })
	servers, stop, err := startServer(certificate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	b := &nativeBench{platform: "native", server: "ws://" + servers[0], contestants: list, rounds: set.rounds,
		sample: set.sample}
	secure := *b
	secure.platform, secure.server = "tls", "wss://"+servers[1]
	for _, w := range load.Workloads() {
		if err := set.nativeWorkload(b, w, report); err != nil {
			return err
		}
	}
	if err := set.idle(b, report); err != nil {
		return err
	}
	for _, w := range load.Workloads() {
		if w.Kind != "recv" && w.Kind != "send" && w.Kind != "pingpong" {
			continue // these show what TLS changes
		}
		if err := set.nativeWorkload(&secure, w, report); err != nil {
			return err
		}
	}
	return set.idle(&secure, report)
}

func (set *settings) nativeWorkload(b *nativeBench, w *load.Workload, report func([]*result) error) error {
	if !set.workloads.MatchString(b.platform + "/" + w.Name) {
		return nil
	}
	results, err := b.measure(w)
	if err != nil {
		return err
	}
	return report(results)
}

func (set *settings) idle(b *nativeBench, report func([]*result) error) error {
	if !set.workloads.MatchString(b.platform + "/idle") {
		return nil
	}
	results, err := measureIdle(b, idleConnections, max(1, set.rounds/5))
	if err != nil {
		return err
	}
	return report(results)
}

// servers runs the workloads of servers.
func (set *settings) servers(certificate string, report func([]*result) error) error {
	b := &serverBench{certificate: certificate, profile: set.srvprofile, rounds: set.rounds, sample: set.sample}
	for _, c := range serving.Contestants() {
		if set.wants(c.Name) {
			b.contestants = append(b.contestants, c)
		}
	}
	for _, w := range serverWorkloads(fullSizes) {
		if !set.workloads.MatchString("server/" + w.name) {
			continue
		}
		results, err := b.measure(w)
		if err != nil {
			return err
		}
		if err := report(results); err != nil {
			return err
		}
	}
	return nil
}

// wants reports whether -peers has the name.
func (set *settings) wants(name string) bool {
	return set.peers == nil || slices.Contains(set.peers, name)
}

// checkPeers looks for unknown names in -peers.
func (set *settings) checkPeers() error {
	for _, name := range set.peers {
		_, noClient := contestantNamed(name)
		_, noServer := serving.Named(name)
		if noClient != nil && noServer != nil {
			return noClient
		}
	}
	return nil
}
