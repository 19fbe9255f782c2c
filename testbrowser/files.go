package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxRead limits the bytes of one read; Go reads again for more.
const maxRead = 16 << 20

// fileBridge is the file system of a program in a page: the user's own, from the working directory of the test, as the
// same test sees it natively or under Node.
type fileBridge struct {
	mu   sync.Mutex
	open map[int]*os.File
	next int
}

func newFileBridge() *fileBridge {
	return &fileBridge{open: make(map[int]*os.File), next: 3}
}

func (b *fileBridge) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for fd, f := range b.open {
		errs = append(errs, f.Close())
		delete(b.open, fd)
	}
	return errors.Join(errs...)
}

// serve answers a call of Node's fs: 200 with the result, or 422 with {code, message}.
func (b *fileBridge) serve(w http.ResponseWriter, r *http.Request) {
	result, err := b.call(r.PathValue("operation"), fileArgs{r.URL.Query()})
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		json.NewEncoder(w).Encode(map[string]string{"code": errorCode(err), "message": err.Error()})
		return
	}
	if data, ok := result.([]byte); ok {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(data)
		return
	}
	reply(w, result)
}

// fileArgs are the arguments of one call, by the names that the page gives them.
type fileArgs struct{ url.Values }

func (a fileArgs) path(name string) string { return localPath(a.Get("cwd"), a.Get(name)) }

func (a fileArgs) number(name string) (int64, error) {
	n, err := strconv.ParseInt(a.Get(name), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, errInvalid)
	}
	return n, nil
}

func (b *fileBridge) call(operation string, a fileArgs) (any, error) {
	switch operation {
	case "open":
		return b.openFile(a)
	case "close", "read", "fstat", "fsync", "ftruncate", "fchmod", "fchown":
		return b.onFile(operation, a)
	case "stat", "lstat":
		stat := map[string]func(string) (fs.FileInfo, error){"stat": os.Stat, "lstat": os.Lstat}[operation]
		info, err := stat(a.path("path"))
		if err != nil {
			return nil, err
		}
		return statOf(info), nil
	case "readdir":
		entries, err := os.ReadDir(a.path("path"))
		names := make([]string, len(entries))
		for i, entry := range entries {
			names[i] = entry.Name()
		}
		return names, err
	case "readlink":
		return os.Readlink(a.path("path"))
	case "unlink":
		return nil, unlink(a.path("path"))
	case "rmdir":
		return nil, rmdir(a.path("path"))
	case "rename":
		return nil, os.Rename(a.path("path"), a.path("to"))
	case "link":
		return nil, os.Link(a.path("path"), a.path("to"))
	case "symlink":
		return nil, os.Symlink(a.Get("target"), a.path("path"))
	}
	return b.change(operation, a)
}

// change does the calls that have numbers as arguments.
func (b *fileBridge) change(operation string, a fileArgs) (any, error) {
	names := map[string][]string{
		"mkdir": {"mode"}, "chmod": {"mode"}, "truncate": {"length"}, "chown": {"uid", "gid"}, "lchown": {"uid", "gid"},
		"utimes": {"atime", "mtime"},
	}[operation]
	if names == nil {
		return nil, errNotSupported
	}
	numbers := make([]int64, len(names))
	for i, name := range names {
		n, err := a.number(name)
		if err != nil {
			return nil, err
		}
		numbers[i] = n
	}
	path := a.path("path")
	switch operation {
	case "mkdir":
		return nil, os.Mkdir(path, fs.FileMode(numbers[0])&fs.ModePerm)
	case "chmod":
		return nil, os.Chmod(path, fs.FileMode(numbers[0])&fs.ModePerm)
	case "truncate":
		return nil, os.Truncate(path, numbers[0])
	case "chown":
		return nil, os.Chown(path, int(int32(numbers[0])), int(int32(numbers[1])))
	case "lchown":
		return nil, os.Lchown(path, int(int32(numbers[0])), int(int32(numbers[1])))
	}
	return nil, os.Chtimes(path, time.Unix(numbers[0], 0), time.Unix(numbers[1], 0))
}

// flagNames are the values of the constants that the page gives Go.
var flagNames = []struct{ page, local int }{
	{1, os.O_WRONLY}, {2, os.O_RDWR}, {0o100, os.O_CREATE}, {0o200, os.O_EXCL}, {0o1000, os.O_TRUNC},
	{0o2000, os.O_APPEND},
}

const flagDirectory = 0o200000

