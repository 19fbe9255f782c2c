package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// pageSettings are the user's settings for the page.
type pageSettings struct {
	worker   bool
	html     string       // file of the user's own page, "" for an empty one
	root     string       // directory whose files are served beside the page and at the root of its origin, or ""
	scripts  []scriptFile // run before the program
	wasmExec string       // Go's support script, "" for the installed one
	policy   string       // Content-Security-Policy, "" for none
	query    string       // of the page's URL, without its question mark
	base     string       // URL that relative ones are resolved against, "" for the page's own
	proxies  []proxyRule
	tls      bool           // served by https
	trusted  []*certificate // of other servers
	isolate  bool           // the page is cross-origin isolated
}

// scriptFile is a script of the user's, by its absolute path.
type scriptFile string

func (s scriptFile) module() bool { return filepath.Ext(string(s)) == ".mjs" }

// addFlags adds the flags of the page.
func (p *pageSettings) addFlags(flags *flag.FlagSet) {
	flags.BoolVar(&p.worker, "worker", false, "run in a dedicated worker of the page")
	flags.StringVar(&p.html, "html", "",
		"`file` of the page, instead of an empty one; what it names is served from its directory, or from -root")
	flags.StringVar(&p.root, "root", "",
		"`directory` whose files are served beside the page and at the root of its origin, to whoever asks")
	flags.Func("script",
		"`file` of a script that runs before the program, in every host; a module if it ends in .mjs; may be repeated",
		func(name string) error {
			if name == "" {
				return errors.New("no file")
			}
			p.scripts = append(p.scripts, scriptFile(name))
			return nil
		})
	flags.StringVar(&p.wasmExec, "wasm-exec", "",
		"`file` of Go's support script wasm_exec.js (default: that of the Go installation)")
	flags.StringVar(&p.policy, "csp", defaultPolicy, "Content-Security-`policy` of the page; empty is none")
	flags.StringVar(&p.query, "query", "", "`query` of the page's URL")
	flags.StringVar(&p.base, "base", "", "`URL` that the page resolves relative ones against")
	flags.Func("proxy",
		"`/path=URL`: that path of the page's origin goes to a server, WebSockets included; /path alone goes to that of "+
			"-with; may be repeated", func(value string) error {
			rule, err := parseProxyRule(value)
			p.proxies = append(p.proxies, rule)
			return err
		})
	flags.BoolVar(&p.tls, "tls", false, "serve the page by https, with a certificate made for the run")
	flags.Func("trust",
		"`address=file`: accept the certificate in a PEM file from that server, 127.0.0.1:8443=cert.pem; may be repeated",
		func(value string) error {
			c, err := parseTrust(value)
			p.trusted = append(p.trusted, c)
			return err
		})
	flags.BoolVar(&p.isolate, "isolate", true,
		"isolate the page from other origins (COOP, COEP), which makes its clocks finer")
}

// check reports errors that can be found before a host has been started, and makes paths absolute.
func (p *pageSettings) check() error {
	for i, script := range p.scripts {
		path, err := existing("-script", string(script), false)
		if err != nil {
			return err
		}
		p.scripts[i] = scriptFile(path)
	}
	for _, file := range []struct {
		flag string
		path *string
		dir  bool
	}{{"-html", &p.html, false}, {"-root", &p.root, true}, {"-wasm-exec", &p.wasmExec, false}} {
		if *file.path == "" {
			continue
		}
		path, err := existing(file.flag, *file.path, file.dir)
		if err != nil {
			return err
		}
		*file.path = path
	}
	if p.root == "" && p.html != "" {
		p.root = filepath.Dir(p.html) // the page's files are beside it
	}
	if p.worker && p.base != "" {
		return errors.New("-base: a worker's base is the URL of its script; -base works without -worker")
	}
	if _, err := url.Parse(p.base); err != nil {
		return fmt.Errorf("-base: %w", err)
	}
	p.query = strings.TrimPrefix(p.query, "?")
	if strings.ContainsAny(p.query, "#\r\n ") {
		return fmt.Errorf("-query %q: has a character that a query cannot have; write it as %%XX", p.query)
	}
	return checkPolicy(p.policy)
}

// existing returns the absolute path of a file or directory that a flag names.
func existing(flagName, name string, dir bool) (string, error) {
	if name == "" {
		return "", fmt.Errorf("%s needs a path", flagName)
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flagName, err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", flagName, err)
	case dir && !info.IsDir():
		return "", fmt.Errorf("%s %s: not a directory", flagName, name)
	case !dir && !info.Mode().IsRegular():
		return "", fmt.Errorf("%s %s: not a file", flagName, name)
	}
	return path, nil
}

// own is the folder of testbrowser's own files and calls, seen from the page: every other path is the user's.
const own = "~/"

// workerScript has the page's folder as its base, like the page.
const workerScript = "testbrowser-worker.js"

