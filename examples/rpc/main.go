package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/seed2c7e30c3/ws/examples/internal/program"
)

func main() { program.Main("URL METHOD PARAMS", run) }

// run prints the result of a call.
func run(ctx context.Context, out io.Writer, args []string) (err error) {
	url, method, params := args[0], args[1], args[2]
	client, err := dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	response, err := client.Call(ctx, method, json.RawMessage(params))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, response.ResultString())
	return err
}
