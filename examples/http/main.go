package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/seed2c7e30c3/ws/examples/internal/program"
)

func main() { program.Main("URL PAGE", run) }

// run prints the body of the response to a GET request.
func run(ctx context.Context, out io.Writer, args []string) error {
	url, page := args[0], args[1]
	client, session, err := dial(ctx, url)
	if err != nil {
		return err
	}
	defer session.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", page, response.Status)
	}
	_, err = io.Copy(out, response.Body)
	return err
}
