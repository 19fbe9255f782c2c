package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// workerd, the runtime of Cloudflare's Workers, has no files, no arguments and no way to compile WebAssembly. The
// program is a module of a worker, which runs it while it answers one request. Everything else it does with requests,
// as a page does.

func workerd(l *launch, config string) *exec.Cmd {
	args := append([]string{"serve", "--control-fd=3"}, l.args...)
	return exec.Command(l.executable, append(args, config)...)
}

// workerdConfig is Cap'n Proto text. The date is the newest that workerd knows; it refuses later ones.
const workerdConfig = `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "net", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const main :Workerd.Worker = (
  modules = [%s],
  compatibilityDate = "%s",
  compatibilityFlags = [%s],
  globalOutbound = "net",
);
`

// runWorkerd runs the program in workerd.
func (r *run) runWorkerd(ctx context.Context, l *launch) (int, error) {
	l.version = hostVersion(ctx, r.executable, nil)
	server, err := servePage(r.settings.listen, r.program, pageSettings{}, r.stdout, r.stderr)
	if err != nil {
		return 0, fmt.Errorf("serving the program: %w", err)
	}
	r.server = server
	config, err := r.writeWorker(l)
	if err != nil {
		return 0, err
	}
	control, controlWriter, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("starting workerd: %w", err)
	}
	defer control.Close()
	cmd := r.host.worker(l, config)
	cmd.Dir = filepath.Dir(config)
	cmd.ExtraFiles = []*os.File{controlWriter}
	cmd.Stdout, cmd.Stderr = r.log, r.log
	p, err := r.start(cmd, killGroup)
	controlWriter.Close()
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { control.Close() })
	defer stop()
	port, err := workerdPort(control)
	if err != nil {
		return 0, r.withLog(fmt.Errorf("workerd did not start: %w", err))
	}
	go func() {
		if err := askWorker(ctx, port); err != nil {
			server.end(pageEnd{err: r.withLog(fmt.Errorf("the worker: %w", err))})
		}
	}()
	return r.watch(ctx, &p)
}

// writeWorker writes the modules and the configuration and returns the file name of the configuration.
func (r *run) writeWorker(l *launch) (string, error) {
	dir := filepath.Join(r.dir, "worker")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	var modules, imports []string
	add := func(name, kind string, text []byte) error {
		modules = append(modules, fmt.Sprintf("(name = %q, %s = embed %q)", name, kind, name))
		return os.WriteFile(filepath.Join(dir, name), text, 0o600)
	}
	scripts := make(map[string]string) // module: file
	for i, script := range r.program.Scripts {
		name := fmt.Sprintf("script%d-%s", i, filepath.Base(string(script)))
		scripts[name] = string(script)
		imports = append(imports, name)
	}
	scripts["wasm_exec.js"] = r.program.WasmExec
	imports = append(imports, "wasm_exec.js")
	testbrowser, err := workerdModule()
	if err != nil {
		return "", err
	}
	module, err := os.ReadFile(r.program.Wasm)
	if err != nil {
		return "", err
	}
	var main strings.Builder
	main.WriteString("import module from \"test.wasm\";\nimport { run } from \"testbrowser.js\";\n")
	for _, name := range imports {
		fmt.Fprintf(&main, "import %q;\n", name)
	}
	fmt.Fprintf(&main, "export default { async fetch() { await run(module, %q); return new Response(); } };\n",
		r.server.url+own)
	errs := []error{add("main.js", "esModule", []byte(main.String())),
		add("testbrowser.js", "esModule", []byte(testbrowser)), add("test.wasm", "wasm", watchGetenv(module))}
	for name, file := range scripts {
		text, err := os.ReadFile(file)
		errs = append(errs, err, add(name, "esModule", text))
	}
	date := l.version[strings.LastIndexByte(l.version, ' ')+1:]
	var flags []string
	if date < "2026-08-04" { // from that date on it is the default, and setting it is an error
		flags = append(flags, `"nodejs_compat"`)
	}
	config := filepath.Join(dir, "config.capnp")
	text := fmt.Sprintf(workerdConfig, strings.Join(modules, ", "), date, strings.Join(flags, ", "))
	return config, errors.Join(append(errs, os.WriteFile(config, []byte(text), 0o600))...)
}

// workerdPort waits until workerd says on which port it listens.
func workerdPort(control io.Reader) (int, error) {
	lines := bufio.NewScanner(control)
	for lines.Scan() {
		var event struct {
			Event string `json:"event"`
			Port  int    `json:"port"`
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return 0, fmt.Errorf("it said %q: %w", lines.Text(), err)
		}
		if event.Event == "listen" {
			return event.Port, nil
		}
	}
	return 0, errors.Join(errors.New("it named no port"), lines.Err())
}

// askWorker makes the request that runs the program.
func askWorker(ctx context.Context, port int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(port), nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{}} // no proxy
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
