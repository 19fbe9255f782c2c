package engine_test

import (
	"testing"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// TestDrainedBeforeClose: a message counts as handed to the stream before the stream has taken it. Drained to 0 is
// reported then, but when the connection is to close only when the Close frame has been taken; Drained to more is not
// put off.
func TestDrainedBeforeClose(t *testing.T) {
	s, owner := newScript(0, 3), newRecorder()
	e := start(t, owner, s, engine.Config{})
	e.Send(frame.Binary, make([]byte, 1000))
	s.wait(t, "write", func() bool { return s.writing })
	e.AwaitBuffered(0)
	await(t, "report", owner.drained)
	e.StartClosing(1000, "")
	if !e.CloseWaits() {
		t.Error("the Close frame does not wait, but it has not been taken")
	}
	e.AwaitBuffered(1)
	await(t, "report", owner.drained)
	e.AwaitBuffered(0)
	s.take(1000) // all of the message, and nothing of the Close frame
	s.wait(t, "Close frame", func() bool { return s.writing && s.budget == 0 && len(s.out) == 1003 })
	select {
	case <-owner.drained:
		t.Error("Drained was reported before the Close frame was taken")
	default:
	}
	s.take(unlimited)
	await(t, "report", owner.drained)
	if e.CloseWaits() {
		t.Error("the Close frame still waits")
	}
}
