//go:build !js

package ws

import (
	"net"

	"github.com/seed2c7e30c3/ws/internal/handshake"
)

// LocalAddr returns the local address of the TCP connection, even after the connection has closed. It is nil before the
// connection is open. It is also nil if the Transport of NativeOptions.HTTPClient is not built on http.Transport and
// does not reveal the address. The result is shared and must not be modified. Browsers do not reveal addresses: there
// the method does not exist.
func (c *Conn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.local
}

// RemoteAddr returns the address of the other end of the TCP connection: that of the server or, for an accepted
// connection, of the client. If there is a proxy, it is the proxy's. It is nil whenever LocalAddr is.
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
