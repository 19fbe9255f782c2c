//go:build !unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

func unlink(path string) error { return removeIf(path, false, syscall.EISDIR) }

func rmdir(path string) error { return removeIf(path, true, syscall.ENOTDIR) }

func removeIf(path string, dir bool, otherwise error) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.IsDir() != dir {
		return &fs.PathError{Op: "remove", Path: path, Err: otherwise}
	}
	return os.Remove(path)
}

// addSystemStat has nothing to add: there are no device and inode numbers.
func addSystemStat(*fileStat, fs.FileInfo) {}
