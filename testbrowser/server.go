package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// aliveInterval is the time between two bytes of the response that the page keeps open. Each asks for an answer.
const aliveInterval = time.Second

// program describes what a host runs.
type program struct {
	Wasm     string            `json:"wasm"`     // file
	WasmExec string            `json:"wasmExec"` // Go's support script, file
	Scripts  []scriptFile      `json:"scripts"`  // run before it
	Argv     []string          `json:"argv"`
	Env      map[string]string `json:"env"`
	Unknown  []string          `json:"notPassed"` // names of variables that are set and not in Env
	Dir      string            `json:"cwd"`
	Failure  int               `json:"failure"` // exit code if the script cannot run the program
	Ignore   bool              `json:"ignoreUncaught"`
	Process  processIDs        `json:"process"`
}

// processIDs are what os.Getpid and similar functions return in a page.
type processIDs struct {
	PID  int `json:"pid"` // package runtime/coverage needs one above 0
	PPID int `json:"ppid"`
	UID  int `json:"uid"`
	GID  int `json:"gid"`
	EUID int `json:"euid"`
	EGID int `json:"egid"`
}

// pageServer serves one run of a program to one page and is the page's console and file system. Only who knows its URL
// can use it: the first element of the path is a random secret.
type pageServer struct {
	program program
	page    pageSettings
	folder  string // path of the page: a slash, the secret and a slash
	nonce   string // of the page's scripts, if its policy requires one
	url     string
	stdout  io.Writer
	stderr  io.Writer
	files   *fileBridge
	server  *http.Server

	certificate *certificate // nil: http

	loads    atomic.Int32  // how often the page was loaded
	left     atomic.Bool   // it was navigated away from, or closed
	started  chan struct{} // closed when the Go program is about to run
	startRun sync.Once
	ended    chan pageEnd // how the page said it ended; buffered

	alive    atomic.Int32  // open "alive" responses
	gone     chan struct{} // gets a value when one of them ended; buffered
	lastTurn atomic.Int64  // UnixNano of the page's last answer; 0 before the first
}

// pageEnd is how a page says that it has ended: the program's exit code, or err.
type pageEnd struct {
	code int
	err  error
}

// servePage listens on address and serves until close is called.
func servePage(address string, p program, page pageSettings, stdout, stderr io.Writer) (*pageServer, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &pageServer{
		program: p,
		page:    page,
		folder:  "/" + randomName() + "/",
		stdout:  stdout,
		stderr:  stderr,
		files:   newFileBridge(),
		started: make(chan struct{}),
		ended:   make(chan pageEnd, 1),
		gone:    make(chan struct{}, 1),
	}
	if needsNonce(page.policy) {
		s.nonce = randomName()
	}
	scheme := "http://"
	if page.tls {
		if s.certificate, err = newCertificate(listener.Addr()); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
		scheme = "https://"
	}
	s.url = scheme + listener.Addr().String() + s.folder
	if page.query != "" {
		s.url += "?" + page.query
	}
	s.server = &http.Server{
		Handler:  s.routes(),
		ErrorLog: log.New(io.Discard, "", 0), // it would tell of connections that the browser gave up
	}
	if s.certificate != nil {
		// Only HTTP/1.1, as without TLS; WebSockets need it.
		config := &tls.Config{Certificates: []tls.Certificate{s.certificate.tls}, NextProtos: []string{"http/1.1"}}
		listener = tls.NewListener(listener, config)
	}
	go s.server.Serve(listener) // returns ErrServerClosed after close
	return s, nil
}

