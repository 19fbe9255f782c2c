package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/seed2c7e30c3/ws/examples/internal/harness"
)

func connected(t *testing.T, opts *mqtt.ClientOptions) mqtt.Client {
	t.Helper()
	client, err := connect(harness.Context(t), harness.URL(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Disconnect(0) })
	return client
}

// subscribe returns a channel with the messages of a topic.
func subscribe(t *testing.T, client mqtt.Client, topic string, qos byte, room int) <-chan mqtt.Message {
	t.Helper()
	messages := make(chan mqtt.Message, room)
	done(t, client.Subscribe(topic, qos, func(_ mqtt.Client, m mqtt.Message) { messages <- m }))
	return messages
}

func done(t *testing.T, token mqtt.Token) {
	t.Helper()
	if err := wait(harness.Context(t), token); err != nil {
		t.Fatal(err)
	}
}

func receive[T any](t *testing.T, ctx context.Context, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestRun(t *testing.T) {
	var out strings.Builder
	topic := harness.Unique(t)
	if err := run(harness.Context(t), &out, []string{harness.URL(t), topic, "hello"}); err != nil {
		t.Fatal(err)
	}
	if want := topic + ": hello\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestRefused(t *testing.T) {
	if client, err := connect(harness.Context(t), harness.NobodyListens, mqtt.NewClientOptions()); err == nil {
		client.Disconnect(0)
		t.Error("connected to a port that nobody listens on")
	}
}

// Each quality of service is another exchange of packets.
func TestQualities(t *testing.T) {
	ctx := harness.Context(t)
	publisher := connected(t, mqtt.NewClientOptions())
	subscriber := connected(t, mqtt.NewClientOptions())
	for qos := range byte(3) {
		topic := harness.Unique(t)
		const count = 50
		messages := subscribe(t, subscriber, topic, qos, count)
		for i := range count {
			done(t, publisher.Publish(topic, qos, false, fmt.Sprint(i)))
		}
		for i := range count {
			if m := receive(t, ctx, messages); string(m.Payload()) != fmt.Sprint(i) || m.Qos() != qos {
				t.Fatalf("got %q with quality %d, want %d with %d", m.Payload(), m.Qos(), i, qos)
			}
		}
	}
}

func TestRetained(t *testing.T) {
	topic := harness.Unique(t)
	done(t, connected(t, mqtt.NewClientOptions()).Publish(topic, 1, true, "still here"))
	m := receive(t, harness.Context(t), subscribe(t, connected(t, mqtt.NewClientOptions()), topic, 1, 1))
	if string(m.Payload()) != "still here" || !m.Retained() {
		t.Errorf("got %q, retained %v", m.Payload(), m.Retained())
	}
}

func TestLarge(t *testing.T) {
	client := connected(t, mqtt.NewClientOptions())
	topic := harness.Unique(t)
	messages := subscribe(t, client, topic, 1, 1)
	data := harness.Pattern(1 << 20)
	done(t, client.Publish(topic, 1, false, data))
	if m := receive(t, harness.Context(t), messages); !bytes.Equal(m.Payload(), data) {
		t.Errorf("got %d other bytes", len(m.Payload()))
	}
}

// A broker ends the connection of a client when another one of the same name comes. It then connects again by itself.
func TestReconnect(t *testing.T) {
	ctx := harness.Context(t)
	name := harness.Unique(t)
	connects := make(chan struct{}, 10)
	opts := func() *mqtt.ClientOptions { return mqtt.NewClientOptions().SetClientID(name) }
	client := connected(t, opts().SetOnConnectHandler(func(mqtt.Client) { connects <- struct{}{} }))
	receive(t, ctx, connects)
	connected(t, opts().SetAutoReconnect(false))
	receive(t, ctx, connects)
	done(t, client.Publish(name, 1, false, "back"))
}
