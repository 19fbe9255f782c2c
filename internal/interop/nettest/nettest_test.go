// Package nettest has golang.org/x/net/nettest try netconn, natively and in JavaScript hosts. It is here because the root
// module does not require golang.org/x/net for itself.
package nettest

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
	"github.com/seed2c7e30c3/ws/wstest"
)

// TestConn: what every net.Conn does, over connections whose binary messages are ArrayBuffers, and Blobs.
func TestConn(t *testing.T) {
	for _, binaryType := range []ws.BinaryType{ws.BinaryArrayBuffer, ws.BinaryBlob} {
		t.Run(string(binaryType), func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				opts := &ws.Options{BinaryType: binaryType}
				client, server, err := wstest.Pair(&wstest.Options{Client: opts, Server: opts})
				if err != nil {
					return nil, nil, nil, err
				}
				c1, c2 = netconn.New(client), netconn.New(server)
				stop = func() {
					// What they return has been seen by the tests.
					_ = c1.Close()
					_ = c2.Close()
				}
				return c1, c2, stop, nil
			})
		})
	}
}
