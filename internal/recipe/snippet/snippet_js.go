package snippet

import (
	"context"
	"syscall/js"

	"github.com/seed2c7e30c3/ws"
)

// sayOnClick sends a greeting for each click, over a connection of its own.
func sayOnClick(button js.Value, url string) {
	button.Call("addEventListener", "click", js.FuncOf(func(js.Value, []js.Value) any {
		go func() { // Dial waits, and JavaScript waits for this function
			if err := say(url); err != nil {
				js.Global().Get("console").Call("error", err.Error())
			}
		}()
		return nil
	}))
}

func say(url string) error {
	ctx := context.Background()
	c, err := ws.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	if err := c.Send(ws.Text("hello")); err != nil {
		return err
	}
	return c.Shutdown(ctx, ws.StatusNormalClosure, "")
}
