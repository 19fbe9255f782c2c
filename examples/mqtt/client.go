// Command mqtt publishes a text to an MQTT broker and prints the message that comes back, with the Paho client.
//
//	go run ./mqtt ws://127.0.0.1:8080/mqtt greetings hello
//
// Brokers speak MQTT in binary messages to clients that ask for the subprotocol "mqtt" (MQTT 5.0, section 6). The Paho
// client has a WebSocket client of its own, which a browser cannot run; its CustomOpenConnectionFn takes this one
// instead.
package main

import (
	"context"
	"net"
	"net/url"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
)

// connect connects to the broker at url, and again whenever the connection is lost, unless opts say otherwise.
// opts.ConnectTimeout limits each attempt, and must not be 0.
func connect(ctx context.Context, url string, opts *mqtt.ClientOptions) (mqtt.Client, error) {
	client := mqtt.NewClient(opts.AddBroker(url).SetCustomOpenConnectionFn(open))
	if err := wait(ctx, client.Connect()); err != nil {
		client.Disconnect(0)
		return nil, err
	}
	return client, nil
}

// open is the mqtt.OpenConnectionFunc of WebSockets.
func open(broker *url.URL, opts mqtt.ClientOptions) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), opts.ConnectTimeout)
	defer cancel()
	return netconn.Dial(ctx, broker.String(), &ws.Options{Protocols: []string{"mqtt"}})
}

// wait waits until what token stands for is done. Unlike token.Wait it can be cancelled.
func wait(ctx context.Context, token mqtt.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}
