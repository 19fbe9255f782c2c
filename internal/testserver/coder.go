//go:build !js

package testserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// coderAccept answers the handshake. It returns nil if that failed; the client has then been told.
func coderAccept(w http.ResponseWriter, r *http.Request) *websocket.Conn {
	query := r.URL.Query()
	options := &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled}
	if query.Get("compress") != "" {
		options.CompressionMode = websocket.CompressionContextTakeover
	}
	if names := query.Get("protocols"); names != "" {
		options.Subprotocols = strings.Split(names, ",")
	}
	c, err := websocket.Accept(w, r, options)
	if err != nil {
		return nil
	}
	c.SetReadLimit(-1)
	return c
}

func coderEcho(w http.ResponseWriter, r *http.Request) {
	c := coderAccept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	// The connection lasts as long as the client wants.
	ctx := context.Background()
	buffer := make([]byte, 64<<10)
	for {
		if err := echoOne(ctx, c, buffer); err != nil {
			return
		}
	}
}

func echoOne(ctx context.Context, c *websocket.Conn, buffer []byte) error {
	kind, from, err := c.Reader(ctx)
	if err != nil {
		return err
	}
	to, err := c.Writer(ctx, kind)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(to, from, buffer); err != nil {
		return err
	}
	return to.Close()
}

func coderThrottle(w http.ResponseWriter, r *http.Request) {
	c := coderAccept(w, r)
	if c == nil {
		return
	}
	defer c.CloseNow()
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	quota := max(1, number(r, "rate", 1<<20)/int(time.Second/step)) // bytes in a step
	left := quota
	buffer := make([]byte, 64<<10)
	for {
		_, message, err := c.Reader(context.Background())
		if err != nil {
			return
		}
		for err == nil {
			if left <= 0 {
				<-tick.C
				left = quota
			}
			var n int
			n, err = message.Read(buffer[:min(left, len(buffer))])
			left -= n
		}
		if !errors.Is(err, io.EOF) {
			return
		}
	}
}
