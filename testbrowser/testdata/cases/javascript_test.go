package cases

import (
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"syscall/js"
	"testing"
	"time"
)

// TestConsoleCases prints the cases of testdata/page/console.js.
func TestConsoleCases(t *testing.T) { js.Global().Call("runConsoleCases") }

// callback is a function for JavaScript that the test releases at its end.
func callback(t *testing.T, f func(args []js.Value)) js.Func {
	fn := js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(args)
		return nil
	})
	t.Cleanup(fn.Release)
	return fn
}

// TestCallbackPrints prints inside functions that JavaScript calls, alone, one inside another, and while other
// goroutines print.
func TestCallbackPrints(t *testing.T) {
	done := make(chan struct{})
	nested := callback(t, func([]js.Value) { fmt.Println("nested") })
	js.Global().Call("setTimeout", callback(t, func([]js.Value) {
		fmt.Println("fmt in a timer")
		log.SetFlags(0)
		log.Print("log in a timer")
		t.Log("t.Log in a timer")
		fmt.Fprintln(os.Stderr, strings.Repeat("x", 3<<20)) // more than is ever on its way
		js.Global().Get("Array").Call("of", 1, 2, 3).Call("forEach", nested)
		fmt.Println("after nested")
		close(done)
	}), 10)
	<-done

	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for range 500 {
				fmt.Println("goroutine", i)
			}
		})
	}
	const times = 50
	ticks := make(chan struct{}, times)
	tick := callback(t, func([]js.Value) {
		fmt.Println("tick")
		js.Global().Get("Array").Call("of", 1).Call("forEach", nested)
		select {
		case ticks <- struct{}{}:
		default:
		}
	})
	timer := js.Global().Call("setInterval", tick, 1)
	for range times {
		<-ticks
	}
	js.Global().Call("clearInterval", timer)
	all.Wait()
	fmt.Println("all printed")
}

// TestPrintUntilCalled prints without end until a function that JavaScript calls says so.
func TestPrintUntilCalled(t *testing.T) {
	called := false
	js.Global().Call("setTimeout", callback(t, func([]js.Value) { called = true }), 100)
	n := 0
	for ; !called; n++ {
		fmt.Println("not yet")
	}
	fmt.Println("called")
}

// TestListeners prints in the listener of an event.
func TestListeners(t *testing.T) {
	target := js.Global().Get("EventTarget").New()
	target.Call("addEventListener", "x", callback(t, func(args []js.Value) { fmt.Println("event", args[0].Get("type")) }))
	target.Call("dispatchEvent", js.Global().Get("Event").New("x"))
}

func wait(t *testing.T, ms int) {
	done := make(chan struct{})
	js.Global().Call("setTimeout", callback(t, func([]js.Value) { close(done) }), ms)
	<-done
}

// TestThrows has an error and a rejection that nobody catches, by scripts/throws_later.js.
func TestThrows(t *testing.T) {
	js.Global().Call("throwLater")
	wait(t, 50)
}

func TestThrowsAndExits(t *testing.T) {
	TestThrows(t)
	os.Exit(3)
}

func TestRejects(t *testing.T) {
	js.Global().Get("Promise").Call("reject", js.Global().Get("Error").New("nobody handles this"))
	wait(t, 50)
}

// TestHandles has a listener that says that it has handled them.
func TestHandles(t *testing.T) {
	js.Global().Call("handleUncaught")
	js.Global().Call("throwLater")
	js.Global().Get("Promise").Call("reject", js.Global().Get("Error").New("this is handled"))
	wait(t, 50)
	fmt.Println("handled")
}

// TestLateCallback leaves a timer that calls the program after its end, which is not an error.
func TestLateCallback(t *testing.T) {
	js.Global().Call("setInterval", js.FuncOf(func(js.Value, []js.Value) any { return nil }), 0)
	time.Sleep(10 * time.Millisecond)
}
