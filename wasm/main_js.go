// The demo's client in a JavaScript host: it prints its log, a line of three columns at a time.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/seed2c7e30c3/ws/wasm/demo"
)

func main() {
	base := flag.String("base", "", "`URL` of the echo server (default: the page's own)")
	flag.Parse()
	if err := demo.Run(context.Background(), *base, func(l demo.Line) { fmt.Println(l) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
