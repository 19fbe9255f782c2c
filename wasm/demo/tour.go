package demo

import (
	"context"

	"github.com/seed2c7e30c3/ws"
)

// tourSteps are the steps of a tour once it is connected. Each step but the last waits until the message has come back.
var tourSteps = []Action{
	{Do: SendText, Text: "Grüße aus Go ✓"},
	{Do: SendBytes, Text: "00 01 02 fd fe ff"},
	{Do: SendBlob, Text: "a Blob is sent as it is"},
}

// tour shows every kind of message, and what an error looks like.
func (c *Client) tour(ctx context.Context, t *track, a Action) {
	d := c.beginDial(ctx, t)
	if d == nil || !c.dial(d, Action{URL: EchoPath, Protocols: []string{"demo.v2", Protocol}}) {
		return
	}
	for _, step := range tourSteps {
		if step.Do == SendBlob {
			c.now(t, Action{Do: SetBinaryType, BinaryType: ws.BinaryBlob})
		}
		c.now(t, step)
		select {
		case <-d.messages:
		case <-d.closed:
			return
		case <-ctx.Done():
			return
		}
	}
	c.now(t, Action{Do: Close, Code: 999, Reason: "no code for programs"})
	c.now(t, Action{Do: Close, Code: 4000, Reason: "that is all"})
	select {
	case <-d.closed:
	case <-ctx.Done():
		return
	}
	c.now(t, Action{Do: SendText, Text: "too late"})
}
