package main

import (
	"bytes"
	"io"
	"sync"
)

// prefixWriter puts a prefix before every line. Lines reach the destination whole, so that standard output and error of
// one host, which share a lock, do not mix within a line.
type prefixWriter struct {
	mu     *sync.Mutex
	to     io.Writer
	prefix string
	line   []byte // the beginning of one that has no end yet
}

// maxLine is the length at which a line is passed on before its end has come.
const maxLine = 64 << 10

func (w *prefixWriter) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []byte
	for rest := data; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			w.line = append(w.line, rest...)
			if len(w.line) < maxLine {
				break
			}
			rest, end = append(rest[:0:0], '\n'), 1
		}
		out = append(out, w.prefix...)
		out = append(out, w.line...)
		out = append(out, rest[:end]...)
		w.line = w.line[:0]
		rest = rest[end:]
	}
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(data), nil
}

// flush passes on a last line that has no newline.
func (w *prefixWriter) flush() error {
	w.mu.Lock()
	empty := len(w.line) == 0
	w.mu.Unlock()
	if empty {
		return nil
	}
	_, err := w.Write([]byte{'\n'})
	return err
}
