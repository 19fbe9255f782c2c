//go:build !js

package ws

import (
	"net"

	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// LocalAddr returns the local address of the TCP connection, also after the connection has closed. It is nil before the
// connection is open, and if NativeOptions.HTTPClient has a Transport that does not tell (one that is not built on
// http.Transport). The result is shared and must not be changed. A browser does not tell programs addresses: there the
// method does not exist.
func (c *Conn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.local
}

// RemoteAddr returns the other end's address of the TCP connection: the server's, or the client's of an accepted
// connection, or the proxy's if there is one. It is nil when LocalAddr is.
func (c *Conn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

// setAddresses keeps the addresses of the connection that is about to be open.
func (c *Conn) setAddresses(res *handshake.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.local, c.remote = res.Local, res.Remote
}
