package main

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func dialled(t *testing.T, url string) *grpc.ClientConn {
	t.Helper()
	cc, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cc.Close(); err != nil {
			t.Error(err)
		}
	})
	return cc
}

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(harness.Context(t), &out, []string{harness.URL(t)}); err != nil {
		t.Fatal(err)
	}
	if out.String() != "SERVING\n" {
		t.Errorf("printed %q", out.String())
	}
}

// The error of a call says why the WebSocket did not open.
func TestRefused(t *testing.T) {
	_, err := testpb.NewTestServiceClient(dialled(t, harness.NobodyListens)).EmptyCall(harness.Context(t), &testpb.Empty{})
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), harness.NobodyListens) {
		t.Errorf("got %v", err)
	}
}

// TestInterop runs gRPC's interoperability tests:
// https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md. One that fails ends the program with a
// line that says why.
func TestInterop(t *testing.T) {
	cc := dialled(t, harness.URL(t))
	client := testpb.NewTestServiceClient(cc)
	for _, test := range []struct {
		name string
		do   func(context.Context, testpb.TestServiceClient, ...grpc.CallOption)
	}{
		{"empty_unary", interop.DoEmptyUnaryCall},
		{"large_unary", interop.DoLargeUnaryCall},
		{"client_streaming", interop.DoClientStreaming},
		{"server_streaming", interop.DoServerStreaming},
		{"ping_pong", interop.DoPingPong},
		{"empty_stream", interop.DoEmptyStream},
		{"timeout_on_sleeping_server", interop.DoTimeoutOnSleepingServer},
		{"cancel_after_begin", interop.DoCancelAfterBegin},
		{"cancel_after_first_response", interop.DoCancelAfterFirstResponse},
		{"custom_metadata", interop.DoCustomMetadata},
		{"status_code_and_message", interop.DoStatusCodeAndMessage},
		{"special_status_message", interop.DoSpecialStatusMessage},
		{"unimplemented_method", func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			interop.DoUnimplementedMethod(ctx, cc)
		}},
		{"unimplemented_service", func(ctx context.Context, _ testpb.TestServiceClient, _ ...grpc.CallOption) {
			interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(cc))
		}},
	} {
		t.Run(test.name, func(t *testing.T) { test.do(harness.Context(t), client) })
	}
}
