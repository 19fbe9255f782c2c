package frame

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/flate"
)

// tiny is the length in bytes below which a message is not worth compressing.
const tiny = 32

// A Deflater compresses the messages of one connection (RFC 7692 section 7.2.1). It is for one goroutine at a time.
type Deflater struct {
	keep   bool // messages may refer to earlier ones
	window int
	c      *compressor // between two messages only if keep
}

// NewDeflater returns a Deflater for what was negotiated. It allocates nothing more before the first message.
func NewDeflater(p DeflateParams) *Deflater {
	bits := p.ClientMaxWindowBits
	if bits < minWindowBits || bits > maxWindowBits {
		bits = maxWindowBits
	}
	return &Deflater{keep: !p.ClientNoContextTakeover, window: 1 << bits}
}

type compressor struct {
	w   *flate.Writer
	out []byte
}

func (c *compressor) Write(p []byte) (int, error) {
	c.out = append(c.out, p...)
	return len(p), nil
}

// compressors keeps those with the full window.
var compressors sync.Pool

func newCompressor(window int) (*compressor, error) {
	c := new(compressor)
	var err error
	if window == 1<<maxWindowBits {
		c.w, err = flate.NewWriter(c, flate.BestSpeed)
	} else {
		c.w, err = flate.NewWriterWindow(c, window)
	}
	return c, err
}

// Deflate appends the payload of a compressed message to dst, or reports false, having appended nothing, if msg is better sent
// as it is.
func (d *Deflater) Deflate(dst, msg []byte) ([]byte, bool) {
	if len(msg) < tiny {
		return dst, false
	}
	c := d.c
	if c == nil {
		pooled := d.window == 1<<maxWindowBits
		if pooled {
			c, _ = compressors.Get().(*compressor)
		}
		if c == nil {
			var err error
			if c, err = newCompressor(d.window); err != nil {
				panic(fmt.Sprintf("frame: window of %d bytes: %v", d.window, err))
			}
		} else {
			c.w.Reset(c)
		}
		if d.keep || !pooled {
			d.c = c
		} else {
			defer compressors.Put(c)
		}
	} else if !d.keep {
		c.w.Reset(c)
	}
	c.out = dst
	_, err := c.w.Write(msg)
	if err == nil {
		err = c.w.Flush()
	}
	out := c.out
	c.out = nil
	const tail = 4 // 00 00 FF FF
	if n := len(out) - tail; err == nil && n-len(dst) < len(msg) {
		return out[:n], true
	}
	// The server will not see what the compressor remembers.
	c.w.Reset(c)
	return dst, false
}
