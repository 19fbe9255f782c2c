//go:build !js

package ws

import "unsafe"

// content returns the bytes of m, which belong to m, and whether they are text.
func content(m Message) (data []byte, text bool) {
	switch m := m.(type) {
	case Text:
		return unsafe.Slice(unsafe.StringData(string(m)), len(m)), true
	case Bytes:
		return m, false
	case *ArrayBuffer:
		return m.data, false
	case *Blob:
		return m.data, false
	}
	return nil, false
}

// message makes of p what is delivered. p.data is nobody else's.
func (p payload) message(t BinaryType) Message {
	switch {
	case p.text:
		return Text(unsafe.String(unsafe.SliceData(p.data), len(p.data)))
	case t == BinaryBlob:
		return &Blob{blob{data: p.data}}
	case p.array != nil:
		return p.array
	}
	return newArrayBuffer(p.data)
}
