package netconn

import (
	"errors"
	"net"
	"testing"

	"github.com/seed2c7e30c3/ws"
)

// TestWriteEndedByClose: a Write that Close ends says so, also in the moment in which Close has not ended Reads yet.
func TestWriteEndedByClose(t *testing.T) {
	c := New(new(ws.Conn)).(*conn)
	end := c.writeLimit.current()
	c.writeLimit.close()
	if err := c.failure("write", end, end.Err()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want %v", err, net.ErrClosed)
	}
}
