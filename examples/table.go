// Command examples renews the table of examples in README.md:
//
//	go -C examples run .
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"go/doc"
	"go/parser"
	"go/scanner"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	readme = "README.md"

	// clientFile has everything that an example needs to run its protocol over a WebSocket.
	clientFile = "client.go"

	// beginMark and endMark are the lines of README.md around the table.
	beginMark, endMark = "<!-- table -->\n", "<!-- /table -->\n"
)

func main() {
	if err := renew(); err != nil {
		log.Fatal(err)
	}
}

// renew writes the table to README.md.
func renew() error {
	programs, err := examples()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	table := "| program | what it shows | lines | wasm, MB |\n|---|---|---|---|\n"
	for _, p := range programs {
		size, err := wasmSize(p.name, filepath.Join(dir, p.name))
		if err != nil {
			return err
		}
		table += fmt.Sprintf("| [%s](%s) | %s | %d | %.2f |\n", p.name, p.name, p.shows, p.lines, float64(size)/1e6)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	before, _, after, err := cutTable(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(readme, []byte(before+table+after), 0o644)
}

// cutTable cuts README.md into the table and what is around it, marks included.
func cutTable(text string) (before, table, after string, err error) {
	before, rest, begun := strings.Cut(text, beginMark)
	table, after, ended := strings.Cut(rest, endMark)
	if !begun || !ended {
		return "", "", "", fmt.Errorf("%s has no lines %q and %q", readme, beginMark, endMark)
	}
	return before + beginMark, table, endMark + after, nil
}

// example is a line of the table.
type example struct {
	name  string // of its directory
	shows string // the first sentence of its documentation
	lines int    // of clientFile
}

// examples returns the examples, which are the directories with a clientFile.
func examples() ([]example, error) {
	files, err := filepath.Glob(filepath.Join("*", clientFile))
	if err != nil {
		return nil, err
	}
	var all []example
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return nil, err
		}
		name := filepath.Dir(file)
		shows, isProgram := strings.CutPrefix(new(doc.Package).Synopsis(parsed.Doc.Text()), "Command "+name+" ")
		if !isProgram {
			return nil, fmt.Errorf("%s: the documentation does not begin with \"Command %s\"", file, name)
		}
		all = append(all, example{name: name, shows: strings.TrimSuffix(shows, "."), lines: countLines(source)})
	}
	return all, nil
}

// countLines counts the lines of Go source that are neither empty nor a comment.
func countLines(source []byte) int {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(source))
	s.Init(file, source, nil, 0) // skips comments
	lines := make(map[int]bool)
	for {
		pos, t, text := s.Scan()
		if t == token.EOF {
			return len(lines)
		}
		if t == token.SEMICOLON && text == "\n" {
			continue // not in the source
		}
		first := file.Line(pos)
		for i := range strings.Count(text, "\n") + 1 {
			lines[first+i] = true
		}
	}
}

// wasmSize builds a package for js and returns nearly the size of the program after gzip -9.
func wasmSize(pkg, program string) (int, error) {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./"+pkg)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if output, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%v: %w\n%s", cmd, err, output)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return 0, err
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(data); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return zipped.Len(), nil
}
