package deflatetest

import (
	"bytes"
	"compress/flate"
)

// Deflater compresses messages, which may refer to earlier ones, with the standard library.
type Deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

// NewDeflater returns a Deflater with a level of compress/flate.
func NewDeflater(level int) *Deflater {
	d := new(Deflater)
	d.w, _ = flate.NewWriter(&d.out, level)
	return d
}

// Deflate compresses a message, without the last four bytes.
func (d *Deflater) Deflate(msg []byte) []byte {
	d.out.Reset()
	d.w.Write(msg)
	d.w.Flush()
	return bytes.Clone(bytes.TrimSuffix(d.out.Bytes(), []byte{0, 0, 0xFF, 0xFF}))
}
