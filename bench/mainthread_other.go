//go:build !linux

package main

// mainThreads tells nothing: the system does not say what one thread has taken.
func mainThreads(int) int64 { return 0 }
