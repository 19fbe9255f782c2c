package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mainThreads returns the processor time, in nanoseconds, of the main threads of a JavaScript host's processes that run
// pages: that of a renderer is its first thread. It is 0 if the system does not report it.
func mainThreads(host int) (total int64) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	parents := make(map[int]int)
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			parents[pid] = parentOf(pid)
		}
	}
	for pid := range parents {
		if runsPages(pid, host) && descends(parents, pid, host) {
			total += threadTime(pid)
		}
	}
	return total
}

func descends(parents map[int]int, pid, host int) bool {
	for ; pid > 1; pid = parents[pid] {
		if pid == host {
			return true
		}
	}
	return false
}

// runsPages reports whether a process runs pages: Chromium's renderers, Firefox's content processes, and a host that is
// one process.
func runsPages(pid, host int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	arguments := bytes.ReplaceAll(line, []byte{0}, []byte{' '})
	if bytes.Contains(arguments, []byte("--type=renderer")) {
		return true
	}
	if bytes.Contains(arguments, []byte("-contentproc")) {
		return bytes.HasSuffix(bytes.TrimSpace(arguments), []byte(" tab"))
	}
	return pid == host && strings.HasPrefix(filepath.Base(string(bytes.SplitN(line, []byte{0}, 2)[0])), "node")
}

func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may contain any characters.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

func threadTime(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, pid))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(data), " ")
	n, _ := strconv.ParseInt(first, 10, 64)
	return n
}
