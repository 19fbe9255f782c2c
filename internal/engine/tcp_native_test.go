//go:build !js

package engine_test

// Real connections below an Endpoint: native only, because js has none.

import (
	"net"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/engine"
	"github.com/seed2c7e30c3/ws/internal/netio"
)

// tcpPair returns a TCP connection's two ends, with send and receive buffers of about that size on both; 0 means
// the system's.
func tcpPair(t testing.TB, buffer int) (own, peer *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	own, err = net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	peer, err = l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close(); peer.Close() })
	if buffer > 0 {
		for _, conn := range []*net.TCPConn{own, peer} {
			conn.SetReadBuffer(buffer)
			conn.SetWriteBuffer(buffer)
		}
	}
	return own, peer
}

// startTCP starts an Endpoint for a client on a real connection, and returns the peer's end.
func startTCP(t testing.TB, owner engine.Owner, buffer int, config engine.Config) (*engine.Endpoint, *net.TCPConn) {
	t.Helper()
	own, peer := tcpPair(t, buffer)
	return start(t, owner, netio.New(own), config), peer
}
