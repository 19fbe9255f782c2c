package cases

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall/js"
	"testing"
	"time"
)

// Each test is started alone, by the name of its case.

func TestPass(t *testing.T) { t.Log("passed") }

func TestFail(t *testing.T) { t.Error("failed as it should") }

func TestExit(t *testing.T) {
	fmt.Println("before os.Exit")
	os.Exit(3)
}

func TestPanic(t *testing.T) { panic("on purpose") }

func TestGoroutinePanic(t *testing.T) {
	go func() { panic("in a goroutine") }()
	select {}
}

func TestDeadlock(t *testing.T) { <-make(chan int) }

// TestDeadlockAfterCallbacks has called back from JavaScript before nothing can any more.
func TestDeadlockAfterFiles(t *testing.T) {
	if _, err := os.ReadFile("cases.go"); err != nil {
		t.Fatal(err)
	}
	fmt.Println("read")
	<-make(chan int)
}

// TestCallback must not be taken for a deadlock: only JavaScript knows that it will go on.
func TestCallback(t *testing.T) {
	called := make(chan int)
	callback := js.FuncOf(func(js.Value, []js.Value) any {
		go func() { called <- 1 }()
		return nil
	})
	defer callback.Release()
	js.Global().Call("setTimeout", callback, 300)
	<-called
}

func TestArgs(t *testing.T) { fmt.Printf("%q\n", os.Args[1:]) }

func TestEnv(t *testing.T) {
	for _, name := range []string{"TESTBROWSER_CASE_GIVEN", "TESTBROWSER_CASE_SET", "TESTBROWSER_CASE_HIDDEN"} {
		value, ok := os.LookupEnv(name)
		fmt.Printf("%s=%q %v\n", name, value, ok)
	}
}

// TestEnvironment asks for variables twice, and sets some itself.
func TestEnvironment(t *testing.T) {
	for range 2 {
		fmt.Printf("%q\n", os.Getenv("TESTBROWSER_CASE_HIDDEN"))
	}
	t.Setenv("TESTBROWSER_CASE_OWN", "own")
	fmt.Println(os.Getenv("TESTBROWSER_CASE_OWN"), os.ExpandEnv("$TESTBROWSER_CASE_EXPANDED"),
		os.Getenv("TESTBROWSER_CASE_UNSET"))
}

func TestOrder(t *testing.T) {
	for i := range 2000 {
		if i%2 == 0 {
			fmt.Fprintf(os.Stdout, "line %d\n", i)
		} else {
			fmt.Fprintf(os.Stderr, "line %d\n", i)
		}
	}
}

