package ws_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/seed2c7e30c3/ws/internal/testserver"
)

// peer is a server on raw TCP that does what the test tells it.
type peer struct {
	t testing.TB
	testserver.Peer
	stopped bool
}

func newPeer(t testing.TB) *peer {
	t.Helper()
	p := &peer{t: t}
	p.get("http"+strings.TrimPrefix(serverURL, "ws")+"/peer", &p.Peer)
	t.Cleanup(p.stop)
	return p
}

// stop ends the peer.
func (p *peer) stop() {
	if p.stopped {
		return
	}
	p.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if _, err := fetchControl(ctx, p.Control+"/stop"); err != nil {
		p.t.Errorf("stopping the peer: %v", err)
	}
}

func (p *peer) get(url string, result any) {
	p.t.Helper()
	body, err := fetchControl(testContext(p.t), url)
	if err != nil {
		p.t.Fatalf("the peer: %s: %v", url[:min(len(url), 100)], err)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(body, result); err != nil {
		p.t.Fatalf("the peer: %v: %s", err, body)
	}
}

// conn returns the peer's end of the nth connection to it, from 0.
func (p *peer) conn(n int) *peerConn { return &peerConn{p, n} }

// accept waits for the first connection and opens it.
func (p *peer) accept() *peerConn {
	p.t.Helper()
	c := p.conn(0)
	c.accept("")
	return c
}

type peerConn struct {
	*peer
	n int
}

func (c *peerConn) do(op string, result any, args ...string) {
	c.t.Helper()
	query := url.Values{"conn": {fmt.Sprint(c.n)}}
	for i := 0; i < len(args); i += 2 {
		query.Set(args[i], args[i+1])
	}
	c.get(c.Control+"/"+op+"?"+query.Encode(), result)
}

// request waits for the client's request.
func (c *peerConn) request() (r testserver.Request) {
	c.t.Helper()
	c.do("request", &r)
	return r
}

// accept opens the connection.
func (c *peerConn) accept(protocol string) (r testserver.Request) {
	c.t.Helper()
	c.do("accept", &r, "protocol", protocol)
	return r
}

// write writes bytes that need not make sense.
func (c *peerConn) write(data []byte) {
	c.t.Helper()
	c.do("write", nil, "hex", hex.EncodeToString(data))
}

// answer writes an answer to the handshake.
func (c *peerConn) answer(lines ...string) {
	c.t.Helper()
	c.do("write", nil, "text", strings.Join(lines, "\r\n")+"\r\n\r\n")
}

// The first bytes of frames (RFC 6455, section 5.2).
const (
	fin          = 0x80
	continuation = 0x0
	text         = 0x1
	binaryFrame  = 0x2
	closeFrame   = 0x8
	ping         = 0x9
	pong         = 0xA
)

// frame sends a frame.
func (c *peerConn) frame(first byte, payload string) {
	c.t.Helper()
	c.repeat(first, payload, 1)
}

// repeat sends a frame whose payload is a part n times.
func (c *peerConn) repeat(first byte, part string, n int) {
	c.t.Helper()
	c.do("frame", nil, "first", fmt.Sprintf("%02x", first), "hex", hex.EncodeToString([]byte(part)), "repeat",
		fmt.Sprint(n))
}

// texts sends text messages in one write.
func (c *peerConn) texts(messages ...string) {
	c.t.Helper()
	var data []byte
	for _, m := range messages {
		data = append(data, fin|text, byte(len(m)))
		data = append(data, m...)
	}
	c.write(data)
}

func (c *peerConn) close(code uint16, reason string) {
	c.t.Helper()
	c.frame(fin|closeFrame, closeBody(code, reason))
}

func closeBody(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

// next returns the client's next frame, or its end of TCP.
func (c *peerConn) next() (f testserver.Frame) {
	c.t.Helper()
	c.do("next", &f)
	return f
}

// rest reads until the client has ended TCP and returns the frames before that.
func (c *peerConn) rest() (frames []testserver.Frame) {
	c.t.Helper()
	for {
		f := c.next()
		if f.End != "" {
			return frames
		}
		frames = append(frames, f)
	}
}

// message returns the client's next message, whose fragments are put together: browsers cut as they like.
func (c *peerConn) message() (m testserver.Frame) {
	c.t.Helper()
	c.do("message", &m)
	return m
}

// ending reads until the client's Close frame, answers that, ends TCP, and returns the frames. A client that ends TCP
// without one is accepted, too.
func (c *peerConn) ending() (frames []testserver.Frame) {
	c.t.Helper()
	for {
		f := c.next()
		if f.End != "" {
			return frames
		}
		frames = append(frames, f)
		if f.First == fin|closeFrame {
			c.frame(fin|closeFrame, string(f.Payload))
			c.end("close")
			return frames
		}
	}
}

// wantFrame checks the client's next frame.
func (c *peerConn) wantFrame(first byte, payload string) {
	c.t.Helper()
	f := c.next()
	if f.End != "" || f.First != first || f.Length != len(payload) || string(f.Payload) != payload {
		c.t.Fatalf("the client sent %s, want a frame %#02x %q", showFrame(f), first, payload)
	}
}

// wantAnswer checks that the client's next frame is the Close frame that answers one with code. It need not have
// its reason.
func (c *peerConn) wantAnswer(code uint16) {
	c.t.Helper()
	f := c.next()
	if f.First != fin|closeFrame || !strings.HasPrefix(string(f.Payload), closeBody(code, "")) {
		c.t.Fatalf("the client sent %s, want a Close frame with %d", showFrame(f), code)
	}
}

// reservedFrame is a frame that breaks the protocol: a reserved bit is set.
const reservedFrame = "\xc1\x01x"

func showFrame(f testserver.Frame) string {
	if f.End != "" {
		return f.End
	}
	return fmt.Sprintf("a frame %#02x of %d bytes %q", f.First, f.Length, f.Payload[:min(len(f.Payload), 32)])
}

// end ends the connection: "fin", "close" or "reset".
func (c *peerConn) end(how string) {
	c.t.Helper()
	c.do("end", nil, "how", how)
}
