//go:build !js

package ws

// Native because a test binary for js would have to start a second server; the code is the portable one.

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// newReadable is an Open connection that nothing arrives on but what the test posts.
func newReadable() *Conn {
	c := &Conn{readBuffer: -1}
	c.setState(Open)
	return c
}

// post has messages arrive, with mu.
func (c *Conn) post(messages ...Text) {
	for _, m := range messages {
		c.addReceived(&[]payload{{text: m}})
	}
}

// TestReadOrder: Reads get messages in the order in which they began to wait, which only a test inside of the
// package can see.
func TestReadOrder(t *testing.T) {
	c := newReadable()
	const readers = 50
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() {
			m, err := c.Read(context.Background())
			if want := Text(fmt.Sprint(i)); err != nil || m != want {
				t.Errorf("Read %d returned %v, %v", i, m, err)
			}
		})
		for waiting := 0; waiting <= i; runtime.Gosched() {
			c.mu.Lock()
			waiting = c.readersWaiting()
			c.mu.Unlock()
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	c.mu.Lock()
	for i := range readers {
		c.post(Text(fmt.Sprint(i)))
	}
	c.mu.Unlock()
	if _, err := c.Read(cancelled); err != context.Canceled {
		t.Errorf("Read with a cancelled context: %v", err)
	}
	wg.Wait()
}

// TestReadGivesUp: a Read whose context ends at the moment in which it gets a message returns the message.
func TestReadGivesUp(t *testing.T) {
	c := newReadable()
	w := &readWaiter{wake: make(chan struct{}, 1)}
	c.mu.Lock()
	c.waits().readers = append(c.waits().readers, w)
	c.post("1", "2")
	if !c.giveUp(w) || w.message.text != "1" {
		t.Errorf("the Read got %+v", w.message)
	}
	c.mu.Unlock()
	if m, err := c.Read(context.Background()); err != nil || m != Text("2") {
		t.Errorf("Read returned %v, %v", m, err)
	}
	if c.unreadBytes != 0 {
		t.Errorf("%d bytes are unread", c.unreadBytes)
	}
}
