// Package nettest has golang.org/x/net/nettest try netconn, natively and in JavaScript hosts. It is here because the
// root module does not require golang.org/x/net for itself.
package nettest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/netconn"
	"github.com/seed2c7e30c3/ws/wstest"
)

// serverVariable names the environment variable with the URL of a meeting, where two connections of a host are joined.
// The connections of wstest are no use there: what they send is gone at once, so a Write without end would never wait.
const serverVariable = "NETTEST_SERVER"

// TestConn: what every net.Conn does, over connections whose binary messages are ArrayBuffers, and Blobs.
func TestConn(t *testing.T) {
	for _, binaryType := range []ws.BinaryType{ws.BinaryArrayBuffer, ws.BinaryBlob} {
		t.Run(string(binaryType), func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				a, b, err := pair(t, &ws.Options{BinaryType: binaryType})
				if err != nil {
					return nil, nil, nil, err
				}
				c1, c2 = netconn.New(a), netconn.New(b)
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

var meetings atomic.Int64

// pair returns two connections that are joined.
func pair(t *testing.T, opts *ws.Options) (a, b *ws.Conn, err error) {
	server := os.Getenv(serverVariable)
	if server == "" {
		return wstest.Pair(&wstest.Options{Client: opts, Server: opts})
	}
	url := fmt.Sprintf("%s/%d-%d", server, time.Now().UnixNano(), meetings.Add(1))
	a, err = ws.Dial(t.Context(), url, opts)
	if err != nil {
		return nil, nil, err
	}
	if b, err = ws.Dial(t.Context(), url, opts); err != nil {
		return nil, nil, errors.Join(err, a.CloseNow())
	}
	return a, b, nil
}