func randomName() string {
	var random [10]byte
	rand.Read(random[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
}

// routes has testbrowser's own files and calls, the page, and at all other paths the user's files.
func (s *pageServer) routes() http.Handler {
	calls := http.NewServeMux()
	calls.HandleFunc("GET /worker_start.js", serveScript(workerStart))
	calls.HandleFunc("GET /testbrowser.js", serveScript(pageScript))
	calls.HandleFunc("GET /script/{script}/{path...}", s.serveUserScript)
	calls.HandleFunc("GET /wasm_exec.js", s.serveFile(s.program.WasmExec, "text/javascript"))
	calls.HandleFunc("GET /test.wasm", s.serveProgram)
	calls.HandleFunc("GET /alive", s.serveAlive)
	calls.HandleFunc("POST /load", s.load)
	calls.HandleFunc("POST /left", s.leave)
	calls.HandleFunc("POST /turn", s.turn)
	calls.HandleFunc("POST /config", s.config)
	calls.HandleFunc("POST /start", s.start)
	calls.HandleFunc("POST /write", s.write)
	calls.HandleFunc("POST /file/{operation}", s.files.serve)
	calls.HandleFunc("POST /exit", s.exit)
	calls.HandleFunc("POST /fatal", s.fatal)

	inside := http.NewServeMux()
	inside.HandleFunc("GET /{$}", s.servePage)
	inside.HandleFunc("GET /"+workerScript, s.serveWorker)
	inside.HandleFunc("/", s.serveRoot)
	inside.Handle("/"+own, http.StripPrefix(strings.TrimSuffix("/"+own, "/"), calls))

	all := http.NewServeMux()
	all.Handle(s.folder, http.StripPrefix(strings.TrimSuffix(s.folder, "/"), inside))
	all.HandleFunc("/", s.serveRoot)
	return s.withProxies(s.withHeaders(all))
}

// absolute returns the URL of the page's folder, as the client of a request sees it.
func (s *pageServer) absolute(r *http.Request) string {
	scheme := "http://"
	if s.certificate != nil {
		scheme = "https://"
	}
	return scheme + r.Host + s.folder
}

// close ends all connections and closes the files that the program left open.
func (s *pageServer) close() error {
	err := s.server.Close()
	if filesErr := s.files.close(); err == nil {
		err = filesErr
	}
	return err
}

// withHeaders adds the header fields of all responses. The amended policy contains the secret, so it is sent only to
// clients that know it.
func (s *pageServer) withHeaders(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		policy := s.page.policy
		if strings.HasPrefix(r.URL.Path, s.folder) {
			folder := s.absolute(r)
			policy = amendPolicy(policy, folder+own, folder+workerScript, s.nonce)
		}
		if policy != "" {
			header.Set("Content-Security-Policy", policy)
		}
		if s.page.isolate {
			header.Set("Cross-Origin-Opener-Policy", "same-origin")
			header.Set("Cross-Origin-Embedder-Policy", "require-corp")
		}
		header.Set("Referrer-Policy", "strict-origin") // the path has the secret
		header.Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

func (s *pageServer) servePage(w http.ResponseWriter, r *http.Request) {
	s.left.Store(false)
	text, err := s.document(s.absolute(r))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		s.end(pageEnd{err: err})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(text)
}

func (s *pageServer) serveWorker(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	io.WriteString(w, s.workerSource(s.absolute(r)))
}

// serveScript serves one of testbrowser's own scripts.
func serveScript(text func() (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		script, err := text()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		io.WriteString(w, script)
	}
}

func (s *pageServer) serveFile(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		http.ServeFile(w, r, name)
	}
}

func (s *pageServer) serveProgram(w http.ResponseWriter, _ *http.Request) {
	module, err := os.ReadFile(s.program.Wasm)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/wasm")
	w.Write(watchGetenv(module))
}

// serveAlive keeps a response open: the operating system closes the connection when the page goes away, for whatever
// reason.
func (s *pageServer) serveAlive(w http.ResponseWriter, r *http.Request) {
	s.alive.Add(1)
	defer func() {
		s.alive.Add(-1)
		s.noteGone()
	}()
	ticker := time.NewTicker(aliveInterval)
	defer ticker.Stop()
	response := http.NewResponseController(w)
	for {
		if _, err := w.Write([]byte{'.'}); err != nil {
			return
		}
		if err := response.Flush(); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		}
	}
}

// noteGone triggers a check whether the page is still there.
func (s *pageServer) noteGone() {
	select {
	case s.gone <- struct{}{}:
	default:
	}
}

func (s *pageServer) leave(http.ResponseWriter, *http.Request) {
	s.left.Store(true)
	s.noteGone()
}

// describeEnd returns the error for a page that has no connection any more.
func (s *pageServer) describeEnd() error {
	if s.left.Load() {
		return errors.New("the page is gone: it was left, because the program, the page or a script has set another " +
			"location (a page that redirects cannot run a program), or it was closed")
	}
	return errors.New("the page is gone: its process was killed or crashed, or it was closed or left (a page that " +
		"redirects cannot run a program)")
}

func (s *pageServer) turn(http.ResponseWriter, *http.Request) {
	s.lastTurn.Store(time.Now().UnixNano())
}

// silence returns the time since the page's event loop was last known to turn.
func (s *pageServer) silence() time.Duration {
	return time.Duration(time.Now().UnixNano() - s.lastTurn.Load())
}

// mostLoads is how often a page may be loaded until it starts the program: a script that registers a service worker may
// have to reload the page.
const mostLoads = 5

// load counts how often the page is loaded. The program runs once.
func (s *pageServer) load(w http.ResponseWriter, _ *http.Request) {
	n := s.loads.Add(1)
	select {
	case <-s.started:
		s.end(pageEnd{err: errors.New("the page was loaded a second time: the program, or a user, reloaded it")})
	default:
		if n <= mostLoads {
			return
		}
		s.end(pageEnd{err: fmt.Errorf(
			"the page was loaded %d times and has not started the program: it, or a script, reloads it", n)})
	}
	http.Error(w, "this page runs once", http.StatusConflict)
}

func (s *pageServer) config(w http.ResponseWriter, _ *http.Request) {
	reply(w, s.program)
}

func (s *pageServer) start(http.ResponseWriter, *http.Request) {
	s.lastTurn.Store(time.Now().UnixNano())
	s.startRun.Do(func() { close(s.started) })
}

// write takes frames of file descriptor, length, position and bytes, and answers with the writes that failed.
func (s *pageServer) write(w http.ResponseWriter, r *http.Request) {
	type failure struct {
		FD      int    `json:"fd"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	failures := []failure{}
	var data []byte
	for {
		var header [16]byte
		if _, err := io.ReadFull(r.Body, header[:]); err == io.EOF {
			break
		} else if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fd := int(binary.LittleEndian.Uint32(header[:]))
		length := int(binary.LittleEndian.Uint32(header[4:]))
		position := int64(math.Float64frombits(binary.LittleEndian.Uint64(header[8:])))
		if int64(length) > r.ContentLength {
			http.Error(w, "a frame is longer than the request", http.StatusBadRequest)
			return
		}
		if cap(data) < length {
			data = make([]byte, length)
		}
		data = data[:length]
		if _, err := io.ReadFull(r.Body, data); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := s.writeTo(fd, position, data); err != nil {
			failures = append(failures, failure{FD: fd, Code: errorCode(err), Message: err.Error()})
		}
	}
	reply(w, failures)
}

func (s *pageServer) writeTo(fd int, position int64, data []byte) error {
	var err error
	switch fd {
	case 1:
		_, err = s.stdout.Write(data)
	case 2:
		_, err = s.stderr.Write(data)
	default:
		err = s.files.write(fd, position, data)
	}
	return err
}

func (s *pageServer) exit(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64))
	if err != nil {
		s.end(pageEnd{err: fmt.Errorf("the page's exit code: %w", err)})
		return
	}
	code, err := strconv.Atoi(string(body))
	if err != nil {
		s.end(pageEnd{err: fmt.Errorf("the page's exit code: %w", err)})
		return
	}
	s.end(pageEnd{code: code})
}

func (s *pageServer) fatal(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		body = fmt.Appendf(body, "\n(%v)", err)
	}
	s.end(pageEnd{err: errors.New(strings.TrimSpace(string(body)))})
}

// end records how the page ended; only the first call counts.
func (s *pageServer) end(e pageEnd) {
	select {
	case s.ended <- e:
	default:
	}
}

// reply writes a value as JSON. If the page is gone meanwhile, its "alive" response shows that.
func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

// findWasmExec finds the support script of the Go installation that built the program: that of the go command in the
// working directory or, if there is no go command, that of GOROOT.
func findWasmExec(ctx context.Context) (string, error) {
	goroot, err := goEnv(ctx, "GOROOT")
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("GOROOT") != "" {
		goroot, err = os.Getenv("GOROOT"), nil
	}
	if err != nil {
		return "", fmt.Errorf("looking for wasm_exec.js: %w", err)
	}
	for _, dir := range []string{"lib", "misc"} { // the latter before Go 1.24
		name := filepath.Join(goroot, dir, "wasm", "wasm_exec.js")
		if _, err := os.Stat(name); err == nil {
			return name, nil
		}
	}
	return "", fmt.Errorf("no lib/wasm/wasm_exec.js in GOROOT %q", goroot)
}

// goEnv asks the go command for a variable.
func goEnv(ctx context.Context, name string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w: %s", name, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
