package cases

import (
	"errors"
	"fmt"
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
	fmt.Println("inline:", global.Get("inline"), "deferred:", global.Get("deferred"))
	fmt.Println("beside:", fetchText("data.txt"))
	fmt.Println("root:", fetchText("/data.txt"))
	fmt.Println("outside:", fetchText("/%2e%2e/cases/cases.go"))
}
