package netconn

import (
	"net"
	"strings"
)

const network = "websocket"

// addressed is a connection that knows its addresses, as *ws.Conn does natively.
type addressed interface {
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

func (c *conn) LocalAddr() net.Addr {
	if known, ok := any(c.ws).(addressed); ok {
		if a := known.LocalAddr(); a != nil {
			return a
		}
	}
	return addr("unknown")
}

func (c *conn) RemoteAddr() net.Addr {
	if known, ok := any(c.ws).(addressed); ok {
		if a := known.RemoteAddr(); a != nil {
			return a
		}
	}
	return c.remote
}

// addr is the address of a connection whose network addresses are unknown.
type addr string

func (addr) Network() string  { return network }
func (a addr) String() string { return string(a) }

// withoutCredentials removes user name and password from a serialised URL, in which they cannot contain "@" or "/".
func withoutCredentials(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	authority, path, slash := strings.Cut(rest, "/")
	if _, host, found := strings.Cut(authority, "@"); found {
		authority = host
	}
	if slash {
		path = "/" + path
	}
	return scheme + "://" + authority + path
}
