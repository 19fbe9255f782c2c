package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/seed2c7e30c3/ws/examples/chat/room"
	"github.com/seed2c7e30c3/ws/examples/internal/program"
)

func main() {
	program.Main("URL NAME", func(ctx context.Context, out io.Writer, args []string) error {
		return run(ctx, os.Stdin, out, args[0], args[1])
	})
}

// run says the lines of in and prints what is said.
func run(ctx context.Context, in io.Reader, out io.Writer, roomURL, name string) error {
	c, err := join(ctx, roomURL, name)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	said := make(chan error, 1)
	go func() { said <- say(c, in) }()
	if err := hear(ctx, c, func(m room.Message) { fmt.Fprintln(out, line(m)) }); err != nil {
		return err
	}
	return <-said // nobody else closes the connection with code 1000: the room uses 1001
}

// line returns m as one line of text.
func line(m room.Message) string {
	if m.From == "" {
		return m.Text
	}
	return m.From + ": " + m.Text
}