func (b *fileBridge) openFile(a fileArgs) (any, error) {
	flags, err := a.number("flags")
	if err != nil {
		return nil, err
	}
	mode, err := a.number("mode")
	if err != nil {
		return nil, err
	}
	local := os.O_RDONLY
	for _, flag := range flagNames {
		if int(flags)&flag.page != 0 {
			local |= flag.local
		}
	}
	f, err := os.OpenFile(a.path("path"), local, fs.FileMode(mode)&fs.ModePerm)
	if err != nil {
		return nil, err
	}
	if flags&flagDirectory != 0 {
		info, err := f.Stat()
		if err == nil && !info.IsDir() {
			err = errNotDirectory
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	fd := b.next
	b.next++
	b.open[fd] = f
	return fd, nil
}

func (b *fileBridge) file(fd int) (*os.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.open[fd]
	if f == nil {
		return nil, fmt.Errorf("file descriptor %d: %w", fd, errBadFile)
	}
	return f, nil
}

func (b *fileBridge) onFile(operation string, a fileArgs) (any, error) {
	fd, err := a.number("fd")
	if err != nil {
		return nil, err
	}
	if fd == 0 && operation == "read" {
		return readFile(os.Stdin, a)
	}
	f, err := b.file(int(fd))
	if err != nil {
		return nil, err
	}
	switch operation {
	case "close":
		b.mu.Lock()
		delete(b.open, int(fd))
		b.mu.Unlock()
		return nil, f.Close()
	case "fsync":
		return nil, f.Sync()
	case "fstat":
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		return statOf(info), nil
	case "read":
		return readFile(f, a)
	case "ftruncate":
		length, err := a.number("length")
		if err != nil {
			return nil, err
		}
		return nil, f.Truncate(length)
	case "fchmod":
		mode, err := a.number("mode")
		if err != nil {
			return nil, err
		}
		return nil, f.Chmod(fs.FileMode(mode) & fs.ModePerm)
	}
	uid, err := a.number("uid")
	if err != nil {
		return nil, err
	}
	gid, err := a.number("gid")
	if err != nil {
		return nil, err
	}
	return nil, f.Chown(int(int32(uid)), int(int32(gid)))
}

func readFile(f *os.File, a fileArgs) ([]byte, error) {
	length, err := a.number("length")
	if err != nil {
		return nil, err
	}
	position, err := a.number("position")
	if err != nil {
		return nil, err
	}
	data := make([]byte, max(0, min(length, maxRead)))
	var n int
	if position < 0 {
		n, err = f.Read(data)
	} else {
		n, err = f.ReadAt(data, position)
	}
	if err == io.EOF {
		err = nil // Node reports it as a count of 0
	}
	return data[:n], err
}

// write appends at the file's own position if position is negative.
func (b *fileBridge) write(fd int, position int64, data []byte) error {
	f, err := b.file(fd)
	if err != nil {
		return err
	}
	if position < 0 {
		_, err = f.Write(data)
	} else {
		_, err = f.WriteAt(data, position)
	}
	return err
}

// fileStat is the part of Node's fs.Stats that Go reads.
type fileStat struct {
	Dev     uint64  `json:"dev"`
	Ino     uint64  `json:"ino"`
	Mode    uint32  `json:"mode"`
	Nlink   uint64  `json:"nlink"`
	UID     uint32  `json:"uid"`
	GID     uint32  `json:"gid"`
	Size    int64   `json:"size"`
	AtimeMs float64 `json:"atimeMs"`
	MtimeMs float64 `json:"mtimeMs"`
	CtimeMs float64 `json:"ctimeMs"`
}

func statOf(info fs.FileInfo) fileStat {
	ms := float64(info.ModTime().UnixMilli())
	stat := fileStat{Mode: unixMode(info.Mode()), Nlink: 1, Size: info.Size(), AtimeMs: ms, MtimeMs: ms, CtimeMs: ms}
	addSystemStat(&stat, info)
	return stat
}

func unixMode(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for _, special := range []struct {
		mode fs.FileMode
		bits uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if mode&special.mode != 0 {
			bits |= special.bits
		}
	}
	switch {
	case mode.IsDir():
		return bits | 0o040000
	case mode&fs.ModeSymlink != 0:
		return bits | 0o120000
	case mode&fs.ModeNamedPipe != 0:
		return bits | 0o010000
	case mode&fs.ModeSocket != 0:
		return bits | 0o140000
	case mode&fs.ModeCharDevice != 0:
		return bits | 0o020000
	case mode&fs.ModeDevice != 0:
		return bits | 0o060000
	}
	return bits | 0o100000
}

// pagePath converts a local path for the page, where GOOS is js and paths begin with a slash.
func pagePath(local string) string {
	path := filepath.ToSlash(local)
	if filepath.VolumeName(local) != "" {
		path = "/" + path
	}
	return path
}

// localPath is the inverse of pagePath, for a path that may be relative to cwd. On Windows a path with a drive letter
// is absolute even in the middle of a path, because Go in the page has joined it to a directory as if it were relative.
func localPath(cwd, path string) string {
	if os.PathSeparator == '\\' {
		path = strings.ReplaceAll(path, `\`, "/")
		if drive := strings.LastIndex(path, ":/"); drive > 0 {
			return filepath.FromSlash(path[drive-1:])
		}
	}
	if !strings.HasPrefix(path, "/") && path != "" {
		path = cwd + "/" + path
	}
	return filepath.FromSlash(strings.TrimPrefix(path, driveSlash(path)))
}

// driveSlash returns the slash before a drive letter, which pagePath added, or nothing.
func driveSlash(path string) string {
	if os.PathSeparator == '\\' && len(path) > 2 && path[0] == '/' && path[2] == ':' {
		return "/"
	}
	return ""
}
