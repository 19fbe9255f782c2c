package reconnect

import "syscall/js"

// watch sends on wake when it is worth trying at once: the network is back, or the user looks at the page again.
func watch(wake chan<- struct{}) (stop func()) {
	global := js.Global()
	document := global.Get("document")
	event := js.FuncOf(func(js.Value, []js.Value) any {
		if document.Truthy() && document.Get("visibilityState").String() == "hidden" {
			return nil
		}
		select {
		case wake <- struct{}{}:
		default: // one is enough
		}
		return nil
	})
	targets := map[string]js.Value{"online": global, "visibilitychange": document}
	for name, target := range targets {
		if target.Truthy() && target.Get("addEventListener").Truthy() { // Node has neither
			target.Call("addEventListener", name, event)
		}
	}
	return func() {
		for name, target := range targets {
			if target.Truthy() && target.Get("removeEventListener").Truthy() {
				target.Call("removeEventListener", name, event)
			}
		}
		event.Release()
	}
}
