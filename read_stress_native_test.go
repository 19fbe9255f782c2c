//go:build !js

package ws_test

// All ways to read, at once and at random. The contents of everything that was received are checked to the end.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed2c7e30c3/ws"
	"github.com/seed2c7e30c3/ws/internal/frame"
)

// numbered are messages that can be identified by their content: their number, and bytes that follow from it.
type numbered struct {
	seed  uint64
	sizes []int // to choose from
	bytes []byte
}

func newNumbered(seed uint64, sizes []int) *numbered {
	n := &numbered{seed: seed, sizes: sizes, bytes: make([]byte, 1<<20+2000)}
	for i := range n.bytes {
		n.bytes[i] = byte('a' + (i+i/26)%26)
	}
	return n
}

// message is the message of a number.
func (n *numbered) message(i int) (data []byte, text bool) {
	r := rand.New(rand.NewPCG(n.seed, uint64(i)))
	size := r.IntN(1 + n.sizes[r.IntN(len(n.sizes))])
	data = fmt.Appendf(make([]byte, 0, 8+size), "%08x", i)
	from := r.IntN(1000)
	return append(data, n.bytes[from:from+size]...), r.IntN(2) == 0
}

// check returns which message that is.
func (n *numbered) check(data []byte) (int, error) {
	if len(data) < 8 {
		return 0, fmt.Errorf("%d bytes", len(data))
	}
	i, err := strconv.ParseUint(string(data[:8]), 16, 32)
	if err != nil {
		return 0, err
	}
	if want, _ := n.message(int(i)); !bytes.Equal(data, want) {
		return 0, fmt.Errorf("message %d of %d bytes has %d, %.20q", i, len(want), len(data), data)
	}
	return int(i), nil
}

// readAll is what several readers of one connection have got.
type readAll struct {
	t *testing.T
	c *ws.Conn
	*numbered

	mu   sync.Mutex
	seen map[int]int
	kept []func() []byte
}

func (a *readAll) got(data []byte, keep func() []byte) bool {
	i, err := a.check(data)
	if err != nil {
		a.t.Error(err)
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen[i]++
	if keep != nil {
		a.kept = append(a.kept, keep)
	}
	return true
}

const canary = 0xdd

// read reads in all ways until the connection is closed.
func (a *readAll) read(r *rand.Rand) {
	var mine [3][]byte     // memory that is used again
	var foreign []([]byte) // memory that ReadAppend has given back
	defer func() {
		for _, b := range foreign {
			if n := bytes.Count(b, []byte{canary}); n != len(b) {
				a.t.Errorf("%d of %d bytes of memory that was given back were written", len(b)-n, len(b))
			}
		}
	}()
	var shared context.Context
	var cancelShared context.CancelFunc
	share := func() { shared, cancelShared = context.WithCancel(a.t.Context()) }
	share()
	defer func() { cancelShared() }()
	for {
		ctx, cancel := context.Context(shared), context.CancelFunc(func() {})
		switch r.IntN(4) {
		case 0:
			ctx, cancel = context.WithTimeout(a.t.Context(), time.Duration(r.IntN(300))*time.Microsecond)
		case 1:
			ctx = context.Background()
		case 2:
			if r.IntN(20) == 0 {
				cancelShared()
				share()
			}
		}
		var err error
		switch r.IntN(8) {
		case 0:
			a.c.SetBinaryType([]ws.BinaryType{ws.BinaryBlob, ws.BinaryArrayBuffer}[r.IntN(2)])
			var m ws.Message
			if m, err = a.c.Read(ctx); err == nil {
				a.got(content(a.t, m), func() []byte { return content(a.t, m) })
			}
		case 1:
			var data []byte
			if data, err = a.c.ReadBytes(ctx); err == nil {
				a.got(data, func() []byte { return data })
			}
		case 2:
			var text string
			if text, err = a.c.ReadText(ctx); err == nil {
				a.got([]byte(text), func() []byte { return []byte(text) })
			} else if errors.As(err, new(*ws.Exception)) {
				err = nil
			}
		default:
			which := r.IntN(len(mine))
			dst := mine[which]
			if dst == nil && r.IntN(2) == 0 {
				dst = make([]byte, 0, r.IntN(1<<(8+r.IntN(13))))
			}
			dst = append(dst[:0], "prefix"[:r.IntN(7)]...)
			prefix := len(dst)
			var data []byte
			data, err = a.c.ReadAppend(ctx, dst)
			switch {
			case err != nil:
				mine[which] = nil
				all := dst[:cap(dst)]
				for i := range all {
					all[i] = canary
				}
				if len(foreign) < 100 {
					foreign = append(foreign, all)
				}
			case string(data[:prefix]) != "prefix"[:prefix]:
				a.t.Errorf("the prefix is %q", data[:prefix])
			case r.IntN(3) == 0:
				a.got(data[prefix:], func() []byte { return data[prefix:] })
				mine[which] = nil
			default:
				a.got(data[prefix:], nil)
				mine[which] = data
			}
		}
		cancel()
		if errors.As(err, new(*ws.CloseError)) {
			return
		}
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			a.t.Error(err)
			return
		}
		if r.IntN(50) == 0 {
			time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
		}
	}
}

