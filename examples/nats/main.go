package main

import (
	"context"
	"fmt"
	"io"

	"github.com/seed2c7e30c3/ws/examples/internal/program"
)

func main() { program.Main("URL SUBJECT TEXT", run) }

// run publishes a text and prints the message that its own subscription gets.
func run(ctx context.Context, out io.Writer, args []string) error {
	url, subject, text := args[0], args[1], args[2]
	nc, err := connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		return err
	}
	if err := nc.Publish(subject, []byte(text)); err != nil {
		return err
	}
	m, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s\n", m.Subject, m.Data)
	return err
}
