//go:build js && wasm

// Package page makes contestants that are Go programs available to the JavaScript that runs the benchmark in a page.
package page

import (
	"fmt"
	"runtime"
	"syscall/js"

	"github.com/seed2c7e30c3/ws/bench/internal/load"
)

// Serve hands the contestants to globalThis.addContestant and never returns. A contestant is an object with
//
//	open(workload, server, done)  opens a connection
//	sample(n, done)               runs the workload once and gives its measures: {suffix: nanoseconds}
//	close()
//
// done is called with an error message or null, and a result.
func Serve(contestants ...*load.Contestant) {
	workloads := make(map[string]*load.Workload)
	for _, w := range load.PageWorkloads() {
		workloads[w.Name] = w
	}
	for _, c := range contestants {
		object := (&program{contestant: c, workloads: workloads}).object()
		js.Global().Call("addContestant", c.Name, c.Variant, c.Receives, object)
	}
	select {}
}

// program is a contestant with the connection that it has open.
type program struct {
	contestant *load.Contestant
	workloads  map[string]*load.Workload
	workload   *load.Workload
	session    *load.Session
}

func (p *program) object() js.Value {
	object := js.Global().Get("Object").New()
	object.Set("open", js.FuncOf(func(_ js.Value, args []js.Value) any {
		name, server, done := args[0].String(), args[1].String(), args[2]
		go func() { finish(done, nil, p.open(name, server)) }()
		return nil
	}))
	object.Set("sample", js.FuncOf(func(_ js.Value, args []js.Value) any {
		n, done := args[0].Int(), args[1]
		go func() {
			measures, err := p.sample(n)
			finish(done, measures, err)
		}()
		return nil
	}))
	object.Set("close", js.FuncOf(func(js.Value, []js.Value) any {
		p.session.Close()
		return nil
	}))
	return object
}

func finish(done js.Value, result any, err error) {
	if err != nil {
		done.Invoke(err.Error(), nil)
		return
	}
	done.Invoke(nil, result)
}

func (p *program) open(name, server string) error {
	w := p.workloads[name]
	if w == nil {
		return fmt.Errorf("no workload is called %q", name)
	}
	s, err := load.OpenSession(p.contestant, server+w.Path, w.Deflate)
	p.workload, p.session = w, s
	return err
}

func (p *program) sample(n int) (any, error) {
	runtime.GC()
	_, measures, err := p.workload.Run(p.session, n)
	if err != nil {
		return nil, err
	}
	times := make(map[string]any)
	for _, m := range measures {
		if m.Kind == load.Time {
			times[m.Suffix] = m.Value
		}
	}
	return times, nil
}
