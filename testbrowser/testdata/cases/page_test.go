package cases

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall/js"
	"testing"
)

// await returns what a promise is resolved to.
func await(promise js.Value) (js.Value, error) {
	type result struct {
		value js.Value
		err   error
	}
	settled := make(chan result, 1)
	resolve := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- result{value: args[0]}
		return nil
	})
	defer resolve.Release()
	reject := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- result{err: errors.New(args[0].Call("toString").String())}
		return nil
	})
	defer reject.Release()
	promise.Call("then", resolve, reject)
	r := <-settled
	return r.value, r.err
}

// fetchText is what a URL answers.
func fetchText(url string) string {
	response, err := await(js.Global().Call("fetch", url))
	if err != nil {
		return err.Error()
	}
	if status := response.Get("status").Int(); status != 200 {
		return fmt.Sprint("status ", status)
	}
	text, err := await(response.Call("text"))
	if err != nil {
		return err.Error()
	}
	return text.String()
}

// TestScripts prints what the scripts before the program have left.
func TestScripts(t *testing.T) {
	fmt.Println("polyfill:", js.Global().Get("polyfill"), "module:", js.Global().Get("moduleValue"))
}

// TestPage prints what the page is.
func TestPage(t *testing.T) {
	global := js.Global()
	fmt.Println("query:", global.Get("location").Get("search"))
	fmt.Println("isolated:", global.Get("crossOriginIsolated").Bool())
	fmt.Println("clock:", clockStep(), "ns")
	fmt.Println("inline:", global.Get("inline"), "deferred:", global.Get("deferred"))
	fmt.Println("beside:", fetchText("data.txt"))
	fmt.Println("root:", fetchText("/data.txt"))
	fmt.Println("outside:", fetchText("/%2e%2e/cases/cases.go"))
}

// clockStep is the smallest step of the page's clock that is seen, in nanoseconds.
func clockStep() int {
	performance := js.Global().Get("performance")
	smallest := 1e9
	for range 50 {
		begin := performance.Call("now").Float()
		end := begin
		for end == begin {
			end = performance.Call("now").Float()
		}
		smallest = min(smallest, (end-begin)*1e6)
	}
	return int(smallest)
}

// TestServer talks to the server that the environment names, and to it through the page's origin.
func TestServer(t *testing.T) {
	server := os.Getenv("TESTBROWSER_SERVER")
	fmt.Println("direct:", fetchText(server+"hello?a=1"))
	fmt.Println("proxied:", fetchText("/api/hello?b=2"))
	fmt.Println("renamed:", fetchText("/renamed/hello"))
	fmt.Println("nobody:", fetchText("/nobody/"))
	for _, url := range []string{"/ws", strings.Replace(server, "http", "ws", 1) + "ws"} {
		fmt.Println("socket:", firstMessage(t, url))
	}
}

// TestServerDies has the server end while the program runs.
func TestServerDies(t *testing.T) {
	fmt.Println(fetchText(os.Getenv("MY_SERVER") + "die"))
	wait(t, 300)
}

// firstMessage is what a server sends first, or that the connection failed.
func firstMessage(t *testing.T, url string) string {
	u := js.Global().Get("URL").New(url, js.Global().Get("location").Get("href"))
	u.Set("protocol", strings.Replace(u.Get("protocol").String(), "http", "ws", 1))
	socket := js.Global().Get("WebSocket").New(u.Get("href"))
	defer socket.Call("close")
	result := make(chan string, 2)
	socket.Set("onmessage", callback(t, func(args []js.Value) { result <- args[0].Get("data").String() }))
	socket.Set("onerror", callback(t, func([]js.Value) { result <- "failed" }))
	return <-result
}

// TestLoopback fetches from this machine what the environment says.
func TestLoopback(t *testing.T) {
	for _, url := range strings.Fields(os.Getenv("TESTBROWSER_CASE_URLS")) {
		fmt.Println("answer:", fetchText(url))
	}
}

// TestInput prints standard input.
func TestInput(t *testing.T) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Printf("line %q\n", lines.Text())
	}
	fmt.Println("input ended:", lines.Err())
}

// TestServiceWorker fetches what the service worker of testdata/page/register.js answers.
func TestServiceWorker(t *testing.T) {
	if _, err := await(js.Global().Get("controlled")); err != nil {
		t.Fatal(err)
	}
	fmt.Println("fetched:", fetchText("data.txt"))
}

// TestSecure prints how the page was loaded.
func TestFetchFrom(t *testing.T) { fmt.Println(fetchText(os.Getenv("FETCH_FROM"))) }

func TestSecure(t *testing.T) {
	fmt.Println(js.Global().Get("location").Get("protocol"), js.Global().Get("isSecureContext").Bool(),
		fetchText("/api/hello"))
}
