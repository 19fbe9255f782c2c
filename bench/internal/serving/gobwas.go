package serving

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"
	"github.com/klauspost/compress/flate"
)

type gobwasServer struct {
	base
	flate   *gobwasFlate
	members members[net.Conn]
}

func newGobwas(b base) Server { return &gobwasServer{base: b, flate: newGobwasFlate()} }

func (s *gobwasServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := s.upgrade(w, r)
	if err != nil {
		return // the client has been told
	}
	if s.Broadcasts {
		s.members.add(conn)
	}
	s.opened()
	if s.InHandler {
		s.echo(conn, buffered)
		return
	}
	go s.echo(conn, buffered)
}

// upgrade returns the reader that net/http had for the connection, or nil if it is not wanted.
func (s *gobwasServer) upgrade(w http.ResponseWriter, r *http.Request) (net.Conn, *bufio.Reader, error) {
	var upgrader ws.HTTPUpgrader
	extension := wsflate.Extension{Parameters: wsflate.DefaultParameters}
	if s.Deflate {
		upgrader.Negotiate = extension.Negotiate
	}
	conn, rw, _, err := upgrader.Upgrade(r, w)
	if err != nil {
		return nil, nil, err
	}
	if s.Setting != Fast && rw.Reader.Buffered() == 0 {
		return conn, nil, nil
	}
	return conn, rw.Reader, nil
}

// echo reads directly from the network, which takes no buffer but several system calls for each message, or, to be
// fast, with a buffer.
func (s *gobwasServer) echo(conn net.Conn, buffered *bufio.Reader) {
	defer s.closed()
	defer conn.Close()
	var from io.Reader = conn
	if buffered != nil {
		from = buffered
	}
	if s.Deflate {
		s.echoDeflated(conn, from)
		return
	}
	rw := struct {
		io.Reader
		io.Writer
	}{from, conn}
	for {
		data, opcode, err := wsutil.ReadClientData(rw)
		if err != nil {
			return
		}
		if err := s.write(conn, ws.NewFrame(opcode, true, data)); err != nil {
			return
		}
	}
}

// write takes two system calls or, to be fast, one.
func (s *gobwasServer) write(conn net.Conn, frame ws.Frame) error {
	if s.Setting != Fast {
		return ws.WriteFrame(conn, frame)
	}
	data, err := ws.CompileFrame(frame)
	if err != nil {
		return err
	}
	_, err = conn.Write(data)
	return err
}

// echoDeflated takes frames apart by itself, as gobwas's example of compression does.
func (s *gobwasServer) echoDeflated(conn net.Conn, from io.Reader) {
	for {
		frame, err := readFrame(from)
		if err != nil || frame.Header.OpCode == ws.OpClose {
			return
		}
		text, err := s.inflated(ws.UnmaskFrameInPlace(frame))
		if err != nil {
			return
		}
		answer, err := s.deflated(ws.NewTextFrame(text))
		if err != nil {
			return
		}
		if err := s.write(conn, answer); err != nil {
			return
		}
	}
}

// readFrame needs no limit: the one client sends small frames.
func readFrame(from io.Reader) (frame ws.Frame, err error) {
	if frame.Header, err = ws.ReadHeader(from); err != nil {
		return frame, err
	}
	frame.Payload = make([]byte, frame.Header.Length)
	_, err = io.ReadFull(from, frame.Payload)
	return frame, err
}

func (s *gobwasServer) inflated(frame ws.Frame) ([]byte, error) {
	if s.Setting == Default {
		frame, err := wsflate.DecompressFrame(frame)
		return frame.Payload, err
	}
	return s.flate.inflate(frame.Payload)
}

func (s *gobwasServer) deflated(frame ws.Frame) (ws.Frame, error) {
	if s.Setting == Default {
		return wsflate.CompressFrame(frame)
	}
	data, err := s.flate.deflate(frame.Payload)
	if err != nil {
		return frame, err
	}
	frame.Payload, frame.Header.Length = data, int64(len(data))
	frame.Header, err = wsflate.SetBit(frame.Header)
	return frame, err
}

// Broadcast compiles the frame once.
func (s *gobwasServer) Broadcast(data []byte) error {
	frame, err := ws.NewBinaryFrame(data), error(nil)
	if s.Deflate {
		frame, err = s.deflated(ws.NewTextFrame(data))
	}
	if err != nil {
		return err
	}
	compiled, err := ws.CompileFrame(frame)
	if err != nil {
		return err
	}
	s.members.each(func(conn net.Conn) error {
		_, err := conn.Write(compiled)
		return err
	})
	return nil
}

// gobwasFlate is what a user of gobwas has to add: its own functions make a compressor of a megabyte for each message.
// The level is that of the other libraries.
type gobwasFlate struct {
	readers, writers sync.Pool
}

func newGobwasFlate() *gobwasFlate {
	return &gobwasFlate{
		readers: sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }},
		writers: sync.Pool{New: func() any {
			return wsflate.NewWriter(io.Discard, func(w io.Writer) wsflate.Compressor {
				f, err := flate.NewWriter(w, flate.BestSpeed)
				if err != nil {
					panic(err) // the level is valid
				}
				return f
			})
		}},
	}
}

// inflate does not use wsflate.Reader, which in gobwas 1.5.0 passes a byte too many to a reader of single bytes such as
// this one. The caller may change data.
func (f *gobwasFlate) inflate(data []byte) ([]byte, error) {
	const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff" // what is not sent, and an empty last block
	r := f.readers.Get().(io.Reader)
	defer f.readers.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(append(data, tail...)), nil); err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func (f *gobwasFlate) deflate(data []byte) ([]byte, error) {
	w := f.writers.Get().(*wsflate.Writer)
	defer f.writers.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err := w.Flush()
	return out.Bytes(), err
}
