package main

import (
	"context"
	"fmt"
	"io"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/seed2c7e30c3/ws/examples/internal/program"
)

func main() { program.Main("URL TOPIC TEXT", run) }

// disconnectQuiesce is how long Disconnect lets work end, in milliseconds.
const disconnectQuiesce = 250

// run publishes a text and prints the message that its own subscription gets.
func run(ctx context.Context, out io.Writer, args []string) error {
	url, topic, text := args[0], args[1], args[2]
	client, err := connect(ctx, url, mqtt.NewClientOptions())
	if err != nil {
		return err
	}
	defer client.Disconnect(disconnectQuiesce)
	received := make(chan mqtt.Message, 1)
	if err := wait(ctx, client.Subscribe(topic, 1, func(_ mqtt.Client, m mqtt.Message) {
		select {
		case received <- m:
		default: // one is enough
		}
	})); err != nil {
		return err
	}
	if err := wait(ctx, client.Publish(topic, 1, false, text)); err != nil {
		return err
	}
	select {
	case m := <-received:
		_, err := fmt.Fprintf(out, "%s: %s\n", m.Topic(), m.Payload())
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
