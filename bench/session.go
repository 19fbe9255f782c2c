package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// sampleLimit is how long one sample may take: a contestant that waits for a message that never comes shall fail.
const sampleLimit = 60 * time.Second

// session is a contestant's connection together with the two ways to get its messages.
type session struct {
	contestant *contestant
	url        string
	client     client
	pull       puller // nil for a pusher

	// For a pusher.
	each   chan func(received) bool // what to do with messages until it returns false
	done   chan error               // the function has returned false, or the connection has ended
	verify bool
	kept   received // the last message, so that no compiler finds that nobody keeps it
	due    func(received) bool
}

func openSession(c *contestant, url string, deflate bool) (*session, error) {
	s := &session{contestant: c, url: url, each: make(chan func(received) bool, 1), done: make(chan error, 2)}
	var err error
	s.client, err = c.dial(url, deflate, callbacks{message: s.pushed, failed: s.pushFailed})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	s.pull, _ = s.client.(puller)
	return s, nil
}

func (s *session) close() { s.client.shut() }

// pushed runs on the connection's goroutine. Whoever expects messages has said so before the server was asked for them.
func (s *session) pushed(r received) {
	if s.due == nil {
		s.due = <-s.each
	}
	s.kept = r
	if !s.due(r) {
		s.due = nil
		s.done <- nil
	}
}

func (s *session) pushFailed(err error) {
	if err == nil {
		err = errClosed
	}
	select {
	case s.done <- err:
	default:
	}
}

// expect begins to give messages to f until it returns false; await waits for that. Between the two the messages are asked for.
func (s *session) expect(f func(received) bool) {
	if s.pull == nil {
		s.each <- f
		return
	}
	s.due = f
}

func (s *session) await() error {
	if s.pull == nil {
		return <-s.done
	}
	for {
		r, err := s.pull.receive()
		if err != nil {
			return err
		}
		s.kept = r
		if !s.due(r) {
			return nil
		}
	}
}

// command asks the server for something; see server.go.
func (s *session) command(n int) error {
	return s.client.send(binaryMessage([]byte{byte(n >> 16), byte(n >> 8), byte(n)}))
}

// receive asks for n messages and receives them.
func (s *session) receive(n, size int) error {
	wrong, left := 0, n
	s.expect(func(r received) bool {
		if r.len() != size {
			wrong++
		}
		left--
		return left > 0
	})
	if err := s.command(n); err != nil {
		return err
	}
	if err := s.await(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d messages do not have %d bytes", wrong, n, size)
	}
	return nil
}

// send sends n messages, cycling through some, and waits until the server has got them all. It returns how many payload
// bytes that took on the wire.
func (s *session) send(n int, messages []*message) (wire int64, err error) {
	s.expect(func(received) bool { return false })
	if err := s.command(n); err != nil {
		return 0, err
	}
	for i := range n {
		if err := s.client.send(messages[i%len(messages)]); err != nil {
			return 0, err
		}
	}
	if err := s.await(); err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(s.kept.bytes()), 10, 64)
}

// echo sends a message, waits for it to come back, and so on. Receiving goes on while sending, as large messages come back while they
// are still being sent.
func (s *session) echo(n int, m *message) error {
	for range n {
		ok := false
		s.expect(func(r received) bool {
			ok = r.len() == len(m.data) && (!s.verify || bytes.Equal(r.bytes(), m.data))
			return false
		})
		arrived := make(chan error, 1)
		go func() { arrived <- s.await() }()
		if err := s.client.send(m); err != nil {
			return err
		}
		if err := <-arrived; err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("what came back is not the %d bytes that were sent", len(m.data))
		}
	}
	return nil
}

// pingPong sends a message whenever one has come back, and returns the times between.
func (s *session) pingPong(n int, m *message) ([]time.Duration, error) {
	times := make([]time.Duration, 0, n)
	var sendErr error
	sent := time.Now()
	s.expect(func(received) bool {
		times = append(times, time.Since(sent))
		if len(times) == n {
			return false
		}
		sent = time.Now()
		sendErr = s.client.send(m)
		return sendErr == nil
	})
	if err := s.client.send(m); err != nil {
		return nil, err
	}
	if err := s.await(); err != nil {
		return nil, err
	}
	return times, sendErr
}