// TestOutput prints as many lines of 100 bytes as the environment says, then one that says so.
func TestOutput(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("TESTBROWSER_CASE_LINES"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := fmt.Printf("%099d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("all printed")
}

// TestPrintln writes by the runtime's print, which does not wait.
func TestPrintln(t *testing.T) {
	for i := range 1000 {
		println("runtime", i)
	}
	fmt.Fprintln(os.Stderr, "then os")
}

func TestConsole(t *testing.T) {
	js.Global().Get("console").Call("error", "from console.error", js.Global().Get("Error").New("an error object"))
	js.Global().Get("console").Call("log", "from console.log")
}

func TestEval(t *testing.T) {
	defer func() { fmt.Println("eval:", recover()) }()
	js.Global().Get("Function").New("return 1")
}

// TestWait waits for something that never comes, but may.
func TestWait(t *testing.T) {
	fmt.Println("waiting")
	waitForever()
}

// waitForever is not a deadlock, because a callback may come.
func waitForever() {
	callback := js.FuncOf(func(js.Value, []js.Value) any { return nil })
	defer callback.Release()
	<-make(chan int)
}

// TestBusy never lets the event loop turn.
func TestBusy(t *testing.T) {
	fmt.Println("busy")
	for {
	}
}

// TestCompute does not let the event loop turn for longer than a hung page would be given.
func TestCompute(t *testing.T) {
	for end := time.Now().Add(14 * time.Second); time.Now().Before(end); {
	}
	fmt.Println("computed")
}

func TestReload(t *testing.T) {
	js.Global().Get("location").Call("reload")
	waitForever()
}

func TestWorker(t *testing.T) {
	fmt.Println("window:", !js.Global().Get("document").IsUndefined(),
		"worker:", !js.Global().Get("importScripts").IsUndefined())
}

func TestSocket(t *testing.T) { fmt.Println("WebSocket:", js.Global().Get("WebSocket").Type()) }

func TestSign(t *testing.T) {
	if got := Sign(1); got != "positive" {
		t.Error(got)
	}
}

func BenchmarkSign(b *testing.B) {
	for b.Loop() {
		Sign(1)
	}
}

// TestFiles uses the file system as tests do.
func TestFiles(t *testing.T) {
	source, err := os.ReadFile("cases.go")
	if err != nil || !bytes.Contains(source, []byte("package cases")) {
		t.Fatalf("the package's own file: %q, %v", source, err)
	}
	if _, err := os.Stat("../cases/cases_test.go"); err != nil {
		t.Error(err)
	}
	if _, err := os.ReadFile("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}

	dir := t.TempDir()
	sub := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(sub, "file with spaces & ünïcode?.txt")
	content := strings.Repeat("0123456789", 100_000)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != content {
		t.Fatalf("read back %d bytes, %v", len(got), err)
	}

	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := fmt.Fprintf(f, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	info, err := f.Stat()
	if err != nil || info.Size() != 1_000_790 {
		t.Errorf("size %v, %v", info.Size(), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}

	f, err = os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("ABC"), 5); err != nil {
		t.Error(err)
	}
	part := make([]byte, 10)
	if _, err := f.ReadAt(part, 0); err != nil || string(part) != "01234ABC89" {
		t.Errorf("%q, %v", part, err)
	}
	if err := f.Truncate(3); err != nil {
		t.Error(err)
	}
	if n, err := f.Seek(0, 2); err != nil || n != 3 {
		t.Errorf("seek: %d, %v", n, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}

	// A write to a file that is open for reading alone fails, if not at once then when the file is closed.
	f, err = os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	_, writeErr := f.Write([]byte("x"))
	if closeErr := f.Close(); writeErr == nil && closeErr == nil {
		t.Error("a write to a read-only file went well")
	}

	if err := os.Rename(name, filepath.Join(sub, "renamed")); err != nil {
		t.Error(err)
	}
	if err := os.Symlink("renamed", filepath.Join(sub, "link")); err != nil {
		t.Error(err)
	}
	if target, err := os.Readlink(filepath.Join(sub, "link")); err != nil || target != "renamed" {
		t.Errorf("link: %q, %v", target, err)
	}
	entries, err := os.ReadDir(sub)
	if err != nil || len(entries) != 2 || entries[0].Name() != "link" {
		t.Errorf("entries: %v, %v", entries, err)
	}
	if err := os.Remove(sub); err == nil {
		t.Error("a directory with files was removed")
	}
	if err := os.Mkdir(sub, 0o755); !errors.Is(err, fs.ErrExist) {
		t.Errorf("mkdir of what exists: %v", err)
	}
	old := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes(filepath.Join(sub, "renamed"), old, old); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(sub, "renamed")); err != nil || !info.ModTime().Equal(old) ||
		info.Mode() != 0o600 {
		t.Errorf("stat: %v, %v", info, err)
	}

	t.Chdir(sub)
	if _, err := os.Stat("renamed"); err != nil {
		t.Errorf("after chdir: %v", err)
	}
	if wd, err := os.Getwd(); err != nil || !strings.HasSuffix(wd, "/a/b") {
		t.Errorf("getwd: %q, %v", wd, err)
	}
	// workerd has no way to answer this at once.
	if js.Global().Get("WebSocketPair").IsUndefined() {
		checkChdir(t)
	}
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Error(err)
	}
}

func checkChdir(t *testing.T) {
	if err := os.Chdir("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("chdir: %v", err)
	}
}