// emptyPage is the page if the user provides none.
const emptyPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>testbrowser</title>
<link rel="icon" href="data:,">
</head>
<body>
</body>
</html>
`

// document is the page: the user's or an empty one, with testbrowser's scripts before everything else. They start the
// program when the page has been read, including its deferred scripts and its modules. folder is the page's absolute
// URL, because a page may have another base.
func (s *pageServer) document(folder string) ([]byte, error) {
	text := []byte(emptyPage)
	if s.page.html != "" {
		var err error
		if text, err = os.ReadFile(s.page.html); err != nil {
			return nil, err
		}
	}
	var head strings.Builder
	if s.page.base != "" {
		fmt.Fprintf(&head, "<base href=\"%s\">", html.EscapeString(s.page.base))
	}
	add := func(src, attributes string) {
		if s.nonce != "" {
			attributes += ` nonce="` + s.nonce + `"`
		}
		fmt.Fprintf(&head, "<script src=\"%s\"%s></script>", html.EscapeString(folder+own+src), attributes)
	}
	if s.page.worker {
		add("worker_start.js", "")
	} else {
		add("testbrowser.js", "")
		for i, script := range s.page.scripts {
			attributes := ""
			if script.module() {
				attributes = ` type="module"`
			}
			add(scriptPath(i, script), attributes)
		}
		add("wasm_exec.js", "")
	}
	return insertInHead(text, head.String()), nil
}

func scriptPath(i int, script scriptFile) string {
	return fmt.Sprintf("script/%d/%s", i, url.PathEscape(filepath.Base(string(script))))
}

var (
	comments = regexp.MustCompile(`(?s)<!--.*?-->`)
	headTag  = regexp.MustCompile(`(?i)<head(\s[^>]*)?>`)
	htmlTag  = regexp.MustCompile(`(?i)<html(\s[^>]*)?>`)
	docType  = regexp.MustCompile(`(?i)<!doctype[^>]*>`)
)

// insertInHead puts text at the beginning of a page's head. The tags of html and head may be left out in HTML.
func insertInHead(page []byte, text string) []byte {
	// Ignore tags in comments; blanks keep the positions.
	visible := comments.ReplaceAllFunc(page,
		func(comment []byte) []byte { return bytes.Repeat([]byte{' '}, len(comment)) })
	at := 0
	for _, tag := range []*regexp.Regexp{headTag, htmlTag, docType} {
		if found := tag.FindIndex(visible); found != nil {
			at = found[1]
			break
		}
	}
	return bytes.Join([][]byte{page[:at], []byte(text), page[at:]}, nil)
}

// workerSource is the script of the worker.
func (s *pageServer) workerSource(folder string) string {
	var b strings.Builder
	b.WriteString("\"use strict\";\n")
	load := func(src string) {
		fmt.Fprintf(&b, "importScripts(testbrowserScript(%q));\n", folder+own+src)
	}
	// The last line's function is hoisted.
	load("testbrowser.js")
	modules := "Promise.resolve()"
	for i, script := range s.page.scripts {
		if script.module() {
			modules += fmt.Sprintf(".then(() => import(%q))", folder+own+scriptPath(i, script))
		} else {
			load(scriptPath(i, script))
		}
	}
	load("wasm_exec.js")
	fmt.Fprintf(&b, "testbrowser.start(%s);\n", modules)
	b.WriteString(`function testbrowserScript(src) {
	// A policy may demand this; plain strings do elsewhere.
	globalThis.testbrowserPolicy ??= globalThis.trustedTypes?.createPolicy(
		"testbrowser", { createScriptURL: (url) => url });
	return globalThis.testbrowserPolicy?.createScriptURL(src) ?? src;
}
`)
	return b.String()
}

// serveUserScript serves a script of the user and, for a module, what it imports from its directory.
func (s *pageServer) serveUserScript(w http.ResponseWriter, r *http.Request) {
	for i, script := range s.page.scripts {
		if fmt.Sprint(i) == r.PathValue("script") {
			serveDir(w, r, filepath.Dir(string(script)), r.PathValue("path"))
			return
		}
	}
	http.NotFound(w, r)
}

// serveRoot serves the files of the user's directory.
func (s *pageServer) serveRoot(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-Fetch-Dest") == "document" { // it would replace the page, except in another window
		s.leave(w, r)
	}
	if s.page.root == "" {
		http.NotFound(w, r)
		return
	}
	serveDir(w, r, s.page.root, strings.TrimPrefix(r.URL.Path, "/"))
}

// serveDir serves one file below a directory. Unlike a file server, it lists and redirects nothing.
func serveDir(w http.ResponseWriter, r *http.Request, dir, name string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer root.Close()
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		status := http.StatusNotFound
		if errors.Is(err, fs.ErrPermission) {
			status = http.StatusForbidden
		}
		http.Error(w, err.Error(), status)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	if filepath.Ext(name) == ".mjs" { // not all systems know this type
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	}
	http.ServeContent(w, r, info.Name(), info.ModTime(), f)
}
