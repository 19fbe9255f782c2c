package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// watchParent closes the channel that it returns when the parent process ends.
func watchParent() (<-chan struct{}, error) {
	const sysPidfdOpen = 434 // the same on every architecture
	parent := os.Getppid()
	if parent == 0 {
		return nil, nil // the parent is in another process namespace, as with docker exec, and not visible
	}
	fd, _, errno := syscall.Syscall(sysPidfdOpen, uintptr(parent), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("watching the parent process %d: %w", parent, errno)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer syscall.Close(int(fd))
		waitReadable(int(fd))
	}()
	return gone, nil
}

// waitReadable blocks a thread until fd, which refers to a process, becomes readable because that process has ended.
func waitReadable(fd int) {
	var set syscall.FdSet
	bits := 8 * int(unsafe.Sizeof(set.Bits[0]))
	for {
		set.Bits[fd/bits] = 1 << (fd % bits)
		if _, err := syscall.Select(fd+1, &set, nil, nil, nil); err != syscall.EINTR {
			return
		}
	}
}

// adoptOrphans makes this process the parent of every descendant whose own parent ends, so that none is lost.
func adoptOrphans() error {
	const setChildSubreaper = 36
	if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", errno)
	}
	return nil
}

// processStat is a line of /proc/PID/stat.
type processStat struct {
	pid, parent int
	cpu         time.Duration // user and system time, including children that were waited for
}

// descendants lists the processes below the one with the given id, parents first, including zombies.
func descendants(root int) []processStat {
	const ticksPerSecond = 100 // USER_HZ, fixed on every architecture that Go runs on
	children := make(map[int][]processStat)
	names, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, name := range names {
		line, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		// The second field, the name, may hold spaces and parentheses.
		fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
		if len(fields) < 15 {
			continue
		}
		number := func(i int) int {
			n, err := strconv.Atoi(string(fields[i]))
			if err != nil {
				return 0
			}
			return n
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue
		}
		ticks := number(11) + number(12) + number(13) + number(14)
		parent := number(1)
		children[parent] = append(children[parent],
			processStat{pid, parent, time.Duration(ticks) * time.Second / ticksPerSecond})
	}
	var all []processStat
	for below := children[root]; len(below) > 0; {
		all = append(all, below...)
		var next []processStat
		for _, p := range below {
			next = append(next, children[p.pid]...)
		}
		below = next
	}
	return all
}

// sampleActivity measures the processes below this one.
func sampleActivity() (sample activity, known bool) {
	sample.busy = make(map[int]time.Duration)
	for _, p := range descendants(os.Getpid()) {
		sample.cpu += p.cpu
		names, _ := filepath.Glob("/proc/" + strconv.Itoa(p.pid) + "/task/[0-9]*/schedstat") // the pattern is well-formed
		for _, name := range names {
			thread, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if err != nil {
				continue
			}
			line, err := os.ReadFile(name)
			if err != nil {
				continue // ended meanwhile
			}
			sample.busy[thread] = busyTime(string(line))
		}
	}
	return sample, true
}

// busyTime reads a schedstat: nanoseconds on a processor, nanoseconds waiting for one, time slices.
func busyTime(schedstat string) time.Duration {
	var running, waiting int64
	if _, err := fmt.Sscan(schedstat, &running, &waiting); err != nil {
		return 0 // a kernel that does not count them
	}
	return time.Duration(running + waiting)
}

// children returns the ids of this process's children. A shell that became this program by exec may have left some.
func children() []int {
	var ids []int
	for _, p := range descendants(os.Getpid()) {
		if p.parent == os.Getpid() {
			ids = append(ids, p.pid)
		}
	}
	return ids
}

// killStrays ends the descendants that left their group, as daemons do, and waits for them, so that none remains as a
// zombie of an init process that does not wait for it. It spares the processes in keep and their descendants.
func killStrays(keep []int) error {
	for {
		spared := make(map[int]bool)
		for _, pid := range keep {
			spared[pid] = true
		}
		var strays []int
		for _, p := range descendants(os.Getpid()) {
			if spared[p.parent] {
				spared[p.pid] = true
			}
			if !spared[p.pid] {
				strays = append(strays, p.pid)
			}
		}
		if len(strays) == 0 {
			return nil
		}
		for _, pid := range strays {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
				return fmt.Errorf("ending process %d: %w", pid, err)
			}
		}
		for _, pid := range strays {
			var status syscall.WaitStatus
			if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil && err != syscall.ECHILD {
				return fmt.Errorf("waiting for process %d: %w", pid, err)
			}
		}
	}
}
