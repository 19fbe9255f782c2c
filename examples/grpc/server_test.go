//go:build !js

package main

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
	"github.com/seed2c7e30c3/ws/examples/internal/listen"
)

func TestMain(m *testing.M) { harness.Main(m, startServer) }

func TestHosts(t *testing.T) { harness.Hosts(t) }

// startServer starts the server of gRPC's interoperability tests.
func startServer() (harness.Server, error) {
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, interop.NewTestServer())
	healthpb.RegisterHealthServer(server, health.NewServer())
	connections := listen.New(harness.AnyOrigin)
	served := make(chan error, 1)
	go func() { served <- server.Serve(connections) }()
	return harness.Serve(connections, func() error {
		server.Stop()
		return <-served
	})
}
