package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/seed2c7e30c3/ws"
)

func main() {
	if err := greet("ws://127.0.0.1:8080/echo"); err != nil {
		log.Fatal(err)
	}
}

func greet(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := ws.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	if err := c.Send(ws.Text("hello")); err != nil {
		return err
	}
	reply, err := c.ReadText(ctx)
	if err != nil {
		return err
	}
	fmt.Println("the server says:", reply)
	return c.Shutdown(ctx, ws.StatusNormalClosure, "")
}
