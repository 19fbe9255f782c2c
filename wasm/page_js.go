package main

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/wasm/demo"
)

// The interface between the program and its page, page/main.js. Before the program starts, the page has a global object
// demoPage with these methods:
//
//	hello(json)        the server's demo.Hello has come; from now on the page may call act
//	report(json)       a demo.FromServer: something has happened on one of the sides
//	lost(text)         the connection to the server is over
//
// The program adds this method:
//
//	act(json, file)    does a request, on the sides that it names; file is a File for demo.SendFile

func demoPage() js.Value { return js.Global().Get("demoPage") }

// request is a request of the page.
type request struct {
	Sides  []string    `json:"sides"`
	Action demo.Action `json:"action"`

	file js.Value
}

// servePage does what the page says, here and with the native client, until the server is gone.
func servePage(ctx context.Context, page js.Value) error {
	control, err := demo.DialControl(ctx, "")
	if err != nil {
		return fmt.Errorf("the server of this page does not answer: %w", err)
	}
	client := demo.NewClient(demo.Browser, "", control.Scenarios, func(r demo.Report) {
		page.Call("report", marshal(demo.FromServer{Side: demo.Browser, Report: r}))
	})
	requests := make(chan request, 64)
	page.Set("act", js.FuncOf(func(_ js.Value, args []js.Value) any {
		r := request{file: args[1]}
		if err := json.Unmarshal([]byte(args[0].String()), &r); err != nil {
			return err.Error()
		}
		select {
		case requests <- r:
			return nil
		default:
			return "too much at once"
		}
	}))
	go func() {
		for r := range requests {
			if err := r.do(ctx, control.Conn, client); err != nil {
				page.Call("lost", err.Error())
			}
		}
	}()
	page.Call("hello", control.JSON)
	for {
		m, err := control.Read(ctx)
		if err != nil {
			page.Call("lost", err.Error())
			client.End()
			return nil
		}
		if text, ok := m.(ws.Text); ok {
			page.Call("report", string(text))
		}
	}
}

// do begins the action on both sides at the same time, except for the time that a message takes to the server.
func (r *request) do(ctx context.Context, control *ws.Conn, client *demo.Client) error {
	here := false
	for _, side := range r.Sides {
		if side == demo.Browser {
			here = true
			continue
		}
		if r.Action.Do == demo.SendFile {
			blob, err := ws.BlobOf(r.file)
			if err != nil {
				return err
			}
			if err := control.Send(blob); err != nil {
				return err
			}
			if err := control.Drain(ctx, 0); err != nil {
				return err
			}
		}
		if err := control.Send(ws.Text(marshal(r.Action))); err != nil {
			return err
		}
	}
	if !here {
		return nil
	}
	if r.Action.Do == demo.SendFile {
		blob, err := ws.BlobOf(r.file)
		if err != nil {
			return err
		}
		r.Action.File = blob
	}
	client.Do(ctx, r.Action)
	return nil
}

func marshal(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // all types that are marshalled here can be marshalled
	}
	return string(data)
}
