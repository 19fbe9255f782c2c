package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const (
	errInvalid      = syscall.EINVAL
	errNotDirectory = syscall.ENOTDIR
	errBadFile      = syscall.EBADF
	errNotSupported = syscall.ENOSYS
)

// errorCodes are the names that Go in the page translates back. Go panics at a name that it does not know, so every
// other error becomes EIO.
var errorCodes = []struct {
	err  error
	code string
}{
	{syscall.EACCES, "EACCES"}, {syscall.EBADF, "EBADF"}, {syscall.EBUSY, "EBUSY"}, {syscall.EEXIST, "EEXIST"},
	{syscall.EFBIG, "EFBIG"}, {syscall.EINVAL, "EINVAL"}, {syscall.EISDIR, "EISDIR"}, {syscall.ELOOP, "ELOOP"},
	{syscall.EMFILE, "EMFILE"}, {syscall.ENAMETOOLONG, "ENAMETOOLONG"}, {syscall.ENFILE, "ENFILE"},
	{syscall.ENOENT, "ENOENT"},
	{syscall.ENOMEM, "ENOMEM"}, {syscall.ENOSPC, "ENOSPC"}, {syscall.ENOSYS, "ENOSYS"}, {syscall.ENOTDIR, "ENOTDIR"},
	{syscall.ENOTEMPTY, "ENOTEMPTY"}, {syscall.ENXIO, "ENXIO"}, {syscall.EPERM, "EPERM"}, {syscall.EPIPE, "EPIPE"},
	{syscall.EROFS, "EROFS"}, {syscall.ESPIPE, "ESPIPE"}, {syscall.EXDEV, "EXDEV"},
	{fs.ErrNotExist, "ENOENT"}, {fs.ErrExist, "EEXIST"}, {fs.ErrPermission, "EACCES"}, {fs.ErrInvalid, "EINVAL"},
	{os.ErrClosed, "EBADF"},
}

// errorCode returns the name under which Node reports err.
func errorCode(err error) string {
	// EACCES, EEXIST and similar ones also match each other's io/fs errors, so compare the exact number first.
	var errno syscall.Errno
	if errors.As(err, &errno) {
		for _, known := range errorCodes {
			if known.err == error(errno) {
				return known.code
			}
		}
	}
	for _, known := range errorCodes {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return "EIO"
}
