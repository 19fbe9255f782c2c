// The demo's client in a JavaScript host. In the demo's page it does what the page says. Anywhere else it prints what
// will be compared, in lines of three columns.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/seed2c7e30c3/ws/wasm/demo"
)

func main() {
	base := flag.String("base", "", "`URL` of the demo's server (default: the page's own)")
	flag.Parse()
	ctx := context.Background()
	run := func() error { return printCompared(ctx, *base) }
	if page := demoPage(); page.Truthy() {
		run = func() error { return servePage(ctx, page) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printCompared(ctx context.Context, base string) error {
	control, err := demo.DialControl(ctx, base)
	if err != nil {
		return err
	}
	defer control.CloseNow()
	return demo.Compared(ctx, base, control.Scenarios, control.Hello.Servers, func(line string) { fmt.Println(line) })
}