// writeRaw writes messages as no good endpoint does: in pieces of any length, fragments of any length, and pings
// between.
func writeRaw(conn net.Conn, n *numbered, count int, masked bool, r *rand.Rand) error {
	var out []byte
	add := func(op frame.Opcode, fin bool, data []byte) {
		if masked {
			key := [4]byte(binary.BigEndian.AppendUint32(nil, r.Uint32()))
			out = frame.AppendHeader(out, op, fin, false, int64(len(data)), key)
			start := len(out)
			out = append(out, data...)
			frame.Mask(out[start:], out[start:], key, 0)
		} else {
			out = append(frame.AppendUnmaskedHeader(out, op, fin, false, int64(len(data))), data...)
		}
	}
	write := func(least int) error {
		for len(out) > least {
			k := min(len(out), 1+r.IntN(1<<(4+r.IntN(17))))
			if _, err := conn.Write(out[:k]); err != nil {
				return err
			}
			out = out[k:]
			if r.IntN(30) == 0 {
				time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
			}
		}
		out = append([]byte(nil), out...)
		return nil
	}
	for i := range count {
		data, text := n.message(i)
		op := frame.Binary
		if text {
			op = frame.Text
		}
		pieces := 1
		if r.IntN(4) == 0 {
			pieces = 1 + r.IntN(5)
		}
		for p := range pieces {
			part := data
			if p < pieces-1 {
				part = data[:r.IntN(len(data)+1)]
			}
			data = data[len(part):]
			add(op, p == pieces-1, part)
			op = frame.Continuation
			if r.IntN(20) == 0 {
				add(frame.Ping, true, []byte("ping"))
			}
		}
		if err := write(r.IntN(200 << 10)); err != nil {
			return err
		}
	}
	switch r.IntN(3) {
	case 0:
		add(frame.Close, true, []byte{1000 >> 8, 1000 & 0xff})
	case 1:
		add(3, true, nil)
	default:
		add(frame.Close, true, nil)
	}
	out = append(out, bytes.Repeat([]byte{canary}, r.IntN(300<<10))...)
	_ = write(0) // the other end may close
	return nil
}

// TestReadStress: whatever reads at once, and however it is given up, each message comes once and as it was sent, and
// stays so; and no memory is written that is the program's again.
func TestReadStress(t *testing.T) {
	t.Parallel()
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		for _, kind := range []string{"client", "server", "raw client", "raw server"} {
			for _, compressed := range []bool{false, true} {
				if compressed && kind[0] == 'r' {
					continue
				}
				seed := rand.Uint64()
				t.Run(fmt.Sprintf("%d/%s/%v", round, kind, compressed), func(t *testing.T) {
					t.Parallel()
					readStress(t, kind, compressed, seed)
				})
			}
		}
	}
}

func readStress(t *testing.T, kind string, compressed bool, seed uint64) {
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	sizes := [][]int{{20}, {200}, {20, 200, 2000}, {100, 5000, 20_000}, {50, 70_000, 200_000}, {200, 1 << 20},
		{40_000}}[r.IntN(7)]
	count := min(3000, 8<<20/(1+sizes[len(sizes)-1]))
	n := newNumbered(seed, sizes)
	readBuffer := []int64{0, 1, 30_000, -1}[r.IntN(4)]
	server := &ws.AcceptOptions{ReadBuffer: readBuffer, MessageLimit: -1, SendBuffer: -1,
		Compression: ws.Compression(r.IntN(2))}
	if !compressed {
		server.Compression = ws.NoCompression
	}
	client := &ws.Options{ReadBuffer: readBuffer, Native: ws.NativeOptions{DisableCompression: !compressed}}
	var c *ws.Conn
	var feed func() error
	byPeer := func(peer *ws.Conn) func() error {
		return func() error {
			for i := range count {
				data, text := n.message(i)
				var m ws.Message = ws.Bytes(data)
				if text {
					m = ws.Text(data)
				}
				if err := peer.Send(m); err != nil {
					return err
				}
				if err := peer.Drain(context.Background(), 4<<20); err != nil {
					return err
				}
			}
			return peer.CloseWith(1000, "done")
		}
	}
	feeder := rand.New(rand.NewPCG(seed, 2))
	switch kind {
	case "client":
		d, a := pair(t, client, server)
		c, feed = d, byPeer(a)
	case "server":
		d, a := pair(t, client, server)
		c, feed = a, byPeer(d)
	case "raw client": // the client is what is tested
		d, conn := rawDial(t, client)
		go discard(conn)
		c, feed = d, func() error { return writeRaw(conn, n, count, false, feeder) }
	case "raw server":
		s := serveAccept(t, server)
		conn := connectRaw(t, s.Server, handshakeRequest("x"))
		conn.SetDeadline(time.Time{})
		c = await(t, "accepted", s.conns)
		go discard(conn)
		feed = func() error { return writeRaw(conn, n, count, true, feeder) }
	}
	cut := r.IntN(4) == 0
	all := &readAll{t: t, c: c, numbered: n, seen: make(map[int]int)}
	var working sync.WaitGroup
	working.Go(func() {
		if err := feed(); err != nil && !cut {
			t.Error(err)
		}
	})
	for i := range 1 + r.IntN(3) {
		own := rand.New(rand.NewPCG(seed, uint64(10+i)))
		working.Go(func() { all.read(own) })
	}
	if cut {
		working.Go(func() {
			time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
			if r.IntN(2) == 0 {
				c.CloseNow()
			} else {
				c.CloseWith(3000, "")
			}
		})
	}
	finished := make(chan struct{})
	go func() { working.Wait(); close(finished) }()
	await(t, "end of all readers", finished)
	for _, keep := range all.kept {
		if _, err := n.check(keep()); err != nil {
			t.Errorf("later: %v", err)
		}
	}
	for i := range count {
		if got := all.seen[i]; got > 1 || got == 0 && !cut {
			t.Fatalf("message %d was received %d times; cut: %v; end: %v", i, got, cut, c.Err())
		}
	}
}

func discard(conn net.Conn) {
	var b [64 << 10]byte
	for {
		if _, err := conn.Read(b[:]); err != nil {
			return
		}
	}
}
