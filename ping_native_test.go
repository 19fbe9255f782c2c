//go:build !js

package ws

// What a ping's answer may be late for: native, because browsers have no PingInterval, and inside of the package, because the
// test says when the interval is over instead of being in time for a timer.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// pinged is a connection whose pings are due when the test says so, and the server's end of it.
type pinged struct {
	*Conn
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newPinged(t *testing.T) *pinged {
	c, conn := rawPair(t, &Options{Native: NativeOptions{PingInterval: time.Hour}})
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &pinged{c, t, conn, bufio.NewReader(conn)}
}

// next is the next frame of the client, a short one: its first byte and its payload.
func (p *pinged) next() (first byte, payload []byte) {
	p.t.Helper()
	var header [6]byte // with the masking key
	if _, err := io.ReadFull(p.in, header[:]); err != nil {
		p.t.Fatal(err)
	}
	payload = make([]byte, header[1]&0x7f)
	if _, err := io.ReadFull(p.in, payload); err != nil {
		p.t.Fatal(err)
	}
	for i := range payload {
		payload[i] ^= header[2+i%4]
	}
	return header[0], payload
}

// deliver writes frames, and a ping by whose pong it knows that the client has read them all.
func (p *pinged) deliver(frames ...[]byte) {
	p.t.Helper()
	mustWrite(p.t, p.conn, append(bytes.Join(frames, nil), rawFrame(0x89, nil)...))
	if first, _ := p.next(); first != 0x8a {
		p.t.Fatalf("the client sent a frame that begins with %#x, want a pong", first)
	}
}

// wantPing ends the interval.
func (p *pinged) wantPing() (payload []byte) {
	p.t.Helper()
	p.pingDue()
	first, payload := p.next()
	if first != 0x89 {
		p.t.Fatalf("the client sent a frame that begins with %#x, want a ping", first)
	}
	return payload
}

// wantFailed ends the interval.
func (p *pinged) wantFailed() {
	p.t.Helper()
	p.pingDue()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if _, err := p.Wait(ctx); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Err(); !errors.Is(err, errPongTimeout) {
		p.t.Errorf("the connection ended with %v, want %v", err, errPongTimeout)
	}
}

// TestPingAnswered: only the pong to the last ping keeps the connection open.
func TestPingAnswered(t *testing.T) {
	p := newPinged(t)
	var payload []byte
	for range 3 {
		payload = p.wantPing()
		p.deliver(rawFrame(0x8a, payload))
	}
	p.wantPing()
	p.deliver(rawFrame(0x8a, payload), rawFrame(0x8a, nil))
	p.wantFailed()
}

// TestPingFragments: a connection that is receiving a long message in fragments is not failed for a pong that waits
// behind it, until nothing comes any more.
func TestPingFragments(t *testing.T) {
	p := newPinged(t)
	p.deliver(rawFrame(0x01, []byte("x")))
	p.wantPing()
	for range 3 {
		p.deliver(rawFrame(0x00, []byte("x")))
		p.pingDue()
	}
	p.deliver(rawFrame(0x80, nil))
	m, err := p.Read(t.Context())
	if err != nil || m != Text("xxxx") {
		t.Fatalf("Read: %v, %v", m, err)
	}
	p.pingDue()
	p.wantFailed()
}
