package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func connected(t *testing.T, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := connect(harness.URL(t), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestRun(t *testing.T) {
	var out strings.Builder
	subject := harness.Unique(t)
	if err := run(harness.Context(t), &out, []string{harness.URL(t), subject, "hello"}); err != nil {
		t.Fatal(err)
	}
	if want := subject + ": hello\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestRefused(t *testing.T) {
	if nc, err := connect(harness.NobodyListens); err == nil {
		nc.Close()
		t.Error("connected to a port that nobody listens on")
	}
}

// A request goes from one connection to a service on another, and its answer back.
func TestRequests(t *testing.T) {
	ctx := harness.Context(t)
	subject := harness.Unique(t)
	service := connected(t)
	if _, err := service.Subscribe(subject, func(m *nats.Msg) {
		if err := m.Respond(append([]byte("re: "), m.Data...)); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := service.FlushWithContext(ctx); err != nil {
		t.Fatal(err)
	}
	client := connected(t)
	for i := range 100 {
		m, err := client.RequestWithContext(ctx, subject, fmt.Append(nil, i))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprint("re: ", i); string(m.Data) != want {
			t.Fatalf("got %q, want %q", m.Data, want)
		}
	}
}

// The largest message that the server takes is larger than the largest WebSocket message that it takes once it
// compresses.
func TestLargest(t *testing.T) {
	nc := connected(t)
	subject := harness.Unique(t)
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	data := harness.Pattern(int(nc.MaxPayload()))
	for range 3 {
		if err := nc.Publish(subject, data); err != nil {
			t.Fatal(err)
		}
		m, err := sub.NextMsgWithContext(harness.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Data, data) {
			t.Fatalf("got %d other bytes", len(m.Data))
		}
	}
}

func TestJetStream(t *testing.T) {
	ctx := harness.Context(t)
	js, err := jetstream.New(connected(t))
	if err != nil {
		t.Fatal(err)
	}
	name := nuid.Next()
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{name}, Storage: jetstream.MemoryStorage,
	})
	if err != nil {
		t.Fatal(err)
	}
	const messages = 200
	for i := range messages {
		if _, err := js.Publish(ctx, name, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(messages)
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	for m := range batch.Messages() {
		if string(m.Data()) != fmt.Sprint(next) {
			t.Fatalf("got %q, want %d", m.Data(), next)
		}
		if err := m.DoubleAck(ctx); err != nil {
			t.Fatal(err)
		}
		next++
	}
	if err := batch.Error(); err != nil || next != messages {
		t.Errorf("%d messages, and the error %v", next, err)
	}
	if err := js.DeleteStream(ctx, name); err != nil {
		t.Error(err)
	}
}

// A connection that is lost comes back by the same dialler, with its subscriptions.
func TestReconnect(t *testing.T) {
	ctx := harness.Context(t)
	again := make(chan struct{}, 1)
	nc := connected(t, nats.ReconnectHandler(func(*nats.Conn) { again <- struct{}{} }))
	subject := harness.Unique(t)
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-again:
	case <-ctx.Done():
		t.Fatal("not connected again")
	}
	if err := nc.Publish(subject, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := sub.NextMsgWithContext(ctx); err != nil {
		t.Error(err)
	}
}
