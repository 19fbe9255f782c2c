package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	health "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/seed2c7e30c3/ws/examples/internal/program"
)

func main() { program.Main("URL", run) }

// run prints "SERVING" or another status of the server.
func run(ctx context.Context, out io.Writer, args []string) (err error) {
	cc, err := dial(args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cc.Close()) }()
	reply, err := health.NewHealthClient(cc).Check(ctx, &health.HealthCheckRequest{})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, reply.Status)
	return err
}
