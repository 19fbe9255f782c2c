// Package program has what the main functions of the examples share.
package program

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
)

// Main calls run with the arguments of the command line and with standard output, and ends the program when run
// returns an error. An interrupt ends ctx. params names the arguments, like "URL NAME": with a different number of
// arguments the program ends with code 2 and a line that says how it is used.
func Main(params string, run func(ctx context.Context, out io.Writer, args []string) error) {
	args := os.Args[1:]
	if len(args) != len(strings.Fields(params)) {
		fmt.Fprintf(os.Stderr, "usage: %s %s\n", os.Args[0], params)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, args)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}
