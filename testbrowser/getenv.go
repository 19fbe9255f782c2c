package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
)

// A program gets few variables of the environment, and testbrowser says so if it asks for another one. JavaScript does
// not see what os.Getenv does, so a call is inserted at the beginning of syscall.Getenv and Setenv. It calls a function
// that Go imports anyway, with an odd number in place of the stack pointer, which is never odd (see shared/getenv.js).
// So no index of the module changes.

// watched are these functions, with the number that is added to their stack pointer.
var watched = map[string]byte{"syscall.Getenv": 1, "syscall.Setenv": 2}

// watchImport is the imported function that they call. Its type is that of all of Go's imports, one i32 and no result.
const watchImport = "runtime.resetMemoryDataView"

// notPassed returns the names of the variables that are set here and that the program does not get. PWD is left out,
// because Go itself reads it.
func notPassed(passed map[string]string) []string {
	var names []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if _, ok := passed[name]; !ok && name != "" && name != "PWD" {
			names = append(names, name)
		}
	}
	return names
}

// watchGetenv returns the module with the calls inserted, or unchanged if it does not look like a module of Go's, or
// has no names.
func watchGetenv(module []byte) []byte {
	changed, err := insertCalls(module)
	if err != nil {
		return module
	}
	return changed
}

var errNotOurs = errors.New("not a module of Go's")

// Sections of a WebAssembly module.
const (
	customSection = 0
	importSection = 2
	codeSection   = 10
)

type section struct {
	id         byte
	start, end int // with its header
	body       []byte
}

func insertCalls(module []byte) ([]byte, error) {
	sections, err := readSections(module)
	if err != nil {
		return nil, err
	}
	var imports, code, names *section
	for i, s := range sections {
		switch {
		case s.id == importSection:
			imports = &sections[i]
		case s.id == codeSection:
			code = &sections[i]
		case s.id == customSection && bytes.HasPrefix(s.body, []byte("\x04name")):
			names = &sections[i]
		}
	}
	if imports == nil || code == nil || names == nil {
		return nil, errNotOurs
	}
	called, count, err := findImport(imports.body)
	if err != nil {
		return nil, err
	}
	functions, err := findFunctions(names.body)
	if err != nil {
		return nil, err
	}
	body, err := insertInCode(code.body, functions, count, called)
	if err != nil {
		return nil, err
	}
	header := binary.AppendUvarint([]byte{codeSection}, uint64(len(body)))
	return slices.Concat(module[:code.start], header, body, module[code.end:]), nil
}

func readSections(module []byte) ([]section, error) {
	if !bytes.HasPrefix(module, []byte("\x00asm\x01\x00\x00\x00")) {
		return nil, errNotOurs
	}
	var sections []section
	r := wasmReader{data: module, at: 8}
	for r.at < len(module) && r.err == nil {
		s := section{start: r.at}
		s.id = r.byte()
		s.body = r.bytes()
		s.end = r.at
		sections = append(sections, s)
	}
	return sections, r.err
}

// findImport returns the index of the function to call and the number of functions that are imported.
func findImport(body []byte) (called, count int, err error) {
	r := wasmReader{data: body}
	called = -1
	for range r.number() {
		module := string(r.bytes())
		name := string(r.bytes())
		if r.byte() != 0 { // not a function
			return 0, 0, errNotOurs
		}
		r.number() // type
		if r.err != nil {
			return 0, 0, r.err
		}
		if module == "gojs" && name == watchImport {
			called = count
		}
		count++
	}
	if called < 0 {
		return 0, 0, errNotOurs
	}
	return called, count, r.err
}

// findFunctions returns the marks of the watched functions by their indices.
func findFunctions(body []byte) (map[int]byte, error) {
	r := wasmReader{data: body}
	r.bytes()          // "name"
	if r.byte() != 1 { // names of functions
		return nil, errNotOurs
	}
	r.number() // size
	found := make(map[int]byte)
	for range r.number() {
		index := r.number()
		name := r.bytes()
		if r.err != nil {
			return nil, r.err
		}
		if mark := watched[string(name)]; mark != 0 {
			found[index] = mark
		}
	}
	if len(found) == 0 {
		return nil, errNotOurs
	}
	return found, nil
}

func insertInCode(body []byte, functions map[int]byte, imported, called int) ([]byte, error) {
	r := wasmReader{data: body}
	count := r.number()
	out := binary.AppendUvarint(nil, uint64(count))
	for i := range count {
		function := r.bytes()
		if r.err != nil {
			return nil, r.err
		}
		if mark := functions[imported+i]; mark != 0 {
			var err error
			if function, err = insertCall(function, mark, called); err != nil {
				return nil, err
			}
		}
		out = binary.AppendUvarint(out, uint64(len(function)))
		out = append(out, function...)
	}
	return out, nil
}

// insertCall puts the call after the declarations of a function's locals. The parameter of a Go function is the block
// at which it continues, 0 at its beginning, and global 0 is the stack pointer.
func insertCall(function []byte, mark byte, called int) ([]byte, error) {
	r := wasmReader{data: function}
	for range r.number() {
		r.number() // how many
		r.byte()   // of this type
	}
	if r.err != nil {
		return nil, r.err
	}
	const (
		localGet, i32Eqz, ifVoid, noResult = 0x20, 0x45, 0x04, 0x40
		globalGet, i32Const, i32Add        = 0x23, 0x41, 0x6a
		call, end                          = 0x10, 0x0b
	)
	inserted := []byte{localGet, 0, i32Eqz, ifVoid, noResult, globalGet, 0, i32Const, mark, i32Add, call}
	inserted = append(binary.AppendUvarint(inserted, uint64(called)), end)
	return slices.Concat(function[:r.at], inserted, function[r.at:]), nil
}

// wasmReader reads a module's numbers and strings; after an error it reads zeros.
type wasmReader struct {
	data []byte
	at   int
	err  error
}

func (r *wasmReader) byte() byte {
	if r.err != nil || r.at >= len(r.data) {
		r.err = errNotOurs
		return 0
	}
	r.at++
	return r.data[r.at-1]
}

// number reads a number that cannot be larger than what is left, as is true for all sizes and counts here.
func (r *wasmReader) number() int {
	if r.err != nil {
		return 0
	}
	n, size := binary.Uvarint(r.data[r.at:])
	if size <= 0 || n > 1<<31 {
		r.err = errNotOurs
		return 0
	}
	r.at += size
	return int(n)
}

func (r *wasmReader) bytes() []byte {
	n := r.number()
	if r.err != nil || n > len(r.data)-r.at {
		r.err = errNotOurs
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}
