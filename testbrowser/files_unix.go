//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// unlink and rmdir are the system's calls, not os.Remove, which does both: Go in the page distinguishes them.
func unlink(path string) error {
	if err := syscall.Unlink(path); err != nil {
		return &fs.PathError{Op: "unlink", Path: path, Err: err}
	}
	return nil
}

func rmdir(path string) error {
	if err := syscall.Rmdir(path); err != nil {
		return &fs.PathError{Op: "rmdir", Path: path, Err: err}
	}
	return nil
}

// addSystemStat adds what os.SameFile needs.
func addSystemStat(stat *fileStat, info fs.FileInfo) {
	system, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	stat.Dev = uint64(system.Dev)
	stat.Ino = uint64(system.Ino)
	stat.Nlink = uint64(system.Nlink)
	stat.UID = system.Uid
	stat.GID = system.Gid
}
