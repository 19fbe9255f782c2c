package ws_test

import (
	"context"
	"fmt"
	"syscall/js"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/scenario"
)

// startScenarioServer and startAcceptServer return "": no JavaScript host can listen as these servers must.
func startScenarioServer(*testing.T, []*scenario.Scenario) string { return "" }

func startAcceptServer(*testing.T, []*scenario.Scenario) string { return "" }

// fetchControl gets a page of the control API. It calls the host's fetch itself: net/http does not use it in Node.
func fetchControl(ctx context.Context, url string) ([]byte, error) {
	response, err := awaitPromise(ctx, js.Global().Call("fetch", url))
	if err != nil {
		return nil, err
	}
	body, err := awaitPromise(ctx, response.Call("text"))
	if err != nil {
		return nil, err
	}
	if !response.Get("ok").Bool() {
		return nil, fmt.Errorf("%d: %s", response.Get("status").Int(), body.String())
	}
	return []byte(body.String()), nil
}

// awaitPromise waits for a promise.
func awaitPromise(ctx context.Context, promise js.Value) (js.Value, error) {
	type settlement struct {
		value js.Value
		err   error
	}
	settled := make(chan settlement, 1)
	fulfilled := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- settlement{value: args[0]}
		return nil
	})
	defer fulfilled.Release()
	rejected := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- settlement{err: js.Error{Value: args[0]}}
		return nil
	})
	defer rejected.Release()
	promise.Call("then", fulfilled, rejected)
	select {
	case s := <-settled:
		return s.value, s.err
	case <-ctx.Done():
		return js.Value{}, ctx.Err()
	}
}
