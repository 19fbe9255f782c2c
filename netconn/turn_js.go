package netconn

import "time"

// turnBytes is the number of bytes that are written between two turns.
const turnBytes = 1 << 20

// turn lets the host's event loop run now and then. A program runs until all of its goroutines wait. If the host says
// at once that everything has been sent, as Bun and WebKit do, a program that goes on writing would never wait.
func (c *conn) turn(end *ending) error {
	if c.sinceTurn < turnBytes {
		return nil
	}
	c.sinceTurn = 0
	task := time.NewTimer(0)
	defer task.Stop()
	select {
	case <-task.C:
		return nil
	case <-end.Done():
		return end.Err()
	}
}
