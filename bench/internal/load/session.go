package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// SampleLimit is how long one sample may take, so that a contestant that waits for a message that never comes fails.
const SampleLimit = 60 * time.Second

// Session is a contestant's connection together with the two ways to get its messages.
type Session struct {
	Contestant *Contestant
	URL        string
	client     Client
	pull       Puller // nil for a pusher

	// For a pusher.
	each   chan func(Received) bool // what to do with messages until it returns false
	done   chan error               // the function has returned false, or the connection has ended
	Verify bool                     // echoes must have the right content
	kept   Received                 // the last message that was due
	due    func(Received) bool
}

func OpenSession(c *Contestant, url string, deflate bool) (*Session, error) {
	s := &Session{Contestant: c, URL: url, each: make(chan func(Received) bool, 1), done: make(chan error, 2)}
	var err error
	s.client, err = c.Dial(url, deflate, Callbacks{Message: s.pushed, Failed: s.pushFailed})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	s.pull, _ = s.client.(Puller)
	return s, nil
}

func (s *Session) Close() { s.client.Shut() }

// pushed runs on the connection's goroutine. Before the server is asked for messages, expect must have been called.
func (s *Session) pushed(r Received) {
	if s.due == nil {
		s.due = <-s.each
	}
	if !s.due(r) {
		s.kept = r
		s.due = nil
		s.done <- nil
	}
}

func (s *Session) pushFailed(err error) {
	if err == nil {
		err = errClosed
	}
	select {
	case s.done <- err:
	default:
	}
}

// expect passes messages to f until f returns false; await waits for that. The messages are requested between the two
// calls.
func (s *Session) expect(f func(Received) bool) {
	if s.pull == nil {
		s.each <- f
		return
	}
	s.due = f
}

func (s *Session) await() error {
	if s.pull == nil {
		return <-s.done
	}
	for {
		r, err := s.pull.Receive()
		if err != nil {
			return err
		}
		if !s.due(r) {
			s.kept = r
			return nil
		}
	}
}

// command asks the server for something.
func (s *Session) command(n int) error {
	data := []byte{byte(n >> 16), byte(n >> 8), byte(n)}
	if n <= maxCompressed {
		data = data[1:]
	}
	return s.client.Send(BinaryMessage(data))
}

// Numbers of messages. Some clients compress whatever they send, and three bytes may refer to earlier messages.
const (
	maxCount      = 1<<24 - 1
	maxCompressed = 1<<16 - 1
)

// Receive asks for n messages and receives them.
func (s *Session) Receive(n, size int) error {
	wrong, left := 0, n
	s.expect(func(r Received) bool {
		if r.Len() != size {
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

// Send sends n messages, cycling through some, and waits until the server has got them all. It returns how many payload
// bytes that took on the wire.
func (s *Session) Send(n int, messages []*Message) (wire int64, err error) {
	s.expect(func(Received) bool { return false })
	if err := s.command(n); err != nil {
		return 0, err
	}
	for i := range n {
		if err := s.client.Send(messages[i%len(messages)]); err != nil {
			return 0, err
		}
	}
	if err := s.await(); err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(s.kept.Bytes()), 10, 64)
}

// Echo sends a message, waits for it to come back, and so on. Receiving goes on while sending, because large messages
// come back while they are still being sent.
func (s *Session) Echo(n int, m *Message) error {
	for range n {
		ok := false
		s.expect(func(r Received) bool {
			ok = r.Len() == len(m.Data) && (!s.Verify || bytes.Equal(r.Bytes(), m.Data))
			return false
		})
		arrived := make(chan error, 1)
		go func() { arrived <- s.await() }()
		if err := s.client.Send(m); err != nil {
			return err
		}
		if err := <-arrived; err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("what came back is not the %d bytes that were sent", len(m.Data))
		}
	}
	return nil
}

// PingPong sends a message whenever one has come back, and returns the times between.
func (s *Session) PingPong(n int, m *Message) ([]time.Duration, error) {
	times := make([]time.Duration, 0, n)
	var sendErr error
	sent := time.Now()
	s.expect(func(Received) bool {
		times = append(times, time.Since(sent))
		if len(times) == n {
			return false
		}
		sent = time.Now()
		sendErr = s.client.Send(m)
		return sendErr == nil
	})
	if err := s.client.Send(m); err != nil {
		return nil, err
	}
	if err := s.await(); err != nil {
		return nil, err
	}
	return times, sendErr
}

var errClosed = errors.New("the connection was closed")

// Last returns the bytes of the message that was received last.
func (s *Session) Last() []byte { return s.kept.Bytes() }
