//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"fmt"
	"os"
	"syscall"
)

// watchParent closes the channel that it returns when the parent process ends.
func watchParent() (<-chan struct{}, error) {
	parent := os.Getppid()
	queue, err := syscall.Kqueue()
	if err != nil {
		return nil, fmt.Errorf("watching the parent process %d: %w", parent, err)
	}
	var exit syscall.Kevent_t
	syscall.SetKevent(&exit, parent, syscall.EVFILT_PROC, syscall.EV_ADD|syscall.EV_ONESHOT)
	exit.Fflags = syscall.NOTE_EXIT
	if _, err := syscall.Kevent(queue, []syscall.Kevent_t{exit}, nil, nil); err != nil {
		syscall.Close(queue)
		return nil, fmt.Errorf("watching the parent process %d: %w", parent, err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer syscall.Close(queue)
		events := make([]syscall.Kevent_t, 1)
		for {
			if _, err := syscall.Kevent(queue, nil, events, nil); err != syscall.EINTR {
				return
			}
		}
	}()
	return gone, nil
}
